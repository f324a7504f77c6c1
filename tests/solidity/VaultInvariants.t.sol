// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeVault, Taking} from "../../contracts/interfaces/IStakeVault.sol";
import {VaultKit} from "./VaultKit.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {CommonBase} from "forge-std/Base.sol";
import {StdUtils} from "forge-std/StdUtils.sol";

/// @dev Moves of four accounts and two slashers; none may revert.
contract VaultActors is CommonBase, StdUtils {
    IERC20 internal immutable token;
    IStakeVault internal immutable vault;
    address[2] internal slashers;
    address[4] public accounts;
    uint256 public donated;
    uint256 public burned;

    constructor(IERC20 token_, IStakeVault vault_) {
        (token, vault) = (token_, vault_);
        slashers = [vault_.ledger(), vault_.court()];
        for (uint256 i; i < 4; ++i) {
            accounts[i] = address(uint160(0xA000 + i));
        }
        token_.approve(address(vault_), type(uint256).max);
    }

    function stake(uint256 who, uint256 amount) external {
        vault.stake(accounts[who % 4], bound(amount, 1, 1e20));
    }

    function unbond(uint256 who, uint256 amount) external {
        address account = accounts[who % 4];
        (uint256 staked, uint256 locked,) = vault.accountOf(account);
        (uint256[] memory waiting,) = vault.unbondingOf(account);
        if (staked == locked || waiting.length == 16) return;
        vm.prank(account);
        vault.unbond(bound(amount, 1, staked - locked));
    }

    function rebond(uint256 who, uint256 amount) external {
        address account = accounts[who % 4];
        uint256 sum = unbonding(account);
        if (sum == 0) return;
        vm.prank(account);
        vault.rebond(bound(amount, 1, sum));
    }

    function withdraw(uint256 who, uint32 wait) external {
        address account = accounts[who % 4];
        vm.warp(block.timestamp + wait % 2 days);
        (, uint64[] memory readyAt) = vault.unbondingOf(account);
        if (readyAt.length != 0 && readyAt[0] <= block.timestamp) vault.withdraw(account);
    }

    function claim(uint256 who) external {
        (,, uint256 due) = vault.accountOf(accounts[who % 4]);
        if (due != 0) vault.claim(accounts[who % 4]);
    }

    function lock(uint256 who, uint256 slasher, uint256 amount) external {
        (uint256 staked, uint256 locked,) = vault.accountOf(accounts[who % 4]);
        vm.prank(slashers[slasher % 2]);
        vault.lock(accounts[who % 4], bound(amount, 0, staked - locked));
    }

    function unlock(uint256 who, uint256 slasher, uint256 amount) external {
        (, uint256 locked,) = vault.accountOf(accounts[who % 4]);
        vm.prank(slashers[slasher % 2]);
        vault.unlock(accounts[who % 4], bound(amount, 0, locked));
    }

    function donate(uint256 amount) external {
        amount = bound(amount, 0, 1e18);
        donated += amount;
        token.transfer(address(vault), amount);
    }

    /// @dev Takes from one account, pays two others, of which one may be the same.
    function settle(uint256 who, uint256 slasher, uint256 funded, uint256 burn, uint256 pay, uint256 share) external {
        address account = accounts[who % 4];
        (uint256 staked,,) = vault.accountOf(account);
        uint256 whole = staked + unbonding(account);
        pay = bound(pay, 0, whole);
        burn = bound(burn, 0, 2 * whole);
        funded = bound(funded, 0, 1e20);
        share = bound(share, 0, funded + pay);
        token.transfer(address(vault), funded);

        uint256[] memory credits = new uint256[](2);
        credits[0] = uint256(uint160(accounts[share % 4])) << 96 | share;
        credits[1] = uint256(uint160(accounts[burn % 4])) << 96 | (funded + pay - share);
        Taking[] memory takings = new Taking[](1);
        takings[0] = Taking(account, uint96(burn), uint96(pay));
        vm.prank(slashers[slasher % 2]);
        vault.settle(credits, takings, funded);
        burned += burn + pay > whole ? whole - pay : burn;
    }

    function unbonding(address account) public view returns (uint256 sum) {
        (uint256[] memory amounts,) = vault.unbondingOf(account);
        for (uint256 i; i < amounts.length; ++i) {
            sum += amounts[i];
        }
    }
}

contract VaultInvariantsTest is VaultKit {
    VaultActors internal actors;

    function setUp() public override {
        super.setUp();
        actors = new VaultActors(token, vault);
        token.transfer(address(actors), 5e26);
        targetContract(address(actors));
    }

    function owed() internal view override returns (uint256 sum) {
        sum = vault.totalStaked();
        for (uint256 i; i < 4; ++i) {
            sum += claimable(actors.accounts(i));
        }
    }

    /// @dev checklist 3: solvency, to the wei.
    function invariant_balance__is_what_is_owed_and_donated() public view {
        assertEq(token.balanceOf(address(vault)), owed() + actors.donated(), "balance");
        assertEq(token.balanceOf(GRAVE), actors.burned(), "burned");
    }

    function invariant_owed__is_the_sum_of_accounts() public view {
        uint256 sum;
        for (uint256 i; i < 4; ++i) {
            address account = actors.accounts(i);
            sum += staked(account) + claimable(account) + actors.unbonding(account);
            assertLe(locked(account), staked(account), "locked");
        }
        assertEq(sum, owed(), "accounts");
    }

    /// @dev checklist 14: dates never go back, and at most 16 wait.
    function invariant_waiting__is_in_order_and_bounded() public view {
        for (uint256 i; i < 4; ++i) {
            (uint256[] memory amounts, uint64[] memory readyAt) = vault.unbondingOf(actors.accounts(i));
            assertLe(amounts.length, 16, "queue");
            for (uint256 k; k < amounts.length; ++k) {
                assertGt(amounts[k], 0, "empty");
                if (k != 0) assertGe(readyAt[k], readyAt[k - 1], "order");
            }
        }
    }
}
