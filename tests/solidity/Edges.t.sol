// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PayTerms, Ruling, Settlement} from "../../contracts/interfaces/ITally.sol";
import {ITally} from "../../contracts/interfaces/ITally.sol";
import {Aside, Ballot, Entry, IRoundLedgerErrors} from "../../contracts/interfaces/RoundLedgerTypes.sol";
import {Clock} from "../../contracts/libraries/Clock.sol";
import {Marks} from "../../contracts/libraries/Marks.sol";
import {Running} from "../../contracts/libraries/Running.sol";
import {Sheet, Sheets} from "../../contracts/libraries/Sheet.sol";
import {StakeLine} from "../../contracts/libraries/StakeLine.sol";
import {Task} from "../../contracts/libraries/State.sol";
import {Trainer, Trainers} from "../../contracts/libraries/Trainer.sol";
import {Votes} from "../../contracts/libraries/Votes.sol";
import {Lot, Lots, Round, Rounds} from "../../contracts/libraries/Words.sol";
import {Test} from "forge-std/Test.sol";

/// @dev Packed words and lists at the ends of what they hold, where a whole round would take years to get.
contract EdgesTest is Test {
    address internal constant WHO = address(0xa11ce);

    Task internal task;

    function test_trainer__beyond_the_width_of_a_round__counts_in_none() public pure {
        Trainer w = Trainers.make(uint256(type(uint16).max) + 5, 1);
        assertEq(w.from(), type(uint16).max, "the last round there can be, not round 4");
        assertEq(w.maxUnits(), 1, "nothing spilled into the next field");
    }

    function test_trainer__stake_for_a_thousand_submissions__capacity_is_at_most_511() public pure {
        Trainer w = Trainers.make(1, 7).withEnlisted(1000 ether, 1 ether);
        assertEq(w.capacity(), 511, "capacity");
        assertEq(w.enlisted(), 1000 ether, "stake is kept whole");
        assertFalse(w.left(), "nothing spilled into the next field");
    }

    function test_lot__holds__from_its_first_point_up_to_its_last() public pure {
        Lot lot = Lots.make(1, 10, 20);
        assertFalse(lot.holds(9), "before");
        assertTrue(lot.holds(10) && lot.holds(19), "inside");
        assertFalse(lot.holds(20), "after");
    }

    function test_place__line_would_pass_63_bits__reverts() public {
        vm.expectRevert(IRoundLedgerErrors.LineFull.selector);
        this.place(1 << 63);
        this.place((1 << 63) - 1); // the longest there is
    }

    function test_checkFree__task_ended_before_the_lots_first_round__is_free() public {
        this.checkFree(1, 9); // no round was ever open
    }

    function test_checkFree__only_rounds_of_others_are_open__is_free() public {
        task.clock = task.clock.withLastRound(20).opened(7);
        task.rounds[7] = Rounds.make(7, 1);
        this.checkFree(1, 4);
        vm.expectRevert(abi.encodeWithSelector(IRoundLedgerErrors.NotFinal.selector, 7));
        this.checkFree(1, 8);
    }

    function test_miss__round_without_submissions__changes_nothing() public pure {
        uint256[] memory tally = new uint256[](0);
        Votes.miss(tally, 0, 5);
        assertEq(tally.length, 0);
    }

    function test_credit__of_nothing__takes_no_line() public pure {
        Sheet memory s = Sheets.open(1, 0, 0, 0);
        s.credit(WHO, 0);
        assertEq(s.credits, 0, "nothing");
        s.credit(WHO, 3);
        assertEq(s.out.credits[0], uint256(uint160(WHO)) << 96 | 3, "the one line is still free");
    }

    function test_isOf__submissions_of_another_round__are_not_of_this() public view {
        Entry[] memory none = new Entry[](0);
        assertTrue(this.isOf(3 << 16, 3, none), "control");
        assertFalse(this.isOf(3 << 16, 19, none), "the round that has the slot after it");
    }

    /// @dev Terms with such a price are refused at publication; the tally doesn't rely on that.
    function test_resolve__pay_of_nothing__writes_no_payment_to_the_trainer() public {
        ITally tally = ITally(vm.deployCode("Tally.sol:Tally"));
        PayTerms memory terms;
        (terms.seats, terms.seatFee, terms.pot, terms.bond) = (2, 1, 100, 10);
        Aside memory aside;
        (aside.who, aside.mark, aside.isHeld) = (uint256(uint160(WHO)) << 96 | 5 << 64, Marks.work("salt"), true);
        aside.ballots = new Ballot[](2);
        aside.ballots[0] = Ballot(address(1), 1, uint8(Votes.VALID), 0, 0);
        aside.ballots[1] = Ballot(address(2), 1, uint8(Votes.VALID), 0, 0);
        Ruling memory none;
        Settlement memory out = tally.resolve(terms, aside, new uint256[](2), none, true);
        assertEq(uint8(out.outcomes[0]), Votes.PAID, "paid, with nothing");
        assertEq(out.payments.length, 2 * 36, "the seats alone");
        terms.price = 1;
        assertEq(tally.resolve(terms, aside, new uint256[](2), none, true).payments.length, 3 * 36, "control");
    }

    /// @dev One voter is no quorum, however many seats it has and in however many draws it spoke.
    function test_resolve__one_voter_with_every_seat__is_no_quorum() public {
        ITally tally = ITally(vm.deployCode("Tally.sol:Tally"));
        PayTerms memory terms;
        (terms.seats, terms.seatFee, terms.price, terms.pot, terms.bond) = (2, 1, 1, 100, 10);
        Aside memory aside;
        (aside.who, aside.mark, aside.isHeld) = (uint256(uint160(WHO)) << 96 | 5 << 64, Marks.work("salt"), true);
        Ruling memory none;
        aside.ballots = new Ballot[](1);
        aside.ballots[0] = Ballot(address(1), 2, uint8(Votes.VALID), 0, 0);
        assertEq(uint8(tally.resolve(terms, aside, new uint256[](1), none, true).outcomes[0]), Votes.NO_QUORUM, "at once");
        aside.ballots = new Ballot[](2);
        aside.ballots[0] = Ballot(address(1), 1, uint8(Votes.VALID), 0, 0);
        aside.ballots[1] = Ballot(address(1), 1, uint8(Votes.VALID), 0, 0);
        assertEq(uint8(tally.resolve(terms, aside, new uint256[](2), none, true).outcomes[0]), Votes.NO_QUORUM, "in two draws");
        aside.ballots[1].validator = address(2);
        assertEq(uint8(tally.resolve(terms, aside, new uint256[](2), none, true).outcomes[0]), Votes.PAID, "control");
    }

    // --- the libraries' calls from outside, so that a revert can be expected

    function place(uint256 size) external {
        StakeLine.place(task, WHO, size, 1);
    }

    function checkFree(uint256 from, uint256 until) external view {
        StakeLine.checkFree(task, task.clock, Lots.make(from, 0, 1).withUntil(until));
    }

    function isOf(uint256 word, uint256 round, Entry[] calldata entries) external pure returns (bool) {
        return Running.isOf(word, round, entries);
    }
}
