// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {NoReturnToken} from "./BadTokens.sol";
import {VaultKit} from "./VaultKit.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @dev What an account does with its own money. There is no pause (checklist 34): no key can stop any of it.
contract StakeVaultTest is VaultKit {
    uint256 internal constant MAX_STAKE = type(uint88).max;

    // --- construction

    /// @dev checklist 36
    function test_constructor__zero_address__reverts() public {
        for (uint256 k; k < 4; ++k) {
            address[4] memory given = [address(token), ledger, court, gateway];
            given[k] = address(0);
            vm.expectRevert(ZeroAddress.selector);
            this.build(abi.encode(given, UNBONDING));
        }
    }

    /// @dev checklist 8
    function test_constructor__token_without_code__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Address.AddressEmptyCode.selector, stranger));
        this.build(abi.encode(stranger, ledger, court, gateway, UNBONDING));
    }

    function test_constructor__wiring__can_be_read() public view {
        assertEq(vault.token(), address(token), "token");
        assertEq(vault.ledger(), ledger, "ledger");
        assertEq(vault.court(), court, "court");
        assertEq(vault.gateway(), gateway, "gateway");
        assertEq(vault.unbondingPeriod(), UNBONDING, "period");
    }

    function build(bytes memory arguments) external {
        bytes memory code = abi.encodePacked(vm.getCode("StakeVault.sol:StakeVault"), arguments);
        assembly ("memory-safe") {
            if iszero(create(0, add(code, 32), mload(code))) {
                let free := mload(0x40)
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
        }
    }

    // --- stake

    /// @dev checklist 9
    function test_stake__zero__reverts() public {
        vm.expectRevert(ZeroAmount.selector);
        stake(0);
    }

    function test_stake__for_nobody__reverts() public {
        vm.prank(alice);
        vm.expectRevert(ZeroAddress.selector);
        vault.stake(address(0), 1);
    }

    /// @dev checklist 9, 10
    function test_stake__more_than_88_bits__reverts() public {
        vm.expectRevert(AmountTooLarge.selector);
        stake(MAX_STAKE + 1);
        vm.expectRevert(AmountTooLarge.selector);
        stake(type(uint256).max);
        give(alice, MAX_STAKE);
        stake(MAX_STAKE);
        vm.expectRevert(AmountTooLarge.selector);
        stake(1);
        vm.expectRevert(AmountTooLarge.selector);
        stake(type(uint256).max);
        assertEq(staked(alice), MAX_STAKE, "stake");
        assertEq(owed(), MAX_STAKE, "owed");
    }

    function testFuzz_stake__any_amount__moves_it(uint256 amount) public {
        amount = bound(amount, 1, 1000 ether);
        vm.expectEmit(address(vault));
        emit Staked(bob, amount);
        vm.prank(alice);
        vault.stake(bob, amount);

        assertEq(staked(bob), amount, "bob's stake");
        assertEq(staked(alice), 0, "alice's stake");
        assertEq(owed(), amount, "owed");
        assertEq(token.balanceOf(alice), 1000 ether - amount, "alice's tokens");
        assertEq(token.balanceOf(address(vault)), amount, "balance");
    }

    function test_stake__without_an_allowance__reverts_with_the_tokens_error() public {
        token.transfer(bob, 5);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(vault), 0, 5));
        vault.stake(bob, 5);
    }

    // --- stake with a permit

    function permit(uint256 amount, uint256 deadline) internal view returns (uint8 v, bytes32 r, bytes32 s) {
        bytes32 permitType = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        uint256 nonce = IERC20Permit(address(token)).nonces(alice);
        bytes32 body = keccak256(abi.encode(permitType, alice, address(vault), amount, nonce, deadline));
        bytes32 domain = IERC20Permit(address(token)).DOMAIN_SEPARATOR();
        return vm.sign(aliceKey, keccak256(abi.encodePacked(hex"1901", domain, body)));
    }

    function revoke() internal {
        vm.prank(alice);
        token.approve(address(vault), 0);
    }

    function test_stakeWithPermit__no_allowance__stakes_in_one_transaction() public {
        revoke();
        (uint8 v, bytes32 r, bytes32 s) = permit(7, block.timestamp);
        vm.expectEmit(address(vault));
        emit Staked(bob, 7);
        vm.prank(alice);
        vault.stakeWithPermit(bob, 7, block.timestamp, v, r, s);
        assertEq(staked(bob), 7, "stake");
        assertEq(token.balanceOf(alice), 1000 ether - 7, "alice's tokens");
        assertEq(token.allowance(alice, address(vault)), 0, "nothing left over");
    }

    /// @dev attack: a watcher uses the permit out of the mempool first.
    function test_stakeWithPermit__permit_used_by_another_first__stakes_all_the_same() public {
        revoke();
        (uint8 v, bytes32 r, bytes32 s) = permit(7, block.timestamp);
        vm.prank(stranger);
        IERC20Permit(address(token)).permit(alice, address(vault), 7, block.timestamp, v, r, s);
        vm.prank(alice);
        vault.stakeWithPermit(alice, 7, block.timestamp, v, r, s);
        assertEq(staked(alice), 7, "stake");
    }

    function test_stakeWithPermit__bad_permit__reverts_unless_the_allowance_suffices() public {
        revoke();
        uint256 deadline = block.timestamp;
        (uint8 v, bytes32 r, bytes32 s) = permit(7, deadline);
        vm.warp(deadline + 1); // expired
        bytes memory err = abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(vault), 0, 7);
        vm.prank(alice);
        vm.expectRevert(err);
        vault.stakeWithPermit(alice, 7, deadline, v, r, s);

        vm.startPrank(alice);
        token.approve(address(vault), 7);
        vault.stakeWithPermit(alice, 7, deadline, v, r, s);
        assertEq(staked(alice), 7, "stake");
    }

    /// @dev Another's permit moves nothing: the tokens are always the caller's.
    function test_stakeWithPermit__sent_by_a_stranger__takes_nothing_from_the_signer() public {
        revoke();
        (uint8 v, bytes32 r, bytes32 s) = permit(7, block.timestamp);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(vault), 0, 7));
        vault.stakeWithPermit(stranger, 7, block.timestamp, v, r, s);
    }

    function test_stakeWithPermit__zero__reverts() public {
        vm.expectRevert(ZeroAmount.selector);
        vault.stakeWithPermit(alice, 0, 0, 0, 0, 0);
    }

    /// @dev checklist 8: a token without permit, and without return values.
    function test_stakeWithPermit__token_without_permit__uses_the_allowance() public {
        NoReturnToken old = new NoReturnToken();
        deploy(IERC20(address(old)));
        old.approve(address(vault), 5);
        vault.stakeWithPermit(alice, 5, block.timestamp, 27, "r", "s");
        assertEq(staked(alice), 5, "stake");
    }

    // --- unbond, withdraw

    function test_unbond__zero__reverts() public {
        vm.expectRevert(ZeroAmount.selector);
        unbond(0);
    }

    function test_unbond__locked_stake__reverts() public {
        stake(10);
        lock(4);
        vm.expectRevert(abi.encodeWithSelector(InsufficientFreeStake.selector, 6, 7));
        unbond(7);
        vm.expectRevert(abi.encodeWithSelector(InsufficientFreeStake.selector, 6, type(uint256).max));
        unbond(type(uint256).max);
        unbond(6);
        assertEq(staked(alice), 4, "stake");
    }

    /// @dev checklist 14, 31
    function test_unbond__seventeenth__reverts_until_one_left() public {
        stake(100);
        for (uint256 i; i < 16; ++i) {
            unbond(1);
        }
        vm.expectRevert(TooManyUnbondings.selector);
        unbond(1);
        rebond(1); // the newest makes room
        unbond(1);
        vm.expectRevert(TooManyUnbondings.selector);
        unbond(1);

        vm.warp(block.timestamp + UNBONDING);
        assertEq(vault.withdraw(alice), 16, "all matured");
        unbond(1);
    }

    /// @dev checklist 11: a second early pays nothing, the second itself pays all.
    function test_withdraw__one_second_early__reverts_then_pays() public {
        stake(10);
        uint256 readyAt = block.timestamp + UNBONDING;
        vm.expectEmit(address(vault));
        emit Unbonding(alice, 10, uint64(readyAt));
        unbond(10);
        assertEq(owed(), 10, "still owed while it unbonds");

        vm.warp(readyAt - 1);
        vm.expectRevert(NothingToPay.selector);
        vault.withdraw(alice);
        vm.warp(readyAt);
        vm.expectEmit(address(vault));
        emit Withdrawn(alice, alice, 10);
        vm.prank(stranger);
        assertEq(vault.withdraw(alice), 10, "amount");
        assertEq(token.balanceOf(alice), 1000 ether, "alice's tokens");
        assertEq(owed(), 0, "owed");
        vm.expectRevert(NothingToPay.selector);
        vault.withdraw(alice);
    }

    function test_withdraw__two_waiting_one_matured__pays_one() public {
        stake(10);
        unbond(3);
        vm.warp(block.timestamp + 100);
        unbond(4);
        vm.warp(block.timestamp + UNBONDING - 100);

        assertEq(vault.withdraw(alice), 3, "the first");
        (uint256[] memory amounts, uint64[] memory readyAt) = vault.unbondingOf(alice);
        assertEq(amounts, these(4), "the second waits");
        assertEq(readyAt[0], block.timestamp + 100, "ready");
    }

    function test_withdraw__payout_set__goes_there() public {
        stake(10);
        unbond(10);
        vm.prank(alice);
        vault.setPayout(alice, bob);
        vm.warp(block.timestamp + UNBONDING);
        vm.expectEmit(address(vault));
        emit Withdrawn(alice, bob, 10);
        vault.withdraw(alice);
        assertEq(token.balanceOf(bob), 10, "bob's tokens");
    }

    // --- rebond

    function test_rebond__zero__reverts() public {
        vm.expectRevert(ZeroAmount.selector);
        rebond(0);
    }

    function test_rebond__more_than_waits__reverts() public {
        stake(10);
        unbond(3);
        unbond(4);
        vm.expectRevert(abi.encodeWithSelector(InsufficientUnbonding.selector, 7, 8));
        rebond(8);
        assertWaiting(these(3, 4));
        vm.prank(bob); // nobody's is nothing
        vm.expectRevert(abi.encodeWithSelector(InsufficientUnbonding.selector, 0, 1));
        vault.rebond(1);
    }

    /// @dev checklist 10
    function test_rebond__stake_past_88_bits__reverts() public {
        give(alice, MAX_STAKE);
        stake(MAX_STAKE);
        unbond(2);
        stake(1);
        vm.expectRevert(AmountTooLarge.selector);
        rebond(2);
        vm.expectRevert(AmountTooLarge.selector);
        rebond(type(uint256).max);
        rebond(1);
        assertEq(staked(alice), MAX_STAKE, "stake");
    }

    function test_rebond__newest_first__the_rest_keeps_its_dates() public {
        stake(10);
        uint256 begun = block.timestamp;
        unbond(3);
        vm.warp(begun + 100);
        unbond(4);
        vm.expectEmit(address(vault));
        emit Rebonded(alice, 5);
        rebond(5); // all of the second, two of the first

        (uint256[] memory amounts, uint64[] memory readyAt) = vault.unbondingOf(alice);
        assertEq(amounts, these(2), "what waits");
        assertEq(readyAt[0], begun + UNBONDING, "its date");
        assertEq(staked(alice), 8, "stake");
        assertEq(owed(), 10, "owed");
        vm.warp(begun + UNBONDING);
        assertEq(vault.withdraw(alice), 2, "pays what was left");
    }

    /// @dev Matured and not yet withdrawn: still the account's to take back, and then at stake again.
    function test_rebond__matured__is_stake_again() public {
        stake(10);
        unbond(10);
        vm.warp(block.timestamp + UNBONDING);
        rebond(10);
        assertEq(staked(alice), 10, "stake");
        vm.expectRevert(NothingToPay.selector);
        vault.withdraw(alice);
        unbond(10);
        vm.expectRevert(NothingToPay.selector);
        vault.withdraw(alice);
    }

    /// @dev checklist 14: whatever an account does with 100 wei, none of it leaves earlier than a period after it was unbonded last.
    function testFuzz_rebond__and_unbond_again__never_leaves_earlier(uint256 first, uint256 back, uint32 waited) public {
        first = bound(first, 1, 100);
        back = bound(back, 1, first);
        stake(100);
        uint256 begun = block.timestamp;
        unbond(first);
        vm.warp(begun + waited);
        rebond(back);
        unbond(back);
        (uint256[] memory amounts, uint64[] memory readyAt) = vault.unbondingOf(alice);
        assertEq(readyAt[readyAt.length - 1], block.timestamp + UNBONDING, "the newest");
        assertEq(amounts[amounts.length - 1], back, "as much as came back");
        if (back < first) assertEq(readyAt[0], begun + UNBONDING, "the oldest");
        assertEq(staked(alice) + unbonding(alice), 100, "nothing lost");
    }

    // --- lock, unlock

    /// @dev checklist 35
    function test_slashers_functions__anyone_else__reverts() public {
        address[4] memory others = [stranger, gateway, alice, address(this)];
        for (uint256 i; i < others.length; ++i) {
            bytes memory err = abi.encodeWithSelector(OnlySlasher.selector, others[i]);
            vm.startPrank(others[i]);
            vm.expectRevert(err);
            vault.lock(alice, 1);
            vm.expectRevert(err);
            vault.unlock(alice, 1);
            vm.expectRevert(err);
            vault.settle(new uint256[](0), none(), 0);
            vm.stopPrank();
        }
    }

    /// @dev The gateway's word on who calls doesn't count where slashers are asked for.
    function test_slashers_functions__gateway_naming_the_ledger__reverts() public {
        vm.prank(gateway);
        (bool ok, bytes memory answer) = address(vault).call(relayed(abi.encodeCall(vault.lock, (alice, 1)), ledger));
        assertFalse(ok, "refused");
        assertEq(answer, abi.encodeWithSelector(OnlySlasher.selector, gateway), "by name");
    }

    function test_lock__more_than_free__reverts() public {
        stake(10);
        lock(4);
        vm.prank(court);
        vm.expectRevert(abi.encodeWithSelector(InsufficientFreeStake.selector, 6, 7));
        vault.lock(alice, 7);
        vm.prank(court);
        vault.lock(alice, 6);
        assertEq(locked(alice), 10, "by both");
    }

    /// @dev checklist 10
    function test_lock__more_than_80_bits__reverts() public {
        uint256 most = type(uint80).max;
        give(alice, most + 1);
        stake(most + 1);
        vm.expectRevert(AmountTooLarge.selector);
        lock(most + 1);
        lock(most);
        vm.expectRevert(AmountTooLarge.selector);
        lock(1);
    }

    function test_unlock__more_than_locked__reverts() public {
        stake(10);
        lock(4);
        vm.startPrank(court);
        vm.expectRevert(abi.encodeWithSelector(InsufficientLockedStake.selector, 4, 5));
        vault.unlock(alice, 5);
        vault.unlock(alice, 4);
        assertEq(locked(alice), 0, "locked");
        assertEq(staked(alice), 10, "stake");
    }

    // --- payout

    function test_setPayout__operator_key_after_it_is_set__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(OnlyPayout.selector, alice));
        vm.prank(bob);
        vault.setPayout(alice, bob);
        vm.prank(alice);
        vm.expectRevert(ZeroAddress.selector);
        vault.setPayout(alice, address(0));

        vm.expectEmit(address(vault));
        emit PayoutSet(alice, bob);
        vm.prank(alice);
        vault.setPayout(alice, bob);
        vm.expectRevert(abi.encodeWithSelector(OnlyPayout.selector, bob));
        vm.prank(alice);
        vault.setPayout(alice, alice);
        vm.prank(bob);
        vault.setPayout(alice, stranger);
        assertEq(vault.payoutOf(alice), stranger, "payout");
    }

    // --- relayed

    /// @dev Each call acts for the account that the gateway names, and for nobody else.
    function test_relayed__by_the_gateway__acts_for_the_named_account() public {
        vm.startPrank(gateway);
        address(vault).call(relayed(abi.encodeCall(vault.stake, (bob, 10)), alice));
        assertEq(staked(bob), 10, "alice staked for bob");
        assertEq(token.balanceOf(alice), 1000 ether - 10, "with her tokens");
        address(vault).call(relayed(abi.encodeCall(vault.unbond, (6)), bob));
        assertEq(unbonding(bob), 6, "bob unbonds");
        address(vault).call(relayed(abi.encodeCall(vault.rebond, (2)), bob));
        assertEq(unbonding(bob), 4, "bob rebonds");
        address(vault).call(relayed(abi.encodeCall(vault.setPayout, (bob, alice)), bob));
        assertEq(vault.payoutOf(bob), alice, "bob's payout");
        vm.stopPrank();

        (uint8 v, bytes32 r, bytes32 s) = permit(3, block.timestamp);
        vm.prank(gateway);
        address(vault).call(relayed(abi.encodeCall(vault.stakeWithPermit, (alice, 3, block.timestamp, v, r, s)), alice));
        assertEq(staked(alice), 3, "alice's permit");
    }

    /// @dev attack: bytes at the end of a stranger's own call name nobody.
    function test_relayed__by_a_stranger__is_the_stranger() public {
        stake(10);
        vm.startPrank(stranger);
        (bool ok, bytes memory answer) = address(vault).call(relayed(abi.encodeCall(vault.unbond, (10)), alice));
        assertFalse(ok, "refused");
        assertEq(answer, abi.encodeWithSelector(InsufficientFreeStake.selector, 0, 10), "by name");
        (ok, answer) = address(vault).call(relayed(abi.encodeCall(vault.setPayout, (alice, stranger)), alice));
        assertEq(answer, abi.encodeWithSelector(OnlyPayout.selector, alice), "by name");
    }
}
