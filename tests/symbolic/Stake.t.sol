// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssayToken} from "../../contracts/AssayToken.sol";
import {StakeVault} from "../../contracts/StakeVault.sol";
import {Taking} from "../../contracts/interfaces/IStakeVault.sol";
import {Test} from "forge-std/Test.sol";

/// @dev One account's stake through the queue and a settlement, for all amounts and times. This contract plays the ledger.
contract StakeChecks is Test {
    uint64 internal constant UNBONDING = 1 days;
    uint256 internal constant SUPPLY = type(uint96).max;
    address internal constant COURT = address(0xc0427);
    address internal constant GATEWAY = address(0x6a7e);
    address internal constant GRAVE = 0x000000000000000000000000000000000000dEaD;
    address internal constant ALICE = address(0xa11ce);
    address internal constant BOB = address(0xb0b);

    AssayToken internal token;
    StakeVault internal vault;

    function setUp() public {
        vm.warp(1_700_000_000);
        token = new AssayToken(SUPPLY);
        vault = new StakeVault(address(token), address(this), COURT, GATEWAY, UNBONDING);
        token.approve(address(vault), SUPPLY);
    }

    function check_queue__unbond_twice_and_withdraw__conserves_stake(uint80 staked, uint80 a, uint80 b, uint32 wait, uint32 later)
        external
    {
        stake(staked);
        unbond(a);
        vm.warp(block.timestamp + wait);
        unbond(b);
        vm.warp(block.timestamp + later);
        try vault.withdraw(ALICE) {} catch {}
        assertConserved(staked, 0);
    }

    function check_rebond__after_two_unbondings__conserves_stake(uint16 staked, uint16 a, uint16 b, uint16 back) external {
        stake(staked);
        vm.assume(a != 0 && b != 0 && uint256(a) + b <= staked);
        unbond(a);
        unbond(b);
        uint256 waiting = uint256(a) + b;
        vm.prank(ALICE);
        try vault.rebond(back) {
            assert(back <= waiting && inQueue() == waiting - back);
        } catch {
            assert(back == 0 || back > waiting);
        }
        assertConserved(staked, 0);
    }

    function check_withdraw__before_the_period__pays_nothing(uint80 staked, uint80 a, uint32 wait) external {
        stake(staked);
        unbond(a);
        vm.assume(wait < UNBONDING);
        vm.warp(block.timestamp + wait);
        try vault.withdraw(ALICE) {
            assert(false);
        } catch {}
        assert(token.balanceOf(ALICE) == 0);
    }

    function check_unbond__locked_stake__stays(uint80 staked, uint80 locked, uint80 a) external {
        stake(staked);
        vm.assume(locked <= staked);
        vault.lock(ALICE, locked);
        unbond(a);
        (uint256 left, uint256 still,) = vault.accountOf(ALICE);
        assert(still == locked && left >= locked);
    }

    /// @dev A slash that may reach the queue: what must be paid is there or the call is refused, and no more is burned than was asked.
    function check_settle__slash_into_the_queue__conserves_stake(uint16 staked, uint16 a, uint16 burn, uint16 paid) external {
        stake(staked);
        vm.assume(a != 0 && a <= staked);
        vm.prank(ALICE);
        vault.unbond(a);
        bool settled = settle(burn, paid, paid);
        assert(settled == (paid <= staked));
        uint256 burned = token.balanceOf(GRAVE);
        assert(burned <= burn);
        assertConserved(staked, burned + (settled ? paid : 0));
    }

    /// @dev Credits are never more than what was taken to pay them.
    function check_settle__credit_above_what_is_paid__is_refused(uint16 staked, uint16 paid, uint16 credit) external {
        stake(staked);
        bool settled = settle(0, paid, credit);
        assert(settled == (paid <= staked && credit <= paid));
        (,, uint256 claimable) = vault.accountOf(BOB);
        assert(claimable == (settled ? credit : 0));
    }

    /// @dev Takes from ALICE, credits BOB. @return whether the vault did it
    function settle(uint96 burn, uint96 paid, uint96 credit) internal returns (bool) {
        Taking[] memory takings = new Taking[](1);
        takings[0] = Taking(ALICE, burn, paid);
        uint256[] memory credits = new uint256[](1);
        credits[0] = uint256(uint160(BOB)) << 96 | credit;
        try vault.settle(credits, takings, 0) {
            return true;
        } catch {
            return false;
        }
    }

    /// @dev What ALICE staked is stake, in the queue, in her wallet, or was taken; and the vault can pay all that it owes.
    function assertConserved(uint256 staked, uint256 taken) internal view {
        (uint256 left, uint256 locked,) = vault.accountOf(ALICE);
        (,, uint256 claimable) = vault.accountOf(BOB);
        uint256 waiting = inQueue();
        assert(left + waiting + token.balanceOf(ALICE) + taken == staked);
        assert(locked <= left);
        assert(vault.totalStaked() == left + waiting);
        assert(token.balanceOf(address(vault)) >= left + waiting + claimable);
    }

    function stake(uint256 amount) internal {
        vm.assume(amount != 0);
        vault.stake(ALICE, amount);
    }

    /// @dev An amount that the vault refuses leaves everything as it is.
    function unbond(uint256 amount) internal {
        vm.prank(ALICE);
        try vault.unbond(amount) {} catch {}
    }

    function inQueue() internal view returns (uint256 sum) {
        (uint256[] memory amounts,) = vault.unbondingOf(ALICE);
        for (uint256 i; i < amounts.length; ++i) {
            sum += amounts[i];
        }
    }
}
