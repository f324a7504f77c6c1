// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MarketKit} from "./MarketKit.sol";

/// @dev What isn't published: each rule at its edge, refused on one side and accepted on the other.
contract TermsCheckTest is MarketKit {
    /// @dev Refused, naming `what`; then the terms are good again.
    function refusesOnce(string memory what) internal {
        refuses(bad(what));
        terms = goodTerms();
    }

    // --- ranges

    function test_publish__a_count_out_of_range__is_named() public {
        terms.rounds = 0;
        refusesOnce("rounds");
        terms.rounds = type(uint16).max;
        refusesOnce("rounds");
        terms.period = 0;
        refusesOnce("period");
        terms.work = 0;
        refusesOnce("work");
        terms.work = terms.period + 1;
        refusesOnce("work");
        terms.commitWindow = 0;
        refusesOnce("commitWindow");
        terms.revealWindow = 0;
        refusesOnce("revealWindow");
        terms.attestTime = 0;
        refusesOnce("attestTime");
        terms.staleness = 0;
        refusesOnce("staleness");
        terms.seats = 17;
        refusesOnce("seats");
        terms.maxUnits = 0;
        refusesOnce("maxUnits");
        terms.canaryRate = 10_001;
        refusesOnce("canaryRate");
        terms.power = 10_001;
        refusesOnce("power");
    }

    function test_publish__an_amount_that_fits_no_word__is_named() public {
        terms.minStake = 0;
        refusesOnce("minStake");
        terms.minStake = 480 ether + 1;
        refusesOnce("minStake");
        terms.minStake = 2 ** 64 * 1 gwei;
        refusesOnce("minStake");
        terms.bond = 0;
        refusesOnce("bond");
        terms.bond = 20 ether + 1;
        refusesOnce("bond");
        terms.bond = 2 ** 64 * 1 gwei;
        refusesOnce("bond");
        terms.cut = 1 ether + 1;
        refusesOnce("cut");
        terms.price = 2 ** 64;
        refusesOnce("price");
        terms.seatFee = 2 ** 72;
        refusesOnce("seatFee");
        terms.attestFee = 2 ** 72;
        refusesOnce("attestFee");
        terms.canaryFee = 2 ** 72;
        refusesOnce("canaryFee");
        terms.pot = 2 ** 87;
        refusesOnce("pot");
    }

    function test_publish__counts_and_amounts_at_their_limits__pass() public {
        redeploy(1 weeks);
        (terms.rounds, terms.seats, terms.staleness, terms.minTrainers) = (1, 16, 255, 255);
        (terms.period, terms.work, terms.lead, terms.sealDelay) = (65_535, 65_535, 65_535, 0);
        (terms.canaryRate, terms.power) = (10_000, 10_000);
        (terms.minStake, terms.bond) = (uint256(type(uint64).max) * 1 gwei, uint256(type(uint64).max) * 1 gwei);
        (terms.seatFee, terms.attestFee, terms.canaryFee) = (2 ** 72 - 1, 2 ** 72 - 1, 2 ** 72 - 1);
        (terms.price, terms.maxUnits, terms.pot, terms.cut) = (2 ** 64 - 1, 1, 2 ** 87 - 1, 1 ether);
        publish();
        (terms.price, terms.maxUnits) = (0, type(uint32).max);
        publish();
        (terms.rounds, terms.pot, terms.seatFee, terms.canaryRate) = (65_534, 0, 0, 0);
        publish();
    }

    // --- windows

    function test_publish__checkpoint_ready_too_late__is_refused() public {
        terms.period = 51; // work to attest takes 52
        refuses(error2(WindowsTooLong.selector, 52, 51));
        terms.period = 52;
        publish();
        (terms.period, terms.staleness) = (26, 2);
        publish();
    }

    function test_publish__extra_window__counts_before_the_checkpoint() public {
        redeploy(1 weeks);
        terms.bond = 30 ether;
        terms.extraWindow = 9;
        refuses(error2(WindowsTooLong.selector, 61, 60));
        terms.extraWindow = 8;
        publish();
    }

    function test_publish__challenges_shorter_than_two_attest_times__are_refused() public {
        terms.challengeWindow = 19;
        refuses(error2(ChallengeTooShort.selector, 19, 20));
        terms.challengeWindow = 20;
        publish();
    }

    /// @dev Work 60, delay 2, commit 10, reveal 10, extra 10: 92 seconds before challenges begin, and 8 periods are 480.
    function test_publish__round_longer_than_eight_periods__is_refused() public {
        redeploy(1 weeks);
        (terms.work, terms.extraWindow, terms.staleness, terms.bond) = (60, 10, 2, 30 ether);
        terms.challengeWindow = 389;
        refuses(error2(SpanTooLong.selector, 481, 480));
        terms.challengeWindow = 388;
        publish();
    }

    /// @dev The court takes 2 + 10 + 10 + 388 + 10 = 420 seconds, and 15 periods are 900.
    function test_publish__round_and_court_longer_than_fifteen_periods__are_refused() public {
        redeploy(1 weeks);
        (terms.work, terms.extraWindow, terms.staleness, terms.bond) = (59, 10, 2, 30 ether);
        terms.challengeWindow = 389;
        refuses(error2(SpanTooLong.selector, 901, 900));
        terms.challengeWindow = 388;
        publish();
    }

    /// @dev checklist 11: a round of 62 seconds, the court's 52 and 20 more for a salt: no stake leaves before all of it is over.
    function test_publish__unbonding_shorter_than_what_stake_answers_for__is_refused() public {
        redeploy(133);
        refuses(error2(UnbondingTooShort.selector, 133, 134));
        redeploy(134);
        publish();
    }

    // --- economics

    /// @dev attack C10: what deters is half the bond, and what tempts is the largest claim, however many share the pot.
    function test_publish__bond_with_which_cheating_could_pay__names_the_smallest() public {
        terms.bond = 10 ether - 1 gwei;
        refuses(error2(BondTooSmall.selector, 10 ether - 1 gwei, 10 ether));
        terms.bond = 10 ether;
        publish();
        terms.maxUnits = 1001;
        refuses(error2(BondTooSmall.selector, 10 ether, 10.01 ether));
    }

    /// @dev attack C10: the extra draw is a second try for a coalition. q = 0.9 · (20/27)².
    function test_publish__extra_draw__asks_for_a_larger_bond() public {
        redeploy(1 weeks);
        terms.extraWindow = 8;
        refuses(error2(BondTooSmall.selector, 20 ether, 20.5 ether));
        terms.bond = 20.5 ether;
        publish();
    }

    function test_publish__bond_below_two_juries__is_refused() public {
        terms.seatFee = 1 ether;
        terms.bond = 18 ether - 1 gwei;
        refuses(error2(BondTooSmall.selector, 18 ether - 1 gwei, 18 ether));
        terms.bond = 18 ether;
        publish();
        terms.seatFee = 1 ether + 1; // 18 wei more: one more gwei
        refuses(error2(BondTooSmall.selector, 18 ether, 18 ether + 1 gwei));
    }

    /// @dev attack C10: an initiator can't promise away what its checks don't find.
    function test_publish__checks_that_find_nothing__are_refused() public {
        terms.power = 0;
        refuses(error2(PowerTooSmall.selector, 0, 1));
    }

    function test_publish__power_with_which_no_bond_deters__names_the_smallest() public {
        (terms.price, terms.maxUnits, terms.rounds) = (10 ether, 14_000_000, 1);
        (terms.bond, terms.pot) = (uint256(type(uint64).max) * 1 gwei, 2 ** 87 - 1);
        uint256 pay = terms.price * terms.maxUnits;
        uint16 needed = 1;
        while (uint256(needed) * 20 * terms.bond < 2 * (270_000 - uint256(needed) * 20) * pay) ++needed;
        assertGt(needed, 1, "pay is large enough to show an edge");
        terms.power = needed - 1;
        refuses(error2(PowerTooSmall.selector, needed - 1, needed));
        terms.power = needed;
        publish();
    }

    /// @dev attack H5: one seat is one voter; a quorum needs two.
    function test_publish__one_seat__is_refused() public {
        terms.seats = 1;
        refuses(error2(SeatsTooFew.selector, 1, 2));
        terms.seats = 0;
        refuses(error2(SeatsTooFew.selector, 0, 2));
        (terms.seats, terms.bond, terms.canaryFee) = (2, 30 ether, 1 ether);
        publish();
    }

    // --- canaries, pot, beacon

    function test_publish__cut_that_the_smallest_lot_cannot_pay__is_refused() public {
        terms.cut = 10 ether + 1 gwei; // 480 / 16 / 3
        refuses(error2(CutTooLarge.selector, 10 ether + 1 gwei, 10 ether));
        terms.cut = 10 ether;
        publish();
        (terms.seats, terms.cut) = (7, 4_285_714_286 gwei);
        refuses(error2(CutTooLarge.selector, 4_285_714_286 gwei, 4_285_714_285 gwei));
        terms.cut = 4_285_714_285 gwei;
        publish();
    }

    /// @dev attack H3: where passing a canary costs nothing, nobody looks.
    function test_publish__canaries_without_a_cut__are_refused() public {
        (terms.canaryRate, terms.cut) = (1, 0);
        refuses(error2(CutTooSmall.selector, 0, 1 gwei));
        terms.cut = 1 gwei;
        publish();
        (terms.canaryRate, terms.cut) = (0, 0);
        publish();
    }

    /// @dev attack H4: who refuses its own canaries with its own seats would earn what the fee is above its seats' fees.
    function test_publish__canary_fee_above_its_seats_fees__is_refused() public {
        terms.canaryFee = 1.5 ether + 1;
        refuses(error2(CanaryFeeTooLarge.selector, 1.5 ether + 1, 1.5 ether));
        terms.canaryFee = 1.5 ether;
        publish();
        (terms.canaryFee, terms.canaryRate) = (2 ether, 0); // nobody is paid it
        publish();
    }

    /// @dev A full claim of 10, three seats at 0.5 and a canary at 1.5.
    function test_publish__pot_below_one_full_submission__is_refused() public {
        terms.pot = 13 ether - 1;
        refuses(error2(PotTooSmall.selector, 13 ether - 1, 13 ether));
        terms.pot = 13 ether;
        publish();
        (terms.pot, terms.canaryRate) = (11.5 ether, 0);
        publish();
        redeploy(1 weeks);
        (terms.extraWindow, terms.bond) = (8, 30 ether);
        refuses(error2(PotTooSmall.selector, 11.5 ether, 13 ether));
        terms.pot = 13 ether;
        publish();
    }

    /// @dev attack C5: where the beacon's words would be known in advance, no task is published.
    function test_publish__no_live_beacon__is_refused() public {
        beacon.die();
        refuses(abi.encodeWithSelector(NoBeacon.selector));
    }
}
