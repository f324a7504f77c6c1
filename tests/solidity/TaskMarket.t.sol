// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITaskMarket, Terms} from "../../contracts/interfaces/ITaskMarket.sol";
import {MarketKit} from "./MarketKit.sol";

/// @dev Escrow and who may move it. What terms are refused: TermsCheck.t.sol.
contract TaskMarketTest is MarketKit {
    function relayed(address account, bytes memory call) internal returns (bytes memory) {
        vm.prank(gateway);
        (bool done, bytes memory result) = address(market).call(bytes.concat(call, bytes20(account)));
        if (done) return result;
        assembly ("memory-safe") {
            revert(add(result, 32), mload(result))
        }
    }

    // --- construction

    /// @dev checklist: no role, no admin: what a market may move is fixed at construction.
    function test_constructor__addresses__are_fixed() public view {
        assertEq(market.token(), address(token), "token");
        assertEq(market.vault(), address(vault), "vault");
        assertEq(market.ledger(), address(ledger), "ledger");
        assertEq(market.gateway(), gateway, "gateway");
    }

    function test_constructor__an_address_missing__reverts() public {
        address[4] memory given = [address(token), address(vault), address(ledger), gateway];
        this.create(given);
        for (uint256 k; k < 4; ++k) {
            address kept = given[k];
            given[k] = address(0);
            vm.expectRevert(ZeroAddress.selector);
            this.create(given);
            given[k] = kept;
        }
    }

    /// @dev What the constructor reverts with comes through.
    function create(address[4] calldata args) external {
        bytes memory code = bytes.concat(vm.getCode("TaskMarket.sol:TaskMarket"), abi.encode(args));
        assembly ("memory-safe") {
            if iszero(create(0, add(code, 32), mload(code))) {
                let free := mload(0x40)
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
        }
    }

    // --- publish

    function test_publish__good_terms__locks_the_budget() public {
        uint256 before = token.balanceOf(initiator);
        vm.expectEmit(address(market));
        emit TaskPublished(1, initiator, terms.specHash, terms, budget() + 7, "uri");
        vm.prank(initiator);
        assertEq(market.publish(terms, budget() + 7, "uri"), 1, "first task");

        assertEq(market.tasks(), 1, "tasks");
        assertEq(market.escrowOf(1), budget() + 7, "escrow");
        assertEq(market.initiatorOf(1), initiator, "initiator");
        assertEq(token.balanceOf(address(market)), budget() + 7, "tokens");
        assertEq(token.balanceOf(initiator), before - budget() - 7, "paid by the initiator");
        assertEq(publish(), 2, "second task");
    }

    /// @dev attack H5: no term is secret, and none changes: all of them are in the event and with the ledger.
    function testFuzz_publish__terms__are_those_that_the_event_names(bytes32 spec, uint16 lead, uint8 minTrainers, bool isPrivate) public {
        (terms.specHash, terms.lead, terms.minTrainers, terms.isPrivate) = (spec, lead, minTrainers, isPrivate);
        vm.expectEmit(address(market));
        emit TaskPublished(1, initiator, spec, terms, budget(), "http://initiator");
        publish();
        assertEq(ledger.registered(1), abi.encode(terms), "what the ledger knows");
    }

    function test_publish__budget_below_pots__reverts() public {
        vm.prank(initiator);
        vm.expectRevert(error2(BudgetTooSmall.selector, budget() - 1, budget()));
        market.publish(terms, budget() - 1, "");
    }

    function test_publish__budget_over_96_bits__reverts() public {
        give(initiator, 2 ** 96);
        vm.startPrank(initiator);
        vm.expectRevert(AmountTooLarge.selector);
        market.publish(terms, 2 ** 96, "");
        market.publish(terms, 2 ** 96 - 1, "");
    }

    function test_publish__without_tokens__reverts() public {
        vm.prank(stranger);
        vm.expectRevert();
        market.publish(terms, budget(), "");
        assertEq(market.tasks(), 0, "no task");
    }

    /// @dev attack: a relayed call spends and speaks for the account that it names, never for the gateway.
    function test_publish__by_the_gateway__is_the_named_accounts_task() public {
        relayed(initiator, abi.encodeCall(ITaskMarket.publish, (terms, budget(), "uri")));
        assertEq(market.initiatorOf(1), initiator, "initiator");
        assertEq(token.balanceOf(address(market)), budget(), "paid by the named account");
    }

    /// @dev Only the gateway is believed: bytes after anyone else's call name nobody.
    function test_cancel__account_appended_by_a_stranger__speaks_for_the_stranger() public {
        publish();
        bytes memory call = bytes.concat(abi.encodeCall(ITaskMarket.cancel, (1)), bytes20(initiator));
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(OnlyInitiator.selector, stranger));
        (bool done,) = address(market).call(call);
        assertTrue(done, "expectRevert");
    }

    // --- fund

    function test_fund__adds_to_escrow() public {
        publish();
        give(stranger, 5);
        vm.expectEmit(address(market));
        emit TaskFunded(1, stranger, 5);
        vm.prank(stranger);
        market.fund(1, 5);
        assertEq(market.escrowOf(1), budget() + 5, "escrow");
        assertEq(token.balanceOf(address(market)), budget() + 5, "tokens");
    }

    function test_fund__by_the_gateway__is_the_named_accounts_money() public {
        publish();
        give(stranger, 5);
        vm.expectEmit(address(market));
        emit TaskFunded(1, stranger, 5);
        relayed(stranger, abi.encodeCall(ITaskMarket.fund, (1, 5)));
        assertEq(token.balanceOf(stranger), 0, "paid by the named account");
    }

    function test_fund__bad_calls__revert() public {
        publish();
        vm.expectRevert(abi.encodeWithSelector(UnknownTask.selector, 9));
        market.fund(9, 1);
        vm.expectRevert(ZeroAmount.selector);
        market.fund(1, 0);
        uint256 room = type(uint96).max - budget();
        vm.expectRevert(AmountTooLarge.selector);
        market.fund(1, room + 1);
        vm.expectRevert(AmountTooLarge.selector);
        market.fund(1, type(uint256).max);
        give(stranger, room);
        vm.prank(stranger);
        market.fund(1, room);
        assertEq(market.escrowOf(1), type(uint96).max, "as much as fits");
    }

    // --- pay

    function test_pay__by_the_ledger__goes_to_the_vault() public {
        publish();
        vm.expectEmit(address(market));
        emit RoundPaid(1, 3);
        vm.prank(address(ledger));
        market.pay(1, 3);
        assertEq(token.balanceOf(address(vault)), 3, "tokens");
        assertEq(market.escrowOf(1), budget() - 3, "escrow");
    }

    function test_pay__anyone_else__reverts() public {
        publish();
        address[4] memory callers = [initiator, stranger, address(vault), gateway];
        for (uint256 i; i < 4; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(OnlyLedger.selector, callers[i]));
            market.pay(1, 1);
        }
        vm.expectRevert(abi.encodeWithSelector(OnlyLedger.selector, gateway));
        relayed(address(ledger), abi.encodeCall(ITaskMarket.pay, (1, 1)));
    }

    /// @dev One task's escrow never pays for another one.
    function test_pay__more_than_escrow__reverts() public {
        publish();
        publish();
        uint256 escrow = budget();
        vm.startPrank(address(ledger));
        vm.expectRevert(error2(EscrowTooSmall.selector, escrow, escrow + 1));
        market.pay(1, escrow + 1);
        market.pay(1, escrow);
        vm.expectRevert(error2(EscrowTooSmall.selector, 0, 1));
        market.pay(1, 1);
        assertEq(market.escrowOf(2), escrow, "the other task's");
    }

    // --- cancel, refund

    function test_cancel__by_the_initiator__ends_with_the_round_that_the_ledger_names() public {
        publish();
        ledger.stopAt(7);
        vm.expectEmit(address(market));
        emit TaskCancelled(1, 7);
        vm.prank(initiator);
        market.cancel(1);
        vm.expectEmit(address(market));
        emit TaskCancelled(1, 7);
        relayed(initiator, abi.encodeCall(ITaskMarket.cancel, (1)));
        assertEq(market.escrowOf(1), budget(), "cancelling moves no money");
    }

    function test_cancel__anyone_else__reverts() public {
        publish();
        address[3] memory callers = [stranger, address(ledger), gateway];
        for (uint256 i; i < 2; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(OnlyInitiator.selector, callers[i]));
            market.cancel(1);
        }
        vm.expectRevert(abi.encodeWithSelector(OnlyInitiator.selector, stranger));
        relayed(stranger, abi.encodeCall(ITaskMarket.cancel, (1)));
        vm.expectRevert(abi.encodeWithSelector(UnknownTask.selector, 9));
        market.cancel(9);
    }

    /// @dev attack H5: pots of rounds that are open stay reserved.
    function test_refund__while_a_round_may_pay__reverts() public {
        publish();
        vm.prank(initiator);
        market.cancel(1);
        vm.expectRevert(abi.encodeWithSelector(TaskStillOpen.selector, 1));
        market.refund(1);
    }

    function test_refund__task_over__all_of_it_to_the_initiator_once() public {
        publish();
        publish();
        uint256 before = token.balanceOf(initiator);
        uint256 escrow = budget();
        ledger.end();
        vm.expectEmit(address(market));
        emit TaskRefunded(1, initiator, escrow);
        vm.prank(stranger); // whoever calls
        assertEq(market.refund(1), escrow, "refund");
        assertEq(token.balanceOf(initiator), before + escrow, "tokens");
        assertEq(market.escrowOf(1), 0, "nothing is left behind");
        assertEq(market.escrowOf(2), escrow, "the other task's escrow");
        vm.expectRevert(abi.encodeWithSelector(NothingToRefund.selector, 1));
        market.refund(1);
        vm.expectRevert(abi.encodeWithSelector(UnknownTask.selector, 9));
        market.refund(9);
    }

    /// @dev Donated tokens belong to no task, and no path moves them.
    function test_refund__tokens_sent_without_a_call__stay_out_of_it() public {
        publish();
        token.transfer(address(market), 9);
        ledger.end();
        assertEq(market.refund(1), budget(), "the escrow, not the balance");
        assertEq(token.balanceOf(address(market)), 9, "donated");
    }
}
