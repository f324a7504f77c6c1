// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRoundLedgerErrors} from "../interfaces/IRoundLedger.sol";
import {Terms} from "../interfaces/ITaskMarket.sol";
import {Clock, Clocks} from "./Clock.sol";
import {Task} from "./State.sol";
import {Money, Opening} from "./Words.sol";

/// @dev Terms of a task: what is refused at publication, and how they lie in storage.
library TaskTerms {
    uint256 internal constant MAX_SEATS = 16;
    uint256 internal constant MAX_SPAN_PERIODS = 8;

    /// @param unbonding seconds that unbonding takes: stake must not be able to leave before a round that it answers for is over
    function check(Terms memory t, uint64 unbonding) internal pure {
        bytes32 wrong = _wrongTimes(t, unbonding);
        if (wrong == 0) wrong = _wrongMoney(t);
        if (wrong != 0) revert IRoundLedgerErrors.BadTerms(_text(wrong));
    }

    /// @return the name of the first time or count that doesn't fit, or 0
    function _wrongTimes(Terms memory t, uint64 unbonding) private pure returns (bytes32) {
        uint256 toReveal = uint256(t.work) + t.sealDelay + t.commitWindow + t.revealWindow;
        uint256 span = toReveal + t.challengeWindow;
        if (t.rounds == 0 || t.rounds == type(uint16).max) return "rounds";
        if (t.period == 0) return "period";
        if (t.work == 0 || t.work > t.period) return "work";
        if (t.commitWindow == 0) return "commitWindow";
        if (t.revealWindow == 0) return "revealWindow";
        if (t.seats == 0 || t.seats > MAX_SEATS) return "seats";
        if (t.staleness == 0) return "staleness";
        if (t.attestTime == 0 || t.attestTime > t.challengeWindow) return "attestTime";
        if (toReveal + t.attestTime > uint256(t.staleness) * t.period) return "windows";
        if (span > MAX_SPAN_PERIODS * t.period) return "span";
        if (span > unbonding) return "unbonding";
        return 0;
    }

    /// @return the name of the first amount that doesn't fit, or 0
    function _wrongMoney(Terms memory t) private pure returns (bytes32) {
        if (t.bond == 0 || !_isGwei(t.bond)) return "bond";
        if (t.minStake == 0 || !_isGwei(t.minStake)) return "minStake";
        if (t.price > type(uint64).max) return "price";
        if (t.seatFee > type(uint72).max) return "seatFee";
        if (t.attestFee > type(uint72).max) return "attestFee";
        if (t.maxUnits == 0) return "maxUnits";
        uint256 one = uint256(t.maxUnits) * t.price + uint256(t.seats) * t.seatFee;
        if (t.pot < one || t.pot > type(uint88).max / 2) return "pot";
        return 0;
    }

    function store(Task storage s, Terms memory t) internal {
        uint256 word = uint256(t.rounds) << 32 | uint256(t.period) << Clocks.PERIOD | uint256(t.work) << Clocks.WORK | uint256(t.sealDelay)
            << Clocks.SEAL_DELAY | uint256(t.commitWindow) << Clocks.COMMIT | uint256(t.revealWindow) << Clocks.REVEAL
            | uint256(t.challengeWindow) << Clocks.CHALLENGE | uint256(t.seats) << Clocks.SEATS | uint256(t.staleness) << Clocks.STALENESS
            | (t.bond / 1 gwei) << Clocks.BOND;
        s.clock = Clock.wrap(word);
        s.money = Money.wrap(t.price | uint256(t.maxUnits) << 64 | t.seatFee << 96 | t.pot << 168);
        word = t.attestFee | (t.minStake / 1 gwei) << 72 | uint256(t.lead) << 136 | uint256(t.minTrainers) << 152;
        s.opening = Opening.wrap(word | uint256(t.attestTime) << 160 | uint256(t.rounds) << 176);
        s.specHash = t.specHash;
        s.genesis = t.genesis;
    }

    function load(Task storage s) internal view returns (Terms memory t) {
        Clock c = s.clock;
        Money m = s.money;
        Opening o = s.opening;
        (t.specHash, t.genesis) = (s.specHash, s.genesis);
        (t.rounds, t.period, t.work, t.sealDelay) = (o.rounds(), c.period(), c.work(), c.sealDelay());
        (t.commitWindow, t.revealWindow, t.attestTime, t.challengeWindow) =
        (c.commitWindow(), c.revealWindow(), o.attestTime(), c.challengeWindow());
        (t.lead, t.seats, t.staleness, t.minTrainers) = (o.lead(), c.seats(), c.staleness(), o.minTrainers());
        (t.minStake, t.bond) = (o.minStake() * 1 gwei, c.bond());
        (t.price, t.seatFee, t.attestFee, t.maxUnits, t.pot) = (m.price(), m.seatFee(), o.attestFee(), uint32(m.maxUnits()), m.pot());
    }

    /// @dev Wei that one open submission risks.
    function exposure(Clock c, Money m) internal pure returns (uint256) {
        return c.bond() + uint256(c.seats()) * m.seatFee();
    }

    function _isGwei(uint256 amount) private pure returns (bool) {
        return amount % 1 gwei == 0 && amount / 1 gwei <= type(uint64).max;
    }

    /// @dev A short name, which ends at its first zero byte, as a string.
    function _text(bytes32 name) private pure returns (string memory text) {
        uint256 n;
        while (name[n] != 0) ++n;
        text = new string(n);
        assembly ("memory-safe") {
            mstore(add(text, 32), name)
        }
    }
}
