// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITaskMarketErrors, ITaskMarketEvents} from "../../contracts/interfaces/ITaskMarket.sol";
import {Base} from "./Base.sol";

contract TaskMarketTest is Base, ITaskMarketEvents {
    function budget() internal view returns (uint256) {
        return terms.rounds * terms.pot;
    }

    /// @dev Publishing the terms as they stand reverts and names `what`.
    function refuses(string memory what) internal {
        vm.prank(initiator);
        vm.expectRevert(abi.encodeWithSelector(BadTerms.selector, what));
        market.publish(terms, 1e26, "");
        terms = defaultTerms();
    }

    function test_publish__good_terms__locks_the_budget() public {
        give(initiator, budget());
        vm.expectEmit(address(market));
        emit TaskPublished(1, initiator, terms.specHash, terms, budget(), "uri");
        vm.prank(initiator);
        assertEq(market.publish(terms, budget(), "uri"), 1, "first task");

        assertEq(market.tasks(), 1, "tasks");
        assertEq(market.escrowOf(1), budget(), "escrow");
        assertEq(market.initiatorOf(1), initiator, "initiator");
        assertEq(token.balanceOf(address(market)), budget(), "tokens");
        assertEq(abi.encode(ledger.termsOf(1)), abi.encode(terms), "terms");
        (uint32 begun, uint16 lastRound, uint16 head, uint16 pending) = ledger.stateOf(1);
        assertEq(begun, 0, "not started");
        assertEq(lastRound, terms.rounds, "last round");
        assertEq(head, 0, "head");
        assertEq(pending, 0, "pending");
    }

    function test_publish__budget_below_pots__reverts() public {
        give(initiator, budget());
        vm.prank(initiator);
        vm.expectRevert(abi.encodeWithSelector(ITaskMarketErrors.BudgetTooSmall.selector, budget() - 1, budget()));
        market.publish(terms, budget() - 1, "");
    }

    function test_publish__budget_over_96_bits__reverts() public {
        vm.prank(initiator);
        vm.expectRevert(ITaskMarketErrors.AmountTooLarge.selector);
        market.publish(terms, uint256(type(uint96).max) + 1, "");
    }

    function test_publish__each_bad_term__is_named() public {
        terms.rounds = 0;
        refuses("rounds");
        terms.rounds = type(uint16).max;
        refuses("rounds");
        terms.period = 0;
        refuses("period");
        terms.work = 0;
        refuses("work");
        terms.work = terms.period + 1;
        refuses("work");
        terms.commitWindow = 0;
        refuses("commitWindow");
        terms.revealWindow = 0;
        refuses("revealWindow");
        terms.seats = 0;
        refuses("seats");
        terms.seats = 17;
        refuses("seats");
        terms.staleness = 0;
        refuses("staleness");
        terms.attestTime = 0;
        refuses("attestTime");
        terms.attestTime = uint16(terms.challengeWindow) + 1;
        refuses("attestTime");
        terms.staleness = 1; // 52 seconds to the checkpoint, 30 allowed
        refuses("windows");
        terms.challengeWindow = 8 * 30 - 42 + 1;
        refuses("span");
        terms.bond = 0;
        refuses("bond");
        terms.bond = 1 gwei + 1;
        refuses("bond");
        terms.bond = 2 ** 64 * 1 gwei;
        refuses("bond");
        terms.minStake = 0;
        refuses("minStake");
        terms.minStake = 1;
        refuses("minStake");
        terms.price = 2 ** 64;
        refuses("price");
        terms.seatFee = 2 ** 72;
        refuses("seatFee");
        terms.attestFee = 2 ** 72;
        refuses("attestFee");
        terms.maxUnits = 0;
        refuses("maxUnits");
        terms.pot = 13 ether - 1; // 1000 units at 0.01 and three seats at 1
        refuses("pot");
        terms.rounds = 1;
        terms.pot = 2 ** 87;
        vm.prank(initiator);
        vm.expectRevert(abi.encodeWithSelector(BadTerms.selector, "pot"));
        market.publish(terms, 2 ** 87, "");
    }

    function test_publish__unbonding_shorter_than_a_round__is_named() public {
        terms.period = 60_000;
        terms.challengeWindow = uint24(UNBONDING) - 42 + 1;
        refuses("unbonding");
    }

    function test_publish__at_the_limits__passes() public {
        terms.pot = 13 ether;
        terms.challengeWindow = 8 * 30 - 42;
        terms.attestTime = 4 * 30 - 42;
        publish();
    }

    function test_register__not_the_market__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(OnlyMarket.selector, address(this)));
        ledger.register(1, terms);
        vm.expectRevert(abi.encodeWithSelector(OnlyMarket.selector, address(this)));
        ledger.stop(1);
    }

    function test_fund__adds_to_escrow() public {
        publish();
        give(stranger, 5);
        vm.expectEmit(address(market));
        emit TaskFunded(task, stranger, 5);
        vm.prank(stranger);
        market.fund(task, 5);
        assertEq(market.escrowOf(task), budget() + 5, "escrow");
    }

    function test_fund__bad_calls__revert() public {
        publish();
        vm.expectRevert(abi.encodeWithSelector(ITaskMarketErrors.UnknownTask.selector, 9));
        market.fund(9, 1);
        vm.expectRevert(ITaskMarketErrors.ZeroAmount.selector);
        market.fund(task, 0);
        vm.expectRevert(ITaskMarketErrors.AmountTooLarge.selector);
        market.fund(task, type(uint96).max);
    }

    function test_pay__not_the_ledger__reverts() public {
        publish();
        vm.expectRevert(abi.encodeWithSelector(ITaskMarketErrors.OnlyLedger.selector, address(this)));
        market.pay(task, 1);
    }

    function test_pay__more_than_escrow__reverts() public {
        publish();
        uint256 escrow = budget();
        vm.prank(address(ledger));
        vm.expectRevert(abi.encodeWithSelector(ITaskMarketErrors.EscrowTooSmall.selector, escrow, escrow + 1));
        market.pay(task, escrow + 1);
    }

    function test_cancel__not_the_initiator__reverts() public {
        publish();
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(ITaskMarketErrors.OnlyInitiator.selector, stranger));
        market.cancel(task);
        vm.expectRevert(abi.encodeWithSelector(ITaskMarketErrors.UnknownTask.selector, 9));
        market.cancel(9);
    }

    function test_cancel__before_the_start__refund_is_free_and_stake_too() public {
        publish();
        enlistTrainer(trainers[0], 40 ether);
        enlistValidator(validators[0], LOT);
        vm.expectRevert(abi.encodeWithSelector(ITaskMarketErrors.TaskStillOpen.selector, task));
        market.refund(task);

        vm.expectEmit(address(market));
        emit TaskCancelled(task, 0);
        vm.prank(initiator);
        market.cancel(task);
        vm.expectEmit(address(market));
        emit TaskRefunded(task, initiator, budget());
        assertEq(market.refund(task), budget(), "refund");
        assertEq(token.balanceOf(initiator), budget(), "tokens");
        ledger.release(task, trainers[0], TRAINER);
        ledger.release(task, validators[0], VALIDATOR);
        assertEq(locked(trainers[0]) + locked(validators[0]), 0, "locked");
        vm.expectRevert(abi.encodeWithSelector(ITaskMarketErrors.NothingToRefund.selector, task));
        market.refund(task);
    }

    function test_cancel__before_the_start__can_no_longer_start() public {
        publish();
        vm.prank(initiator);
        market.cancel(task);
        enlistTrainer(trainers[0], 40 ether);
        enlistValidator(validators[0], 3 * LOT);
        vm.prank(validators[0]);
        ledger.attest(task, 0, GENESIS);
        (uint32 begun,,,) = ledger.stateOf(task);
        assertEq(begun, 0, "not started");
    }

    function test_cancel__in_round_2__round_2_is_played_and_3_refused() public {
        start();
        vm.warp(opens(2));
        vm.expectEmit(address(ledger));
        emit TaskStopped(task, 2);
        vm.prank(initiator);
        market.cancel(task);
        vm.prank(trainers[0]);
        vm.expectRevert(abi.encodeWithSelector(UnknownRound.selector, task, 3));
        ledger.submit(task, 3, 0, 1, "", "", "");

        play(2, VALID);
        uint256 left = market.escrowOf(task);
        assertEq(market.refund(task), left, "what is left");
        assertEq(market.escrowOf(task), 0, "escrow");
    }

    function test_refund__a_round_pending__reverts_until_it_is_final() public {
        start();
        submit(trainers[0], 1, 1000);
        vm.prank(initiator);
        market.cancel(task);
        vm.warp(challengeEnd(1) + 1000);
        vm.expectRevert(abi.encodeWithSelector(ITaskMarketErrors.TaskStillOpen.selector, task));
        market.refund(task);
        finalize(1);
        market.refund(task);
    }

    function test_refund__nobody_ever_submits__time_alone_is_enough() public {
        start();
        vm.warp(workEnd(terms.rounds) - 1);
        vm.expectRevert(abi.encodeWithSelector(ITaskMarketErrors.TaskStillOpen.selector, task));
        market.refund(task);
        vm.warp(workEnd(terms.rounds));
        assertEq(market.refund(task), budget(), "all of it");
    }
}
