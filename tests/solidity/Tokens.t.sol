// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeVaultErrors} from "../../contracts/interfaces/IStakeVault.sol";
import {ITaskMarketErrors} from "../../contracts/interfaces/ITaskMarket.sol";
import {FeeToken, HookToken} from "./BadTokens.sol";
import {Base} from "./Base.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// @dev The system with tokens that aren't plain; the vault alone is in VaultTokens.t.sol.
contract TokensTest is Base {
    HookToken internal hooked;

    function test_feeOnTransfer__stake_and_publish__revert() public {
        deploy(new FeeToken());
        give(stranger, 1000);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IStakeVaultErrors.WrongTransfer.selector, 100, 99));
        vault.stake(stranger, 100);

        uint256 budget = terms.rounds * terms.pot;
        give(initiator, 2 * budget);
        vm.prank(initiator);
        vm.expectRevert(abi.encodeWithSelector(ITaskMarketErrors.WrongTransfer.selector, budget, budget * 99 / 100));
        market.publish(terms, budget, "");
    }

    /// @dev checklist 3, 8: pay that doesn't arrive in the vault is credited to nobody, also when the token says that it went.
    function test_pay__tokens_that_do_not_arrive__settle_nothing() public {
        start();
        for (uint256 i; i < 3; ++i) {
            submit(trainers[i], 1, 1000);
        }
        sealRound(1);
        judge(1, all(3, VALID));
        vm.warp(challengeEnd(1));
        vm.mockCall(address(token), abi.encodeWithSelector(token.transfer.selector, address(vault)), abi.encode(true));
        vm.expectRevert(abi.encodeWithSelector(ITaskMarketErrors.WrongTransfer.selector, 39 ether, 0));
        settle(1, nobody);
        vm.clearMockedCalls();
        settle(1, nobody);
        assertEq(claimable(trainers[0]), 10 ether, "paid when they arrive");
    }

    // --- a token that calls back

    function hook(address target, bytes memory data) internal {
        hooked.arm(target, data);
    }

    function startHooked() internal {
        hooked = new HookToken();
        deploy(hooked);
        start();
    }

    /// @dev The armed call was made and refused with `selector`.
    function assertRefused(bytes4 selector) internal view {
        assertTrue(hooked.called(), "called back");
        assertEq(bytes4(hooked.answer()), selector, "refused");
    }

    function test_reentrancy__market__refund_and_publish_are_shut() public {
        startHooked();
        vm.warp(challengeEnd(terms.rounds));
        hook(address(market), abi.encodeCall(market.refund, (task)));
        market.refund(task);
        assertRefused(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        assertEq(token.balanceOf(initiator), terms.rounds * terms.pot, "refunded once");
        assertEq(token.balanceOf(address(market)), 0, "market");
    }

    /// @dev checklist 1
    function test_reentrancy__finalize_inside_its_own_payment__is_final_already() public {
        startHooked();
        playUntilFinal();
        hook(address(ledger), abi.encodeCall(ledger.finalize, (task, 1, entries[1], ascending(reveals[1]), extras[1], nobody, salts[1])));
        finalize(1);
        assertRefused(AlreadyFinal.selector);
        assertEq(token.balanceOf(address(vault)), owed(), "vault");
    }

    function test_reentrancy__refund_inside_a_payment__is_shut() public {
        startHooked();
        playUntilFinal();
        vm.prank(initiator);
        market.cancel(task);
        hook(address(market), abi.encodeCall(market.refund, (task)));
        finalize(1);
        assertRefused(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        vm.warp(challengeEnd(2));
        market.refund(task);
        assertEq(token.balanceOf(address(market)), 0, "market");
        assertEq(token.balanceOf(address(vault)), owed(), "vault");
    }

    /// @dev Claiming while the escrow's payment is on its way finds nothing new: credits come after the money.
    function test_reentrancy__claim_inside_a_payment__pays_nothing_early() public {
        startHooked();
        playUntilFinal();
        hook(address(vault), abi.encodeCall(vault.claim, (trainers[0])));
        finalize(1);
        assertRefused(IStakeVaultErrors.NothingToPay.selector);
        assertEq(claimable(trainers[0]), 10 ether, "credit");
        assertEq(token.balanceOf(address(vault)), owed(), "vault");
    }

    function playUntilFinal() internal {
        for (uint256 i; i < 3; ++i) {
            submit(trainers[i], 1, 1000);
        }
        sealRound(1);
        judge(1, all(3, VALID));
        attestAll(1);
    }

    /// @dev A payout address that can't receive stops its own claim and nobody else's.
    function test_claim__one_recipient_refused_by_the_token__others_are_paid() public {
        startHooked();
        play(1, VALID);
        hooked.ban(trainers[0]);
        vm.expectRevert("banned");
        vault.claim(trainers[0]);
        vault.claim(trainers[1]);
        play(5, VALID); // and rounds go on
        assertEq(token.balanceOf(trainers[1]), 10 ether, "paid");
    }
}
