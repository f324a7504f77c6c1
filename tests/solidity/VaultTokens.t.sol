// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FalseToken, FeeToken, HookToken, NoReturnToken} from "./BadTokens.sol";
import {VaultKit} from "./VaultKit.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// @dev Tokens that aren't plain, and one that calls back.
contract VaultTokensTest is VaultKit {
    HookToken internal hooked;
    /// @dev What `look` saw.
    uint256 internal seenOwed;
    uint256 internal seenClaimable;

    /// @dev checklist 7
    function test_feeOnTransfer__stake__reverts() public {
        deploy(new FeeToken());
        give(stranger, 1000);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(WrongTransfer.selector, 100, 99));
        vault.stake(stranger, 100);
    }

    /// @dev checklist 8
    function test_returnsFalse__stake__reverts() public {
        FalseToken bad = new FalseToken();
        deploy(bad);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(bad)));
        vault.stake(address(this), 100);
    }

    /// @dev checklist 8
    function test_noReturnValue__every_way_out__works() public {
        NoReturnToken old = new NoReturnToken();
        deploy(IERC20(address(old)));
        old.approve(address(vault), 100);
        vault.stake(address(this), 100);
        vault.unbond(60);
        vm.warp(block.timestamp + UNBONDING);
        assertEq(vault.withdraw(address(this)), 60, "withdrawn");
        vm.prank(ledger);
        vault.settle(credits(address(this), 30), taking(address(this), 10, 30), 0);
        assertEq(vault.claim(address(this)), 30, "claimed");
        assertEq(token.balanceOf(address(this)), 1e27 - 10, "all but what was burned");
        assertEq(token.balanceOf(GRAVE), 10, "burned");
    }

    // --- a token that calls back

    function hookIn() internal {
        hooked = new HookToken();
        deploy(hooked);
        give(alice, 1000);
        give(stranger, 1000);
    }

    /// @dev checklist 1, attack: re-entry while tokens of stake, permit-stake, withdraw, claim and burn move.
    function test_reentrancy__every_way_back_in_is_shut() public {
        hookIn();
        bytes[8] memory ways = [
            abi.encodeCall(vault.claim, (alice)),
            abi.encodeCall(vault.withdraw, (alice)),
            abi.encodeCall(vault.stake, (alice, 1)),
            abi.encodeCall(vault.stakeWithPermit, (alice, 1, 0, 0, 0, 0)),
            abi.encodeCall(vault.unbond, (1)),
            abi.encodeCall(vault.rebond, (1)),
            abi.encodeCall(vault.lock, (alice, 1)),
            abi.encodeCall(vault.settle, (new uint256[](0), none(), 0))
        ];
        for (uint256 i; i < ways.length; ++i) {
            bytes memory refused = i < 6
                ? abi.encodePacked(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector)
                : abi.encodeWithSelector(OnlySlasher.selector, address(hooked));
            vm.startPrank(alice);
            hooked.arm(address(vault), ways[i]);
            vault.stake(alice, 30);
            assertAnswer(refused);
            vault.unbond(5);
            vm.stopPrank();

            hooked.arm(address(vault), ways[i]);
            take(3, 7);
            assertAnswer(refused);
            hooked.arm(address(vault), ways[i]);
            assertEq(vault.claim(bob), 7, "claimed once");
            assertAnswer(refused);
            vm.warp(block.timestamp + UNBONDING);
            hooked.arm(address(vault), ways[i]);
            assertEq(vault.withdraw(alice), 5, "withdrawn once");
            assertAnswer(refused);
            assertEq(token.balanceOf(address(vault)), owed(), "vault");
        }
    }

    function assertAnswer(bytes memory refused) internal view {
        assertTrue(hooked.called(), "called back");
        assertEq(hooked.answer(), refused, "refused");
    }

    /// @dev checklist 2: who looks during a transfer sees what will be true after it.
    function test_reentrancy__looking_in_during_a_claim__sees_the_state_after_it() public {
        hookIn();
        credit(bob, 9);
        hooked.arm(address(this), abi.encodeCall(this.look, (bob)));
        seenClaimable = 1;
        vault.claim(bob);
        assertTrue(hooked.called(), "looked");
        assertEq(seenClaimable, 0, "claimable");
        assertEq(seenOwed, 0, "owed");
    }

    function look(address account) external {
        (seenOwed, seenClaimable) = (owed(), claimable(account));
    }

    /// @dev checklist 32: a payout that can't receive stops its own claim and nobody else's, and no settlement.
    function test_claim__one_recipient_refused_by_the_token__others_are_paid() public {
        hookIn();
        credit(alice, 5);
        credit(bob, 6);
        hooked.ban(alice);
        vm.expectRevert("banned");
        vault.claim(alice);
        vault.claim(bob);
        credit(alice, 5); // and settlements go on
        assertEq(token.balanceOf(bob), 6, "paid");
        vm.prank(alice);
        vault.setPayout(alice, stranger);
        assertEq(vault.claim(alice), 10, "elsewhere it can go");
    }
}
