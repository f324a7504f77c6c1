// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssayToken} from "../../contracts/AssayToken.sol";
import {StakeVault} from "../../contracts/StakeVault.sol";
import {IStakeVault} from "../../contracts/interfaces/IStakeVault.sol";
import {Test} from "forge-std/Test.sol";

/// @dev One account's stake through the queue and a settlement, for all amounts and times. This contract plays the ledger.
contract StakeChecks is Test {
    uint64 internal constant UNBONDING = 1 days;
    uint256 internal constant SUPPLY = type(uint96).max;
    address internal constant ALICE = address(0xa11ce);
    address internal constant BOB = address(0xb0b);

    AssayToken internal token;
    StakeVault internal vault;

    function setUp() public {
        vm.warp(1_700_000_000);
        token = new AssayToken(SUPPLY);
        vault = new StakeVault(address(token), address(this), UNBONDING);
        token.approve(address(vault), SUPPLY);
    }

    function check_queue__unbond_twice_and_withdraw__conserves_stake(uint80 staked, uint80 a, uint80 b, uint32 wait, uint32 later)
        external
    {
        stake(ALICE, staked);
        unbond(a);
        vm.warp(block.timestamp + wait);
        unbond(b);
        vm.warp(block.timestamp + later);
        try vault.withdraw(ALICE) {} catch {}

        (uint256 left,,) = vault.accountOf(ALICE);
        uint256 waiting = inQueue();
        assert(left + waiting + token.balanceOf(ALICE) == staked);
        assert(vault.owed() == left + waiting);
        assert(token.balanceOf(address(vault)) == vault.owed());
    }

    function check_withdraw__before_the_period__pays_nothing(uint80 staked, uint80 a, uint32 wait) external {
        stake(ALICE, staked);
        unbond(a);
        vm.assume(wait < UNBONDING);
        vm.warp(block.timestamp + wait);
        try vault.withdraw(ALICE) {
            assert(false);
        } catch {}
        assert(token.balanceOf(ALICE) == 0);
    }

    function check_unbond__locked_stake__stays(uint80 staked, uint80 locked, uint80 a) external {
        stake(ALICE, staked);
        vm.assume(locked <= staked);
        vault.lock(ALICE, locked);
        unbond(a);
        (uint256 left, uint256 still,) = vault.accountOf(ALICE);
        assert(still == locked && left >= locked);
    }

    function check_settle__any_slash_and_credit__stays_solvent(uint80 staked, uint80 locked, uint80 burned, uint80 fees, uint80 credit)
        external
    {
        stake(ALICE, staked);
        vm.assume(locked <= staked);
        vault.lock(ALICE, locked);
        IStakeVault.Settlement[] memory s = new IStakeVault.Settlement[](2);
        s[0] = IStakeVault.Settlement(ALICE, 0, burned, fees);
        s[1] = IStakeVault.Settlement(BOB, credit, 0, 0);
        try vault.settle(s) {
            assert(uint256(burned) + fees <= locked);
            assert(credit <= fees);
        } catch {}
        (uint256 left,,) = vault.accountOf(ALICE);
        (,, uint256 claimable) = vault.accountOf(BOB);
        assert(left + claimable == vault.owed());
        assert(token.balanceOf(address(vault)) >= vault.owed());
    }

    function stake(address account, uint256 amount) internal {
        vm.assume(amount != 0);
        vault.stake(account, amount);
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
