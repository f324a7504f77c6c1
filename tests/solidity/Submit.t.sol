// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "./Base.sol";

contract SubmitTest is Base {
    function setUp() public override {
        super.setUp();
        start();
    }

    function send(address trainer, uint32 round, uint16 base, uint32 units) internal {
        vm.prank(trainer);
        ledger.submit(task, round, base, units, keccak256("root"), keccak256("mark"), "uri");
    }

    function test_submit__in_the_work_window__is_counted_and_risks_the_bond() public {
        vm.expectEmit(address(ledger));
        emit Submitted(task, 1, trainers[0], 0, 1000, 0, keccak256("root"), keccak256("mark"), "uri");
        send(trainers[0], 1, 0, 1000);
        send(trainers[1], 1, 0, 1);

        (bytes16 seed, uint256 line, uint16 submissions, uint16 opened, bool isFinal) = ledger.roundOf(task, 1);
        assertEq(seed, bytes16(0), "not sealed");
        assertEq(line, 3 * LOT / 1 gwei, "line");
        assertEq(submissions, 2, "submissions");
        assertEq(opened, 0, "reveals");
        assertFalse(isFinal, "final");
        assertEq(exposed(trainers[0]), 23 ether, "bond and three seat fees");
        (,,, uint16 pending) = ledger.stateOf(task);
        assertEq(pending, 2, "pending: bit 1");
    }

    /// @dev checklist 37
    function test_submit__window_edges() public {
        vm.warp(opens(2) - 1);
        vm.expectRevert(outside(opens(2), workEnd(2)));
        send(trainers[0], 2, 0, 1);
        vm.warp(opens(2));
        send(trainers[0], 2, 0, 1);
        vm.warp(workEnd(2) - 1);
        send(trainers[0], 2, 0, 1);
        vm.warp(workEnd(2));
        vm.expectRevert(outside(opens(2), workEnd(2)));
        send(trainers[0], 2, 0, 1);
    }

    function test_submit__unknown__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(UnknownTask.selector, 9));
        ledger.submit(9, 1, 0, 1, "", "", "");
        vm.expectRevert(abi.encodeWithSelector(UnknownRound.selector, task, 0));
        send(trainers[0], 0, 0, 1);
        vm.expectRevert(abi.encodeWithSelector(UnknownRound.selector, task, 21));
        send(trainers[0], 21, 0, 1);
        vm.expectRevert(abi.encodeWithSelector(UnknownRound.selector, task, 65_537));
        send(trainers[0], 65_537, 0, 1);
        publish();
        vm.expectRevert(abi.encodeWithSelector(NotStarted.selector, task));
        send(trainers[0], 1, 0, 1);
    }

    function test_submit__not_enlisted_or_too_late_for_the_round__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(NotEnlisted.selector, stranger));
        send(stranger, 1, 0, 1);
        enlistTrainer(stranger, 200 ether);
        vm.expectRevert(abi.encodeWithSelector(NotEnlisted.selector, stranger));
        send(stranger, 1, 0, 1);
        vm.warp(opens(2));
        send(stranger, 2, 0, 1);
    }

    function test_submit__units__bounds() public {
        vm.expectRevert(abi.encodeWithSelector(UnitsOutOfRange.selector, 0, 1000));
        send(trainers[0], 1, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(UnitsOutOfRange.selector, 1001, 1000));
        send(trainers[0], 1, 0, 1001);
    }

    function test_submit__base_newer_than_head__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(BaseUnknown.selector, 1, 0));
        send(trainers[0], 1, 1, 1);
    }

    function test_submit__base_older_than_staleness__reverts() public {
        vm.warp(opens(4));
        send(trainers[0], 4, 0, 1);
        vm.warp(opens(5));
        vm.expectRevert(abi.encodeWithSelector(BaseTooOld.selector, 0, 5, 4));
        send(trainers[0], 5, 0, 1);
    }

    function test_submit__empty_rounds_attested__head_moves_and_work_goes_on() public {
        vm.warp(votesEnd(3));
        for (uint256 i; i < 2; ++i) {
            vm.prank(validators[i]);
            ledger.attest(task, 3, GENESIS);
        }
        vm.warp(opens(6));
        send(trainers[0], 6, 3, 1);
    }

    function test_submit__more_than_enlisted_stake_backs__reverts() public {
        for (uint256 i; i < 8; ++i) {
            send(trainers[0], 1, 0, 1); // 8 × 23 = 184 of 200
        }
        vm.expectRevert(abi.encodeWithSelector(ExposureTooLarge.selector, 200 ether, 9 * 23 ether));
        send(trainers[0], 1, 0, 1);
        enlistTrainer(trainers[0], 7 ether);
        send(trainers[0], 1, 0, 1);
        assertEq(exposed(trainers[0]), 207 ether, "all of it");
    }

    function test_submit__257th__reverts() public {
        vm.warp(opens(1) - 1);
        for (uint256 i; i < 9; ++i) {
            enlistTrainer(makeAddr(string.concat("crowd", vm.toString(i))), 31 * 23 ether);
        }
        vm.warp(opens(1));
        for (uint256 i; i < 256; ++i) {
            send(makeAddr(string.concat("crowd", vm.toString(i / 31))), 1, 0, 1);
        }
        vm.expectRevert(RoundFull.selector);
        send(trainers[0], 1, 0, 1);
    }

    /// @dev However much stake: a trainer's count of a round has five bits.
    function test_submit__32nd_of_one_trainer__reverts_in_this_round_only() public {
        enlistTrainer(trainers[0], 100 * 23 ether);
        for (uint256 i; i < 31; ++i) {
            send(trainers[0], 1, 0, 1);
        }
        vm.expectRevert(RoundFull.selector);
        send(trainers[0], 1, 0, 1);
        assertEq(exposed(trainers[0]), 31 * 23 ether, "31 are open");
        vm.warp(opens(2));
        send(trainers[0], 2, 0, 1);
        assertEq(exposed(trainers[0]), 32 * 23 ether, "one more in the next round");
    }

    /// @dev What is open is counted by round: each round that becomes final frees its own submissions, in whatever order.
    function test_submit__counts_over_the_ring__free_with_their_own_round() public {
        for (uint32 round = 1; round <= 4; ++round) {
            vm.warp(opens(round));
            for (uint256 i; i < round && i < 3; ++i) {
                submit(trainers[0], round, 1); // 1, 2, 3 and then 2 to the brim of 200: 8 × 23
                if (round == 4 && i == 1) break;
            }
        }
        assertEq(exposed(trainers[0]), 8 * 23 ether, "eight are open");
        vm.expectRevert(abi.encodeWithSelector(ExposureTooLarge.selector, 200 ether, 9 * 23 ether));
        send(trainers[0], 4, 0, 1);

        vm.warp(challengeEnd(2));
        settle(2, nobody);
        assertEq(exposed(trainers[0]), 6 * 23 ether, "round 2 had two");
        settle(1, nobody);
        assertEq(exposed(trainers[0]), 5 * 23 ether, "round 1 had one");
        vm.warp(challengeEnd(4));
        settle(4, nobody);
        assertEq(exposed(trainers[0]), 3 * 23 ether, "round 3 is open still");
        settle(3, nobody);
        assertEq(exposed(trainers[0]), 0, "none");
    }

    /// @dev A slot's count of 16 rounds ago is forgotten, whether the trainer came by in between or not.
    function testFuzz_submit__counts_of_rounds_long_over__never_come_back(uint256 dice) public {
        terms.rounds = 60;
        start();
        delete entries[1];
        uint32 round = 1;
        uint256 steps = 3 + dice % 4;
        for (uint256 k; k < steps; ++k) {
            vm.warp(opens(round));
            uint256 n = 1 + (dice >> (8 * k)) % 8;
            for (uint256 i; i < n; ++i) {
                submit(trainers[0], round, 1);
            }
            assertEq(exposed(trainers[0]), n * 23 ether, "this round's alone");
            catchUp(round);
            finalize(round);
            assertEq(exposed(trainers[0]), 0, "none");
            round = uint32((block.timestamp - opens(1)) / terms.period + 2 + (dice >> (8 * k + 4)) % 2);
        }
    }

    /// @dev The head moves on, so that work can.
    function catchUp(uint32 round) internal {
        for (uint256 i; i < 2; ++i) {
            vm.warp(votesEnd(round));
            vm.prank(validators[i]);
            ledger.attest(task, round, GENESIS);
        }
    }

    /// @dev Rounds 1 and 17 share a ring slot.
    function test_submit__slot_of_an_unfinished_round__reverts_until_it_is_final() public {
        submit(trainers[0], 1, 1);
        for (uint32 r = 3; r < 17; r += 3) {
            vm.warp(votesEnd(r));
            vm.prank(validators[0]);
            ledger.attest(task, r, GENESIS);
            vm.prank(validators[1]);
            ledger.attest(task, r, GENESIS);
        }
        vm.warp(opens(17));
        vm.expectRevert(abi.encodeWithSelector(RoundOccupied.selector, 1));
        send(trainers[1], 17, 15, 1);
        settle(1, nobody);
        send(trainers[1], 17, 15, 1);
        (,, uint16 submissions,,) = ledger.roundOf(task, 1);
        assertEq(submissions, 0, "round 1 is forgotten");
    }
}
