// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITaskMarketErrors, ITaskMarketEvents} from "../../contracts/interfaces/ITaskMarket.sol";
import {Base} from "./Base.sol";

/// @dev A task's escrow over its whole life, with the real ledger: when it is free, when it is reserved, and that nothing is left behind.
contract EscrowTest is Base, ITaskMarketEvents {
    function budget() internal view returns (uint256) {
        return terms.rounds * terms.pot;
    }

    function cancel() internal {
        vm.prank(initiator);
        market.cancel(task);
    }

    /// @dev attack H5: until genesis is attested the refund is free, and no stake is held by it.
    function test_cancel__before_the_start__refund_is_free_and_stake_too() public {
        publish();
        enlistTrainer(trainers[0], 40 ether);
        enlistValidator(validators[0], LOT);
        vm.expectRevert(abi.encodeWithSelector(ITaskMarketErrors.TaskStillOpen.selector, task));
        market.refund(task);

        vm.expectEmit(address(market));
        emit TaskCancelled(task, 0);
        cancel();
        vm.expectEmit(address(market));
        emit TaskRefunded(task, initiator, budget());
        assertEq(market.refund(task), budget(), "refund");
        assertEq(token.balanceOf(initiator), budget(), "tokens");
        ledger.release(task, trainers[0], TRAINER);
        ledger.release(task, validators[0], VALIDATOR);
        assertEq(locked(trainers[0]) + locked(validators[0]), 0, "locked");
    }

    function test_cancel__before_the_start__can_no_longer_start() public {
        publish();
        cancel();
        enlistTrainer(trainers[0], 40 ether);
        enlistValidator(validators[0], 3 * LOT);
        vm.prank(validators[0]);
        ledger.attest(task, 0, GENESIS);
        (uint32 begun,,,) = ledger.stateOf(task);
        assertEq(begun, 0, "not started");
    }

    /// @dev attack H5: an initiator can't end a round that is open, and who worked in it is paid.
    function test_cancel__in_round_2__round_2_is_paid_and_3_refused() public {
        start();
        vm.warp(opens(2));
        vm.expectEmit(address(ledger));
        emit TaskStopped(task, 2);
        cancel();
        vm.prank(trainers[0]);
        vm.expectRevert(abi.encodeWithSelector(UnknownRound.selector, task, 3));
        ledger.submit(task, 3, 0, 1, "", "", "");

        play(2, VALID);
        assertGt(claimable(trainers[0]), 0, "the trainer's pay");
        uint256 left = market.escrowOf(task);
        assertLt(left, budget(), "it came from the escrow");
        assertEq(market.refund(task), left, "what is left");
        assertEq(market.escrowOf(task), 0, "escrow");
        assertEq(token.balanceOf(address(market)), 0, "nothing is left behind");
    }

    function test_cancel__twice__changes_nothing() public {
        start();
        cancel();
        vm.warp(opens(4));
        cancel();
        (, uint16 lastRound,,) = ledger.stateOf(task);
        assertEq(lastRound, 1, "still the round in which it was cancelled first");
    }

    /// @dev attack H5: pots of rounds that are open stay reserved until they are final.
    function test_refund__a_round_pending__reverts_until_it_is_final() public {
        start();
        submit(trainers[0], 1, 1000);
        cancel();
        vm.warp(challengeEnd(1) + 1000);
        vm.expectRevert(abi.encodeWithSelector(ITaskMarketErrors.TaskStillOpen.selector, task));
        market.refund(task);
        finalize(1);
        assertEq(market.refund(task), budget(), "a round without a seal is void, and all of it comes back");
    }

    function test_refund__nobody_ever_submits__time_alone_is_enough() public {
        start();
        vm.warp(challengeEnd(terms.rounds) - 1);
        vm.expectRevert(abi.encodeWithSelector(ITaskMarketErrors.TaskStillOpen.selector, task));
        market.refund(task);
        vm.warp(challengeEnd(terms.rounds));
        assertEq(market.refund(task), budget(), "all of it");
    }

    /// @dev attack C7: what a refused submission loses never comes back to the initiator.
    function test_refund__after_refusals__holds_no_part_of_a_slash() public {
        start();
        cancel();
        play(1, INVALID);
        assertGt(token.balanceOf(GRAVE) + claimable(validators[0]), 0, "the bonds went elsewhere");
        assertEq(market.refund(task), budget() - 2 * terms.attestFee, "less what two attesters earned, and no more");
    }
}
