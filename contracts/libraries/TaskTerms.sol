// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRoundLedgerErrors} from "../interfaces/IRoundLedger.sol";
import {Terms} from "../interfaces/ITaskMarket.sol";
import {Clock, Money, Opening, Task} from "./State.sol";

/// @dev Terms of a task: what is refused at publication, and how they lie in storage.
library TaskTerms {
    uint256 internal constant MAX_SEATS = 16;
    uint256 internal constant MAX_SPAN_PERIODS = 8;

    /// @param unbonding seconds that unbonding takes: stake must not be able to leave before a round that it answers for is over
    function check(
        Terms calldata t,
        uint64 unbonding
    ) internal pure {
        uint256 toReveal = uint256(t.work) + t.sealDelay + t.commitWindow + t.revealWindow;
        uint256 span = toReveal + t.challengeWindow;
        _check(t.rounds >= 1 && t.rounds < type(uint16).max, "rounds");
        _check(t.period >= 1, "period");
        _check(t.work >= 1 && t.work <= t.period, "work");
        _check(t.commitWindow >= 1, "commitWindow");
        _check(t.revealWindow >= 1, "revealWindow");
        _check(t.seats >= 1 && t.seats <= MAX_SEATS, "seats");
        _check(t.staleness >= 1, "staleness");
        _check(t.attestTime >= 1 && t.attestTime <= t.challengeWindow, "attestTime");
        _check(toReveal + t.attestTime <= uint256(t.staleness) * t.period, "windows");
        _check(span <= MAX_SPAN_PERIODS * t.period, "span");
        _check(unbonding >= span, "unbonding");
        _check(t.bond != 0 && _isGwei(t.bond), "bond");
        _check(t.minStake != 0 && _isGwei(t.minStake), "minStake");
        _check(t.price <= type(uint64).max, "price");
        _check(t.seatFee <= type(uint72).max, "seatFee");
        _check(t.attestFee <= type(uint72).max, "attestFee");
        _check(t.maxUnits >= 1, "maxUnits");
        uint256 one = uint256(t.maxUnits) * t.price + uint256(t.seats) * t.seatFee;
        _check(t.pot >= one && t.pot <= type(uint88).max / 2, "pot");
    }

    function store(
        Task storage s,
        Terms calldata t
    ) internal {
        s.clock = Clock({
            head: 0,
            pending: 0,
            lastRound: t.rounds,
            start: 0,
            period: t.period,
            work: t.work,
            sealDelay: t.sealDelay,
            commitWindow: t.commitWindow,
            revealWindow: t.revealWindow,
            challengeWindow: t.challengeWindow,
            seats: t.seats,
            staleness: t.staleness,
            bond: uint64(t.bond / 1 gwei)
        });
        s.money = Money({pot: uint88(t.pot), price: uint64(t.price), seatFee: uint72(t.seatFee), maxUnits: t.maxUnits});
        s.opening = Opening({
            attestFee: uint72(t.attestFee),
            minStake: uint64(t.minStake / 1 gwei),
            lead: t.lead,
            minTrainers: t.minTrainers,
            attestTime: t.attestTime,
            rounds: t.rounds,
            genesisWeight: 0
        });
        s.specHash = t.specHash;
        s.genesis = t.genesis;
    }

    function load(
        Task storage s
    ) internal view returns (Terms memory t) {
        Clock memory c = s.clock;
        Money memory m = s.money;
        Opening memory o = s.opening;
        (t.specHash, t.genesis) = (s.specHash, s.genesis);
        (t.rounds, t.period, t.work, t.sealDelay) = (o.rounds, c.period, c.work, c.sealDelay);
        (t.commitWindow, t.revealWindow, t.attestTime, t.challengeWindow) =
        (c.commitWindow, c.revealWindow, o.attestTime, c.challengeWindow);
        (t.lead, t.seats, t.staleness, t.minTrainers) = (o.lead, c.seats, c.staleness, o.minTrainers);
        (t.minStake, t.bond) = (uint256(o.minStake) * 1 gwei, uint256(c.bond) * 1 gwei);
        (t.price, t.seatFee, t.attestFee, t.maxUnits, t.pot) = (m.price, m.seatFee, o.attestFee, m.maxUnits, m.pot);
    }

    /// @dev Wei that one open submission risks.
    function exposure(
        Clock memory c,
        Money memory m
    ) internal pure returns (uint256) {
        return uint256(c.bond) * 1 gwei + uint256(c.seats) * m.seatFee;
    }

    function _isGwei(
        uint256 amount
    ) private pure returns (bool) {
        return amount % 1 gwei == 0 && amount / 1 gwei <= type(uint64).max;
    }

    function _check(
        bool good,
        string memory what
    ) private pure {
        require(good, IRoundLedgerErrors.BadTerms(what));
    }
}
