// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeVault, IStakeVaultErrors, IStakeVaultEvents} from "../../contracts/interfaces/IStakeVault.sol";
import {Base} from "./Base.sol";

contract StakeVaultTest is Base, IStakeVaultEvents {
    address internal alice = makeAddr("alice");
    address internal bob = makeAddr("bob");

    function setUp() public override {
        super.setUp();
        give(alice, 1000 ether);
    }

    function stake(uint256 amount) internal {
        vm.prank(alice);
        vault.stake(alice, amount);
    }

    function lock(uint256 amount) internal {
        vm.prank(address(ledger));
        vault.lock(alice, amount);
    }

    function settle(address account, uint96 credit, uint96 burned, uint96 fees) internal {
        IStakeVault.Settlement[] memory s = new IStakeVault.Settlement[](1);
        s[0] = IStakeVault.Settlement(account, credit, burned, fees);
        vm.prank(address(ledger));
        vault.settle(s);
    }

    // --- construction

    function test_constructor__zero_address__reverts() public {
        vm.expectRevert(IStakeVaultErrors.ZeroAddress.selector);
        this.build(address(0), address(ledger));
        vm.expectRevert(IStakeVaultErrors.ZeroAddress.selector);
        this.build(address(token), address(0));
    }

    function build(address token_, address ledger_) external {
        bytes memory code = abi.encodePacked(vm.getCode("StakeVault.sol:StakeVault"), abi.encode(token_, ledger_, UNBONDING));
        assembly {
            if iszero(create(0, add(code, 32), mload(code))) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }

    // --- stake

    function test_stake__zero__reverts() public {
        vm.expectRevert(IStakeVaultErrors.ZeroAmount.selector);
        stake(0);
    }

    function test_stake__for_nobody__reverts() public {
        vm.prank(alice);
        vm.expectRevert(IStakeVaultErrors.ZeroAddress.selector);
        vault.stake(address(0), 1);
    }

    function test_stake__more_than_88_bits__reverts() public {
        vm.expectRevert(IStakeVaultErrors.AmountTooLarge.selector);
        stake(uint256(type(uint88).max) + 1);
    }

    function testFuzz_stake__any_amount__moves_it(uint256 amount) public {
        amount = bound(amount, 1, 1000 ether);
        vm.expectEmit(address(vault));
        emit Staked(bob, amount);
        vm.prank(alice);
        vault.stake(bob, amount);

        assertEq(staked(bob), amount, "bob's stake");
        assertEq(staked(alice), 0, "alice's stake");
        assertEq(vault.owed(), amount, "owed");
        assertEq(token.balanceOf(address(vault)), amount, "balance");
    }

    // --- unbond, withdraw

    function test_unbond__zero__reverts() public {
        vm.prank(alice);
        vm.expectRevert(IStakeVaultErrors.ZeroAmount.selector);
        vault.unbond(0);
    }

    function test_unbond__locked_stake__reverts() public {
        stake(10);
        lock(4);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IStakeVaultErrors.InsufficientFreeStake.selector, 6, 7));
        vault.unbond(7);
    }

    function test_unbond__seventeenth__reverts_until_one_left() public {
        stake(100);
        vm.startPrank(alice);
        for (uint256 i; i < 16; ++i) {
            vault.unbond(1);
        }
        vm.expectRevert(IStakeVaultErrors.TooManyUnbondings.selector);
        vault.unbond(1);

        vm.warp(block.timestamp + UNBONDING);
        assertEq(vault.withdraw(alice), 16, "all matured");
        vault.unbond(1);
    }

    function test_withdraw__one_second_early__reverts_then_pays() public {
        stake(10);
        uint256 readyAt = block.timestamp + UNBONDING;
        vm.expectEmit(address(vault));
        emit Unbonding(alice, 10, uint64(readyAt));
        vm.prank(alice);
        vault.unbond(10);
        assertEq(vault.owed(), 10, "still owed while it unbonds");

        vm.warp(readyAt - 1);
        vm.expectRevert(IStakeVaultErrors.NothingToPay.selector);
        vault.withdraw(alice);
        vm.warp(readyAt);
        vm.expectEmit(address(vault));
        emit Withdrawn(alice, alice, 10);
        assertEq(vault.withdraw(alice), 10, "amount");
        assertEq(vault.owed(), 0, "owed");
        vm.expectRevert(IStakeVaultErrors.NothingToPay.selector);
        vault.withdraw(alice);
    }

    function test_withdraw__two_waiting_one_matured__pays_one() public {
        stake(10);
        vm.prank(alice);
        vault.unbond(3);
        vm.warp(block.timestamp + 100);
        vm.prank(alice);
        vault.unbond(4);
        vm.warp(block.timestamp + UNBONDING - 100);

        assertEq(vault.withdraw(alice), 3, "the first");
        (uint256[] memory amounts, uint64[] memory readyAt) = vault.unbondingOf(alice);
        assertEq(amounts.length, 1, "one waits");
        assertEq(amounts[0], 4, "the second");
        assertEq(readyAt[0], block.timestamp + 100, "ready");
    }

    // --- lock, unlock

    function test_lock__not_the_ledger__reverts() public {
        bytes memory err = abi.encodeWithSelector(IStakeVaultErrors.OnlyLedger.selector, address(this));
        vm.expectRevert(err);
        vault.lock(alice, 1);
        vm.expectRevert(err);
        vault.unlock(alice, 1);
        vm.expectRevert(err);
        vault.settle(new IStakeVault.Settlement[](0));
    }

    function test_lock__more_than_free__reverts() public {
        stake(10);
        lock(4);
        vm.prank(address(ledger));
        vm.expectRevert(abi.encodeWithSelector(IStakeVaultErrors.InsufficientFreeStake.selector, 6, 7));
        vault.lock(alice, 7);
    }

    function test_lock__more_than_80_bits__reverts() public {
        uint256 amount = uint256(type(uint80).max) + 1;
        give(alice, amount);
        stake(amount);
        vm.prank(address(ledger));
        vm.expectRevert(IStakeVaultErrors.AmountTooLarge.selector);
        vault.lock(alice, amount);
    }

    function test_unlock__more_than_locked__reverts() public {
        stake(10);
        lock(4);
        vm.prank(address(ledger));
        vm.expectRevert(abi.encodeWithSelector(IStakeVaultErrors.InsufficientLockedStake.selector, 4, 5));
        vault.unlock(alice, 5);
        vm.prank(address(ledger));
        vault.unlock(alice, 4);
        assertEq(locked(alice), 0, "locked");
    }

    // --- settle, claim

    function test_settle__credit_without_cover__reverts() public {
        stake(10);
        IStakeVault.Settlement[] memory s = new IStakeVault.Settlement[](1);
        s[0] = IStakeVault.Settlement(bob, 1, 0, 0);
        vm.prank(address(ledger));
        vm.expectRevert(abi.encodeWithSelector(IStakeVaultErrors.Insolvent.selector, 10, 11));
        vault.settle(s);
    }

    function test_settle__takes_more_than_locked__reverts() public {
        stake(10);
        lock(4);
        IStakeVault.Settlement[] memory s = new IStakeVault.Settlement[](1);
        s[0] = IStakeVault.Settlement(alice, 0, 3, 2);
        vm.prank(address(ledger));
        vm.expectRevert(abi.encodeWithSelector(IStakeVaultErrors.InsufficientLockedStake.selector, 4, 5));
        vault.settle(s);
    }

    function test_settle__credit_past_88_bits__reverts_until_claimed() public {
        token.transfer(address(vault), 5e26);
        settle(bob, type(uint88).max, 0, 0);
        IStakeVault.Settlement[] memory s = new IStakeVault.Settlement[](1);
        s[0] = IStakeVault.Settlement(bob, 1, 0, 0);
        vm.prank(address(ledger));
        vm.expectRevert(IStakeVaultErrors.AmountTooLarge.selector);
        vault.settle(s);
        vault.claim(bob);
        settle(bob, 1, 0, 0);
        assertEq(claimable(bob), 1, "credit");
    }

    function testFuzz_settle__burn_and_fees__add_up(uint256 lockedAmount, uint256 burned, uint256 fees) public {
        lockedAmount = bound(lockedAmount, 2, 100 ether);
        burned = bound(burned, 1, lockedAmount - 1);
        fees = bound(fees, 1, lockedAmount - burned);
        stake(100 ether);
        lock(lockedAmount);

        IStakeVault.Settlement[] memory s = new IStakeVault.Settlement[](2);
        s[0] = IStakeVault.Settlement(alice, 0, uint96(burned), uint96(fees));
        s[1] = IStakeVault.Settlement(bob, uint96(fees), 0, 0);
        vm.expectEmit(address(vault));
        emit Burned(alice, burned);
        vm.prank(address(ledger));
        vault.settle(s);

        assertEq(staked(alice), 100 ether - burned - fees, "stake");
        assertEq(locked(alice), lockedAmount - burned - fees, "locked");
        assertEq(claimable(bob), fees, "fees");
        assertEq(token.balanceOf(GRAVE), burned, "burned");
        assertEq(vault.owed(), 100 ether - burned, "owed");
        assertEq(token.balanceOf(address(vault)), vault.owed(), "balance");
    }

    function test_claim__nothing__reverts() public {
        vm.expectRevert(IStakeVaultErrors.NothingToPay.selector);
        vault.claim(alice);
    }

    function test_claim__by_anyone__pays_the_account_once() public {
        token.transfer(address(vault), 5);
        settle(bob, 5, 0, 0);
        vm.expectEmit(address(vault));
        emit Claimed(bob, bob, 5);
        vm.prank(stranger);
        assertEq(vault.claim(bob), 5, "amount");
        assertEq(token.balanceOf(bob), 5, "bob's tokens");
        vm.expectRevert(IStakeVaultErrors.NothingToPay.selector);
        vault.claim(bob);
    }

    function test_claim__donation__changes_nothing() public {
        token.transfer(address(vault), 5);
        assertEq(vault.owed(), 0, "owed");
        vm.expectRevert(IStakeVaultErrors.NothingToPay.selector);
        vault.claim(bob);
    }

    // --- payout

    function test_setPayout__operator_key_after_it_is_set__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IStakeVaultErrors.OnlyPayout.selector, alice));
        vm.prank(bob);
        vault.setPayout(alice, bob);
        vm.prank(alice);
        vm.expectRevert(IStakeVaultErrors.ZeroAddress.selector);
        vault.setPayout(alice, address(0));

        vm.expectEmit(address(vault));
        emit PayoutSet(alice, bob);
        vm.prank(alice);
        vault.setPayout(alice, bob);
        vm.expectRevert(abi.encodeWithSelector(IStakeVaultErrors.OnlyPayout.selector, bob));
        vm.prank(alice);
        vault.setPayout(alice, alice);
        vm.prank(bob);
        vault.setPayout(alice, stranger);
        assertEq(vault.payoutOf(alice), stranger, "payout");
    }

    function test_withdraw__payout_set__goes_there() public {
        stake(10);
        vm.startPrank(alice);
        vault.unbond(10);
        vault.setPayout(alice, bob);
        vm.warp(block.timestamp + UNBONDING);
        vault.withdraw(alice);
        assertEq(token.balanceOf(bob), 10, "bob's tokens");
    }
}
