// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Taking} from "../../contracts/interfaces/IStakeVault.sol";
import {VaultKit} from "./VaultKit.sol";

/// @dev Credits, takings and claims: what the slashers do with money, and who gets it.
contract VaultSettleTest is VaultKit {
    // --- credits

    function test_settle__credit_beyond_what_was_funded__reverts() public {
        stake(10); // the stakes of others never fund a credit
        token.transfer(address(vault), 4);
        vm.startPrank(ledger);
        vm.expectRevert(abi.encodeWithSelector(Unfunded.selector, 5, 4));
        vault.settle(credits(bob, 5), none(), 4);
        vault.settle(credits(bob, 4), none(), 4);
        assertEq(claimable(bob), 4, "credit");
    }

    /// @dev What is taken to be paid funds as much, what is burned nothing.
    function test_settle__credit_beyond_what_was_taken__reverts() public {
        stake(10);
        vm.startPrank(ledger);
        vm.expectRevert(abi.encodeWithSelector(Unfunded.selector, 4, 3));
        vault.settle(credits(bob, 4), taking(alice, 7, 3), 0);
        vault.settle(credits(bob, 3), taking(alice, 7, 3), 0);
    }

    /// @dev checklist 3: with less in it than what is staked, the vault settles nothing more.
    function test_settle__balance_below_the_stakes__reverts() public {
        stake(10);
        deal(address(token), address(vault), 9);
        vm.prank(ledger);
        vm.expectRevert(abi.encodeWithSelector(Insolvent.selector, 9, 10));
        vault.settle(credits(bob, 0), none(), 0);
    }

    function test_settle__by_the_court__works() public {
        token.transfer(address(vault), 4);
        vm.prank(court);
        vault.settle(credits(bob, 4), none(), 4);
        assertEq(claimable(bob), 4, "credit");
    }

    /// @dev checklist 10
    function test_settle__credit_past_88_bits__reverts_until_claimed() public {
        uint256 most = type(uint88).max / 2;
        credit(bob, most);
        token.transfer(address(vault), 1);
        vm.prank(ledger);
        vm.expectRevert(AmountTooLarge.selector);
        vault.settle(credits(bob, 1), none(), 1);
        vm.prank(ledger);
        vm.expectRevert(AmountTooLarge.selector);
        vault.settle(credits(alice, most + 1), none(), most + 1);
        vault.claim(bob);
        credit(bob, 1);
        assertEq(claimable(bob), 1, "credit");
    }

    /// @dev A credit leaves the account's stake and lock alone, also where the fields are full.
    function test_settle__credit_to_a_full_account__changes_only_claimable() public {
        give(alice, type(uint88).max);
        stake(type(uint88).max);
        lock(type(uint80).max);
        credit(alice, type(uint88).max / 2);
        (uint256 s, uint256 l, uint256 c) = vault.accountOf(alice);
        assertEq(s, type(uint88).max, "stake");
        assertEq(l, type(uint80).max, "locked");
        assertEq(c, type(uint88).max / 2, "claimable");
    }

    function test_settle__nothing__changes_nothing() public {
        stake(10);
        vm.recordLogs();
        vm.prank(ledger);
        vault.settle(credits(bob, 0), taking(alice, 0, 0), 0);
        assertEq(vm.getRecordedLogs().length, 0, "no event");
        assertEq(owed(), 10, "owed");
    }

    /// @dev Money that was sent and credited to nobody stays nobody's.
    function testFuzz_settle__many_credits__add_up(uint96[8] memory amounts, uint8 repeated) public {
        uint256[] memory words = new uint256[](8);
        uint256 sum;
        for (uint256 i; i < 8; ++i) {
            uint256 amount = bound(amounts[i], 0, 1e24);
            words[i] = uint256(uint160(i == repeated % 8 ? bob : address(uint160(0x1000 + i)))) << 96 | amount;
            sum += amount;
        }
        token.transfer(address(vault), sum + 5);
        vm.prank(ledger);
        vault.settle(words, none(), sum + 5);
        uint256 credited;
        for (uint256 i; i < 8; ++i) {
            credited += claimable(address(uint160(words[i] >> 96)));
        }
        assertEq(credited, sum, "credits");
        assertEq(owed(), sum, "owed");
        assertEq(token.balanceOf(address(vault)), sum + 5, "balance");
    }

    function test_settle__one_account_twice__gets_both() public {
        uint256[] memory words = new uint256[](2);
        (words[0], words[1]) = (credits(bob, 3)[0], credits(bob, 4)[0]);
        token.transfer(address(vault), 7);
        vm.prank(ledger);
        vault.settle(words, none(), 7);
        assertEq(claimable(bob), 7, "both");
    }

    // --- takings

    /// @dev Locked first, then free, then unbonding, the newest first, matured or not.
    function test_take__order__locked_free_newest_unbonding() public {
        stake(100);
        unbond(10);
        vm.warp(block.timestamp + 100);
        unbond(20);
        lock(30); // locked 30, free 40, unbonding 20 then 10

        take(25, 0);
        assertEq(locked(alice), 5, "locked first");
        assertEq(staked(alice), 45, "stake");
        take(15, 0);
        assertEq(locked(alice), 0, "the rest of it");
        assertEq(staked(alice), 30, "then free stake");
        assertWaiting(these(10, 20));
        vm.expectEmit(address(vault));
        emit Taken(alice, 35, 0, 5);
        take(35, 0);
        assertEq(staked(alice), 0, "all free stake");
        assertWaiting(these(10, 15));
        vm.warp(block.timestamp + UNBONDING); // both matured, none withdrawn
        take(20, 0);
        assertWaiting(these(5));
        assertEq(vault.withdraw(alice), 5, "what is left");
        assertEq(token.balanceOf(GRAVE), 95, "burned");
        assertEq(owed(), 0, "owed");
    }

    /// @dev checklist 12: leaving doesn't help; in the block of the slash it's too late.
    function test_take__all_unbonding__withdraw_pays_the_rest() public {
        stake(100);
        unbond(100);
        vm.warp(block.timestamp + UNBONDING);
        vm.expectEmit(address(vault));
        emit Taken(alice, 30, 30, 60);
        take(30, 30);
        assertEq(vault.withdraw(alice), 40, "the rest");
        assertEq(claimable(bob), 30, "paid");
    }

    /// @dev checklist 13: a burn takes what there is.
    function test_take__burn_more_than_there_is__takes_all() public {
        stake(7);
        unbond(3);
        vm.expectEmit(address(vault));
        emit Taken(alice, 7, 0, 3);
        take(50, 0);
        assertEq(staked(alice) + unbonding(alice), 0, "nothing left");
        assertEq(token.balanceOf(GRAVE), 7, "burned");
        vm.expectEmit(address(vault));
        emit Taken(alice, 0, 0, 0);
        take(50, 0); // a second time, after the exit: nothing
        assertEq(owed(), 0, "owed");
    }

    /// @dev Who is to be paid comes before the fire.
    function test_take__burn_and_pay_more_than_there_is__pays_first() public {
        stake(7);
        vm.expectEmit(address(vault));
        emit Taken(alice, 2, 5, 0);
        take(50, 5);
        assertEq(claimable(bob), 5, "paid");
        assertEq(token.balanceOf(GRAVE), 2, "burned");
    }

    /// @dev checklist 13
    function test_take__pay_more_than_there_is__reverts() public {
        stake(7);
        unbond(3);
        vm.prank(ledger);
        vm.expectRevert(abi.encodeWithSelector(InsufficientStake.selector, alice, 8));
        vault.settle(credits(bob, 8), taking(alice, 0, 8), 0);
        take(0, 7);
        assertEq(claimable(bob), 7, "paid");
        vm.prank(ledger);
        vm.expectRevert(abi.encodeWithSelector(InsufficientStake.selector, alice, 1));
        vault.settle(credits(bob, 1), taking(alice, 0, 1), 0);
    }

    /// @dev What can be claimed is earned and over: it doesn't answer.
    function test_take__claimable__is_out_of_reach() public {
        credit(alice, 9);
        vm.expectEmit(address(vault));
        emit Taken(alice, 0, 0, 0);
        take(9, 0);
        assertEq(claimable(alice), 9, "claimable");
    }

    function test_take__same_account_twice__both_count() public {
        stake(10);
        Taking[] memory takings = new Taking[](2);
        takings[0] = Taking(alice, 1, 2);
        takings[1] = Taking(alice, 3, 4);
        vm.prank(ledger);
        vault.settle(credits(alice, 6), takings, 0); // and is paid in the same settlement
        assertEq(staked(alice), 0, "stake");
        assertEq(claimable(alice), 6, "credit");
        assertEq(token.balanceOf(GRAVE), 4, "burned");
        assertEq(owed(), 6, "owed");
    }

    /// @dev checklist 10: largest fields
    function test_take__ninety_six_bits__no_overflow() public {
        stake(10);
        vm.prank(ledger);
        vm.expectRevert(abi.encodeWithSelector(InsufficientStake.selector, alice, type(uint96).max));
        vault.settle(new uint256[](0), taking(alice, type(uint96).max, type(uint96).max), 0);
        take(type(uint96).max, 0);
        assertEq(token.balanceOf(GRAVE), 10, "burned what there was");
    }

    struct Drawn {
        uint64 free;
        uint64 locked;
        uint64 first;
        uint64 second;
        uint64 burned;
        uint64 paid;
    }

    /// @dev checklist 13, against a model written from the interface.
    function testFuzz_take__any__exact(Drawn memory d, uint32 waited) public {
        uint256 whole = uint256(d.free) + d.locked + d.first + d.second;
        vm.assume(whole != 0);
        stake(whole);
        if (d.first != 0) unbond(d.first);
        if (d.second != 0) unbond(d.second);
        lock(d.locked);
        vm.warp(block.timestamp + waited);

        if (d.paid > whole) {
            vm.prank(ledger);
            vm.expectRevert(abi.encodeWithSelector(InsufficientStake.selector, alice, d.paid));
            vault.settle(credits(bob, d.paid), taking(alice, d.burned, d.paid), 0);
            return;
        }
        uint256 left = uint256(d.burned) + d.paid;
        uint256 burned = left > whole ? whole - d.paid : d.burned;
        uint256[4] memory parts = [uint256(d.locked), d.free, d.second, d.first];
        for (uint256 i; i < 4; ++i) {
            uint256 part = left < parts[i] ? left : parts[i];
            (parts[i], left) = (parts[i] - part, left - part);
        }
        take(d.burned, d.paid);
        assertEq(locked(alice), parts[0], "locked");
        assertEq(staked(alice), parts[0] + parts[1], "stake");
        assertEq(unbonding(alice), parts[2] + parts[3], "unbonding");
        assertEq(claimable(bob), d.paid, "paid");
        assertEq(token.balanceOf(GRAVE), burned, "burned");
        assertEq(owed(), whole - burned, "owed");
        assertEq(token.balanceOf(address(vault)), owed(), "balance");
        (uint256[] memory amounts,) = vault.unbondingOf(alice);
        for (uint256 i; i < amounts.length; ++i) {
            assertGt(amounts[i], 0, "nothing waits for nothing");
        }
    }

    // --- claim

    function test_claim__nothing__reverts() public {
        stake(5);
        vm.expectRevert(NothingToPay.selector);
        vault.claim(alice);
    }

    /// @dev checklist 15
    function test_claim__by_anyone__pays_the_account_once() public {
        credit(bob, 5);
        vm.expectEmit(address(vault));
        emit Claimed(bob, bob, 5);
        vm.prank(stranger);
        assertEq(vault.claim(bob), 5, "amount");
        assertEq(token.balanceOf(bob), 5, "bob's tokens");
        vm.expectRevert(NothingToPay.selector);
        vault.claim(bob);
    }

    function test_claim__payout_set__goes_there() public {
        credit(bob, 5);
        vm.prank(bob);
        vault.setPayout(bob, alice);
        vm.expectEmit(address(vault));
        emit Claimed(bob, alice, 5);
        vault.claim(bob);
        assertEq(token.balanceOf(alice), 1000 ether + 5, "alice's tokens");
    }

    /// @dev attack: the operator's key waits until the payout address is forgotten. It never is, whatever the account's word goes through.
    function test_claim__payout_set__goes_there_every_time() public {
        vm.prank(alice);
        vault.setPayout(alice, bob);
        stake(100);
        unbond(10);
        rebond(5);
        lock(50);
        for (uint256 i; i < 2; ++i) {
            credit(alice, 5);
            take(1, 0);
            vault.claim(alice);
        }
        assertEq(token.balanceOf(bob), 10, "both claims");
        vm.warp(block.timestamp + UNBONDING);
        vault.withdraw(alice);
        assertEq(token.balanceOf(bob), 15, "and what was unbonded");
        assertEq(vault.payoutOf(alice), bob, "payout");
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(OnlyPayout.selector, bob));
        vault.setPayout(alice, alice);
    }

    /// @dev checklist 4
    function test_donation__changes_nothing() public {
        stake(10);
        token.transfer(address(vault), 5);
        assertEq(owed(), 10, "owed");
        vm.expectRevert(NothingToPay.selector);
        vault.claim(bob);
        take(10, 0);
        assertEq(token.balanceOf(GRAVE), 10, "not a wei more");
        assertEq(token.balanceOf(address(vault)), 5, "the gift lies there");
    }

    // --- gas

    /// @dev Marginal cost of a credit to an account that has one already, in the settlement of 33 against that of one.
    function test_settle__gas_of_a_credit() public {
        uint256[] memory words = new uint256[](33);
        for (uint256 i; i < 33; ++i) {
            words[i] = uint256(uint160(uint256(keccak256(abi.encode(i))))) << 96 | (1e18 + i);
        }
        credit(bob, 1);
        token.transfer(address(vault), 200e18);
        vm.prank(ledger);
        vault.settle(words, none(), 50e18);

        vm.cool(address(vault));
        vm.prank(ledger);
        vault.settle(words, none(), 50e18);
        uint256 all = vm.lastCallGas().gasTotalUsed;
        vm.cool(address(vault));
        vm.prank(ledger);
        vault.settle(credits(bob, 1), none(), 1);
        uint256 each = (all - vm.lastCallGas().gasTotalUsed) / 32;
        emit log_named_uint("credit", each);
        assertLe(each, 5600, "a credit");
    }
}
