// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PayTerms} from "../interfaces/ITally.sol";
import {Terms} from "../interfaces/ITaskMarket.sol";
import {Clock, Clocks} from "./Clock.sol";
import {Task} from "./State.sol";
import {Money, Opening, Stakes} from "./Words.sol";

/// @dev How the terms of a task lie in storage. What is refused at publication is the market's to know (see TermsCheck).
library TaskTerms {
    function store(Task storage s, Terms memory t) internal {
        uint256 word = uint256(t.rounds) << 32 | uint256(t.period) << Clocks.PERIOD | uint256(t.work) << Clocks.WORK | uint256(t.sealDelay)
            << Clocks.SEAL_DELAY | uint256(t.commitWindow) << Clocks.COMMIT | uint256(t.revealWindow) << Clocks.REVEAL
            | uint256(t.challengeWindow) << Clocks.CHALLENGE | uint256(t.seats) << Clocks.SEATS | uint256(t.staleness) << Clocks.STALENESS
            | uint256(t.extraWindow) << Clocks.EXTRA | (t.isPrivate ? 1 << Clocks.PRIVATE : 0);
        s.clock = Clock.wrap(word);
        s.money = Money.wrap(t.price | uint256(t.maxUnits) << 64 | t.seatFee << 96 | t.pot << 168);
        word = t.attestFee | (t.minStake / 1 gwei) << 72 | uint256(t.lead) << 136 | uint256(t.minTrainers) << 152;
        s.opening = Opening.wrap(word | uint256(t.attestTime) << 160 | uint256(t.rounds) << 176);
        word = (t.bond / 1 gwei) | (t.cut / 1 gwei) << 64 | t.canaryFee << 128 | uint256(t.canaryRate) << 200;
        s.stakes = Stakes.wrap(word | uint256(t.power) << 216);
        s.specHash = t.specHash;
        s.genesis = t.genesis;
    }

    function load(Task storage s) internal view returns (Terms memory t) {
        (Clock c, Money m, Opening o, Stakes k) = (s.clock, s.money, s.opening, s.stakes);
        (t.specHash, t.genesis) = (s.specHash, s.genesis);
        (t.rounds, t.period, t.work, t.sealDelay) = (o.rounds(), c.period(), c.work(), c.sealDelay());
        (t.commitWindow, t.revealWindow, t.extraWindow) = (c.commitWindow(), c.revealWindow(), c.extraWindow());
        (t.attestTime, t.challengeWindow, t.lead) = (o.attestTime(), c.challengeWindow(), o.lead());
        (t.seats, t.staleness, t.minTrainers, t.isPrivate) = (c.seats(), c.staleness(), o.minTrainers(), c.isPrivate());
        (t.minStake, t.bond, t.cut) = (o.minStake() * 1 gwei, k.bond(), k.cut());
        (t.price, t.seatFee, t.attestFee, t.maxUnits, t.pot) = (m.price(), m.seatFee(), o.attestFee(), uint32(m.maxUnits()), m.pot());
        (t.canaryFee, t.canaryRate, t.power) = (k.canaryFee(), uint16(k.canaryRate()), uint16(k.power()));
    }

    /// @dev What a settlement needs of the terms.
    function pay(Task storage s, Clock c) internal view returns (PayTerms memory) {
        (Money m, Stakes k) = (s.money, s.stakes);
        return PayTerms({
            seats: c.seats(),
            price: m.price(),
            seatFee: m.seatFee(),
            attestFee: s.opening.attestFee(),
            pot: m.pot(),
            bond: k.bond(),
            cut: k.cut(),
            canaryFee: k.canaryFee(),
            canaryRate: k.canaryRate()
        });
    }

    /// @dev Wei that one open submission risks: its bond and the fees of all seats that may refuse it.
    function exposure(Task storage s, Clock c) internal view returns (uint256) {
        uint256 draws = c.extraWindow() == 0 ? 1 : 2;
        return s.stakes.bond() + draws * c.seats() * s.money.seatFee();
    }
}
