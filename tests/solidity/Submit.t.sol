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
        assertEq(pending, 1, "pending");
    }

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
        vm.warp(revealEnd(3));
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
        enlistTrainer(trainers[0], 257 * 23 ether);
        for (uint256 i; i < 256; ++i) {
            send(trainers[0], 1, 0, 1);
        }
        vm.expectRevert(RoundFull.selector);
        send(trainers[0], 1, 0, 1);
    }

    /// @dev Rounds 1 and 17 share a ring slot.
    function test_submit__slot_of_an_unfinished_round__reverts_until_it_is_final() public {
        submit(trainers[0], 1, 1);
        for (uint32 r = 3; r < 17; r += 3) {
            vm.warp(revealEnd(r));
            vm.prank(validators[0]);
            ledger.attest(task, r, GENESIS);
            vm.prank(validators[1]);
            ledger.attest(task, r, GENESIS);
        }
        vm.warp(opens(17));
        vm.expectRevert(abi.encodeWithSelector(RoundOccupied.selector, 1));
        send(trainers[1], 17, 15, 1);
        ledger.finalize(task, 1, entries[1], reveals[1], new address[](0));
        send(trainers[1], 17, 15, 1);
        (,, uint16 submissions,,) = ledger.roundOf(task, 1);
        assertEq(submissions, 0, "round 1 is forgotten");
    }
}
