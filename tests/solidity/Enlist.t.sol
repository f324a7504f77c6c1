// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeVaultErrors} from "../../contracts/interfaces/IStakeVault.sol";
import {Reveal} from "../../contracts/interfaces/RoundLedgerTypes.sol";
import {Base} from "./Base.sol";

contract EnlistTest is Base {
    function setUp() public override {
        super.setUp();
        publish();
    }

    function line() internal view returns (uint256) {
        return ledger.lineOf(task);
    }

    function leave(address account, uint8 role) internal {
        vm.prank(account);
        ledger.leave(task, role);
    }

    function attestGenesis(address account) internal {
        vm.prank(account);
        ledger.attest(task, 0, GENESIS);
    }

    function test_enlistTrainer__more_than_80_bits_of_stake__reverts() public {
        uint256 most = type(uint80).max;
        most -= most % 1 gwei;
        stakeFor(trainers[0], most + 1 gwei);
        vm.startPrank(trainers[0]);
        vm.expectRevert(LineFull.selector);
        ledger.enlistTrainer(task, most + 1 gwei, "");
        ledger.enlistTrainer(task, most, "");
    }

    /// @dev Starts the published task with the kit's actors; round 1 is open.
    function begin() internal {
        for (uint256 i; i < 3; ++i) {
            enlistTrainer(trainers[i], 200 ether);
            enlistValidator(validators[i], LOT);
        }
        attestGenesis(validators[0]);
        attestGenesis(validators[1]);
        vm.warp(opens(1));
    }

    /// @dev The same with a task whose rounds two of the three validators can open.
    function beginWithLess() internal {
        terms.minStake = 2 * LOT;
        publish();
        begin();
    }

    // --- enlisting

    function test_enlist__bad_amounts__revert() public {
        vm.startPrank(trainers[0]);
        vm.expectRevert(abi.encodeWithSelector(UnknownTask.selector, 9));
        ledger.enlistTrainer(9, 1 gwei, "");
        vm.expectRevert(abi.encodeWithSelector(UnknownTask.selector, 9));
        ledger.enlistValidator(9, 1 gwei, "");
        vm.expectRevert(ZeroAmount.selector);
        ledger.enlistTrainer(task, 0, "");
        vm.expectRevert(ZeroAmount.selector);
        ledger.enlistValidator(task, 0, "");
        vm.expectRevert(abi.encodeWithSelector(AmountNotInGwei.selector, 1 gwei + 1));
        ledger.enlistTrainer(task, 1 gwei + 1, "");
        vm.expectRevert(abi.encodeWithSelector(AmountNotInGwei.selector, 1 gwei - 1));
        ledger.enlistValidator(task, 1 gwei - 1, "");
        vm.expectRevert(abi.encodeWithSelector(IStakeVaultErrors.InsufficientFreeStake.selector, 0, 20 ether));
        ledger.enlistTrainer(task, 20 ether, "");
        vm.expectRevert(abi.encodeWithSelector(IStakeVaultErrors.InsufficientFreeStake.selector, 0, LOT));
        ledger.enlistValidator(task, LOT, "");
        uint256 least = 3 * LOT / 16;
        vm.expectRevert(abi.encodeWithSelector(LotTooSmall.selector, least - 1 gwei, least));
        ledger.enlistValidator(task, least - 1 gwei, "");
    }

    function test_enlistValidator__lays_lots_one_after_another() public {
        stakeFor(validators[0], LOT);
        vm.expectEmit(address(ledger));
        emit Enlisted(task, validators[0], VALIDATOR, LOT, 1, "http://validator");
        vm.prank(validators[0]);
        ledger.enlistValidator(task, LOT, "http://validator");
        enlistValidator(validators[1], 2 * LOT);

        (uint32 from, uint32 until, uint256 lo, uint256 hi, uint256 cut) = ledger.lotOf(task, validators[1]);
        assertEq(from, 1, "from");
        assertEq(until, type(uint32).max, "until");
        assertEq(lo, LOT / 1 gwei, "lo");
        assertEq(hi, 3 * LOT / 1 gwei, "hi");
        assertEq(cut, 0, "cut");
        assertEq(line(), 3 * LOT / 1 gwei, "line");
        assertEq(locked(validators[1]), 2 * LOT, "locked");
    }

    function test_enlistValidator__twice__reverts_until_left_and_released() public {
        enlistValidator(validators[0], LOT);
        stakeFor(validators[0], LOT);
        vm.startPrank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(AlreadyEnlisted.selector, validators[0]));
        ledger.enlistValidator(task, LOT, "");
        ledger.leave(task, VALIDATOR);
        vm.expectRevert(abi.encodeWithSelector(AlreadyEnlisted.selector, validators[0]));
        ledger.enlistValidator(task, LOT, "");
        ledger.release(task, validators[0], VALIDATOR);
        ledger.enlistValidator(task, 2 * LOT, "");
        assertEq(line(), 2 * LOT / 1 gwei, "line");
    }

    function test_enlistTrainer__again__adds_and_keeps_its_round() public {
        begin();
        vm.warp(opens(3));
        stakeFor(trainers[0], 10 ether);
        vm.expectEmit(address(ledger));
        emit Enlisted(task, trainers[0], TRAINER, 10 ether, 1, "");
        vm.prank(trainers[0]);
        ledger.enlistTrainer(task, 10 ether, "");
        (uint32 from, uint256 enlisted, uint256 open) = ledger.trainerOf(task, trainers[0]);
        assertEq(from, 1, "from");
        assertEq(enlisted, 210 ether, "enlisted");
        assertEq(open, 0, "exposed");
    }

    /// @dev checklist 19
    function test_enlist__after_a_round_opened__counts_from_the_next() public {
        begin();
        vm.warp(opens(3) - 1);
        enlistValidator(stranger, LOT);
        (uint32 from,,,,) = ledger.lotOf(task, stranger);
        assertEq(from, 3, "enlisted in round 2");
        vm.warp(opens(3));
        address late = makeAddr("late");
        enlistTrainer(late, 200 ether);
        (from,,) = ledger.trainerOf(task, late);
        assertEq(from, 4, "enlisted in round 3");
    }

    /// @dev Two enlistments in different rounds: a round's line is what was enlisted before it opened.
    function test_enlistValidator__in_a_round__not_on_that_rounds_line() public {
        begin();
        vm.warp(opens(2));
        enlistValidator(stranger, LOT);
        submit(trainers[0], 2, 1);
        (, uint256 drawn,,,) = ledger.roundOf(task, 2);
        assertEq(drawn, 3 * LOT / 1 gwei, "round 2");
        vm.warp(opens(3));
        enlistValidator(makeAddr("late"), LOT);
        submit(trainers[0], 3, 1);
        (, drawn,,,) = ledger.roundOf(task, 3);
        assertEq(drawn, 4 * LOT / 1 gwei, "round 3");
    }

    // --- start

    function test_start__last_condition_is_genesis__starts() public {
        enlistTrainer(trainers[0], 200 ether);
        for (uint256 i; i < 3; ++i) {
            enlistValidator(validators[i], LOT);
        }
        attestGenesis(validators[0]);
        (uint32 begun,,,) = ledger.stateOf(task);
        assertEq(begun, 0, "one third isn't enough");
        vm.expectEmit(address(ledger));
        emit CheckpointAttested(task, 0, validators[1], GENESIS);
        vm.expectEmit(address(ledger));
        emit CheckpointFinal(task, 0, GENESIS);
        vm.expectEmit(address(ledger));
        emit TaskStarted(task, uint32(block.timestamp) + 5);
        attestGenesis(validators[1]);
    }

    function test_start__last_condition_is_a_trainer__starts() public {
        enlistValidator(validators[0], 3 * LOT);
        attestGenesis(validators[0]);
        (uint32 begun,,,) = ledger.stateOf(task);
        assertEq(begun, 0, "no trainer");
        enlistTrainer(trainers[0], 200 ether);
        (begun,,,) = ledger.stateOf(task);
        assertEq(begun, block.timestamp + 5, "started");
    }

    function test_start__last_condition_is_stake__starts() public {
        enlistTrainer(trainers[0], 200 ether);
        enlistValidator(validators[0], 2 * LOT);
        attestGenesis(validators[0]);
        (uint32 begun,,,) = ledger.stateOf(task);
        assertEq(begun, 0, "two thirds of the minimum");
        enlistValidator(validators[1], LOT);
        (begun,,,) = ledger.stateOf(task);
        assertEq(begun, block.timestamp + 5, "two thirds attested");
    }

    function test_start__attest_then_leave__does_not_count() public {
        enlistTrainer(trainers[0], 200 ether);
        enlistValidator(validators[0], 3 * LOT);
        address whale = makeAddr("whale");
        enlistValidator(whale, 10 * LOT);
        attestGenesis(whale); // 10 of 13: would start, were there no leaving
        (uint32 begun,,,) = ledger.stateOf(task);
        assertGt(begun, 0, "control: it starts");

        publish();
        enlistValidator(whale, 10 * LOT);
        attestGenesis(whale);
        leave(whale, VALIDATOR);
        enlistTrainer(trainers[0], 200 ether);
        enlistValidator(validators[0], 3 * LOT);
        (begun,,,) = ledger.stateOf(task);
        assertEq(begun, 0, "who left doesn't count");
    }

    function test_attest_genesis__refusals() public {
        vm.expectRevert(abi.encodeWithSelector(WrongGenesis.selector, bytes32("x"), GENESIS));
        ledger.attest(task, 0, "x");
        vm.expectRevert(abi.encodeWithSelector(NotEnlisted.selector, address(this)));
        ledger.attest(task, 0, GENESIS);
        vm.expectRevert(abi.encodeWithSelector(UnknownTask.selector, 9));
        ledger.attest(9, 0, GENESIS);
        enlistValidator(validators[0], LOT);
        attestGenesis(validators[0]);
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(AlreadyAttested.selector, validators[0]));
        ledger.attest(task, 0, GENESIS);
        leave(validators[0], VALIDATOR);
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(NotEnlisted.selector, validators[0]));
        ledger.attest(task, 0, GENESIS);
    }

    function test_attest_genesis__after_the_start__reverts() public {
        begin();
        vm.prank(validators[2]);
        vm.expectRevert(abi.encodeWithSelector(StaleCheckpoint.selector, 0, 0));
        ledger.attest(task, 0, GENESIS);
    }

    // --- leaving

    function test_leave__not_enlisted_or_unknown_role__reverts() public {
        bytes memory err = abi.encodeWithSelector(NotEnlisted.selector, stranger);
        vm.startPrank(stranger);
        vm.expectRevert(err);
        ledger.leave(task, TRAINER);
        vm.expectRevert(err);
        ledger.leave(task, VALIDATOR);
        vm.expectRevert(err);
        ledger.release(task, stranger, TRAINER);
        vm.expectRevert(err);
        ledger.release(task, stranger, VALIDATOR);
        vm.expectRevert(abi.encodeWithSelector(UnknownRole.selector, 3));
        ledger.leave(task, 3);
        vm.expectRevert(abi.encodeWithSelector(UnknownRole.selector, 0));
        ledger.release(task, stranger, 0);
    }

    function test_release__who_has_not_left__reverts() public {
        begin();
        vm.expectRevert(abi.encodeWithSelector(StillEnlisted.selector, trainers[0]));
        ledger.release(task, trainers[0], TRAINER);
        vm.expectRevert(abi.encodeWithSelector(StillEnlisted.selector, validators[0]));
        ledger.release(task, validators[0], VALIDATOR);
    }

    function test_release__trainer__only_with_nothing_open() public {
        begin();
        submit(trainers[0], 1, 1000);
        vm.expectEmit(address(ledger));
        emit Left(task, trainers[0], TRAINER, 2);
        leave(trainers[0], TRAINER);
        vm.prank(trainers[0]);
        vm.expectRevert(abi.encodeWithSelector(NotEnlisted.selector, trainers[0]));
        ledger.submit(task, 1, 0, 1, "", "", "");
        vm.prank(trainers[0]);
        vm.expectRevert(abi.encodeWithSelector(AlreadyEnlisted.selector, trainers[0]));
        ledger.enlistTrainer(task, 1 gwei, "");
        vm.expectRevert(StillExposed.selector);
        ledger.release(task, trainers[0], TRAINER);

        finalize(1);
        vm.expectEmit(address(ledger));
        emit Released(task, trainers[0], TRAINER, 200 ether);
        ledger.release(task, trainers[0], TRAINER);
        assertEq(locked(trainers[0]), 0, "locked");
    }

    /// @dev checklist 11
    function test_release__validator__at_the_end_of_its_last_round() public {
        begin();
        vm.warp(opens(2) - 1);
        leave(validators[0], VALIDATOR); // answers for round 1
        vm.warp(challengeEnd(1) - 1);
        vm.expectRevert(abi.encodeWithSelector(StillNeeded.selector, challengeEnd(1)));
        ledger.release(task, validators[0], VALIDATOR);
        vm.warp(challengeEnd(1));
        ledger.release(task, validators[0], VALIDATOR);
        assertEq(locked(validators[0]), 0, "locked");
        vm.expectRevert(abi.encodeWithSelector(NotEnlisted.selector, validators[0]));
        ledger.release(task, validators[0], VALIDATOR);
    }

    function test_release__validator__its_round_not_final__reverts() public {
        begin();
        submit(trainers[0], 1, 1000);
        leave(validators[0], VALIDATOR);
        vm.warp(challengeEnd(1));
        vm.expectRevert(abi.encodeWithSelector(NotFinal.selector, 1));
        ledger.release(task, validators[0], VALIDATOR);
        finalize(1);
        ledger.release(task, validators[0], VALIDATOR);
    }

    /// @dev A round that too little stake would judge doesn't open; work waits until more is there.
    function test_leave__less_than_the_minimum_is_left__no_round_opens() public {
        begin();
        leave(validators[2], VALIDATOR);
        vm.expectRevert(abi.encodeWithSelector(StakeTooLow.selector, 2 * LOT / 1 gwei, 3 * LOT / 1 gwei));
        vm.prank(trainers[0]);
        ledger.submit(task, 1, 0, 1, "", "", "");
        enlistValidator(stranger, LOT);
        submit(trainers[0], 1, 1);
    }

    function test_leave__its_seats_still_count_in_the_current_round() public {
        beginWithLess();
        submit(trainers[0], 1, 1000);
        leave(validators[2], VALIDATOR);
        sealRound(1);
        judge(1, all(1, VALID)); // validators[2] commits and reveals too
        vm.warp(opens(4));
        submit(trainers[0], 4, 1000);
        sealRound(4);
        Reveal memory r = commit(4, validators[2], all(1, VALID), 0);
        vm.warp(commitEnd(4));
        vm.prank(validators[2]);
        vm.expectRevert(abi.encodeWithSelector(NotEnlisted.selector, validators[2]));
        ledger.reveal(task, 4, r.votes, r.held, r.evidence, r.salt);
    }

    function test_release__middle_lot__its_hole_is_filled() public {
        begin();
        leave(validators[1], VALIDATOR);
        vm.warp(challengeEnd(1));
        ledger.release(task, validators[1], VALIDATOR);
        assertEq(line(), 3 * LOT / 1 gwei, "the hole stays on the line");

        address big = makeAddr("big");
        enlistValidator(big, 2 * LOT);
        (,, uint256 lo,,) = ledger.lotOf(task, big);
        assertEq(lo, 3 * LOT / 1 gwei, "too big for the hole");
        enlistValidator(stranger, LOT / 4);
        (,, lo,,) = ledger.lotOf(task, stranger);
        assertEq(lo, LOT / 1 gwei, "into the hole");
        address late = makeAddr("late");
        enlistValidator(late, LOT - LOT / 4);
        (,, lo,,) = ledger.lotOf(task, late);
        assertEq(lo, (LOT + LOT / 4) / 1 gwei, "fills it");
        assertEq(line(), 5 * LOT / 1 gwei, "no longer line");
    }

    function test_release__last_lot__shortens_the_line() public {
        beginWithLess();
        leave(validators[2], VALIDATOR);
        vm.warp(challengeEnd(1));
        ledger.release(task, validators[2], VALIDATOR);
        assertEq(line(), 2 * LOT / 1 gwei, "line");
        // it is round 3 now, whose line was fixed when it opened
        vm.warp(opens(4));
        submit(trainers[0], 4, 1);
        (, uint256 drawn,,,) = ledger.roundOf(task, 4);
        assertEq(drawn, 2 * LOT / 1 gwei, "round 4 draws from the short line");
    }

    /// @dev Enlisting and leaving over and over can't blow up the line with silent seats.
    function test_release__enlist_and_leave_ten_times__line_stays() public {
        begin();
        for (uint32 k; k < 5; ++k) {
            uint32 round = 1 + 4 * k;
            vm.warp(opens(round));
            address a = makeAddr(string.concat("a", vm.toString(k)));
            enlistValidator(a, LOT);
            leave(a, VALIDATOR);
            vm.warp(challengeEnd(round));
            ledger.release(task, a, VALIDATOR);
        }
        assertEq(line(), 3 * LOT / 1 gwei, "line");
    }

    /// @dev Whatever the order of coming, leaving and being released: lots lie apart, inside the line, each as long as its stake.
    function testFuzz_line__random_comings_and_goings__lots_never_overlap(uint256 seed) public {
        begin();
        address[] memory people = new address[](6);
        uint256[] memory amounts = new uint256[](6);
        for (uint256 i; i < 6; ++i) {
            people[i] = makeAddr(string.concat("p", vm.toString(i)));
        }
        for (uint256 step; step < 24; ++step) {
            uint256 dice = uint256(keccak256(abi.encode(seed, step)));
            uint256 who = dice % 6;
            (uint32 from, uint32 until,,,) = ledger.lotOf(task, people[who]);
            if (from == 0) {
                amounts[who] = (19 + (dice >> 8) % 100) * 1 ether;
                enlistValidator(people[who], amounts[who]);
            } else if (until == type(uint32).max) {
                leave(people[who], VALIDATOR);
            } else {
                uint256 end = challengeEnd(until - 1);
                if (block.timestamp < end) vm.warp(end);
                ledger.release(task, people[who], VALIDATOR);
            }
            assertApart(people, amounts);
        }
    }

    function assertApart(address[] memory people, uint256[] memory amounts) internal view {
        for (uint256 i; i < people.length; ++i) {
            (uint32 from,, uint256 lo, uint256 hi,) = ledger.lotOf(task, people[i]);
            if (from == 0) continue;
            assertEq(hi - lo, amounts[i] / 1 gwei, "size");
            assertGe(lo, 3 * LOT / 1 gwei, "behind those that never left");
            assertLe(hi, line(), "inside the line");
            for (uint256 k; k < i; ++k) {
                (uint32 other,, uint256 lo2, uint256 hi2,) = ledger.lotOf(task, people[k]);
                assertTrue(other == 0 || hi <= lo2 || hi2 <= lo, "apart");
            }
        }
    }
}
