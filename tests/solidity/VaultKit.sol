// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeVault, IStakeVaultErrors, IStakeVaultEvents, Taking} from "../../contracts/interfaces/IStakeVault.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Test} from "forge-std/Test.sol";

/// @dev A vault without the rest of the system: ledger, court and gateway are plain addresses.
abstract contract VaultKit is Test, IStakeVaultErrors, IStakeVaultEvents {
    uint64 internal constant UNBONDING = 1 days;
    address internal constant GRAVE = 0x000000000000000000000000000000000000dEaD;

    IERC20 internal token;
    IStakeVault internal vault;

    address internal ledger = makeAddr("ledger");
    address internal court = makeAddr("court");
    address internal gateway = makeAddr("gateway");
    address internal stranger = makeAddr("stranger");
    address internal alice;
    address internal bob = makeAddr("bob");
    uint256 internal aliceKey;

    function setUp() public virtual {
        vm.warp(1_700_000_000);
        (alice, aliceKey) = makeAddrAndKey("alice");
        deploy(IERC20(vm.deployCode("AssayToken.sol:AssayToken", abi.encode(uint256(1e27)))));
        give(alice, 1000 ether);
    }

    function deploy(IERC20 token_) internal {
        token = token_;
        vault = IStakeVault(vm.deployCode("StakeVault.sol:StakeVault", abi.encode(token_, ledger, court, gateway, UNBONDING)));
    }

    function give(address account, uint256 amount) internal {
        token.transfer(account, amount);
        vm.prank(account);
        token.approve(address(vault), type(uint256).max);
    }

    /// @dev All that the vault owes to anybody whom the tests know.
    function owed() internal view virtual returns (uint256 sum) {
        sum = vault.totalStaked() + claimable(alice) + claimable(bob) + claimable(stranger);
        for (uint256 i; i < 8; ++i) {
            sum += claimable(address(uint160(0x1000 + i)));
        }
    }

    // --- alice's moves

    function stake(uint256 amount) internal {
        vm.prank(alice);
        vault.stake(alice, amount);
    }

    function unbond(uint256 amount) internal {
        vm.prank(alice);
        vault.unbond(amount);
    }

    function rebond(uint256 amount) internal {
        vm.prank(alice);
        vault.rebond(amount);
    }

    // --- a slasher's moves

    function lock(uint256 amount) internal {
        vm.prank(ledger);
        vault.lock(alice, amount);
    }

    /// @dev Sends `amount` to the vault and credits it.
    function credit(address account, uint256 amount) internal {
        token.transfer(address(vault), amount);
        vm.prank(ledger);
        vault.settle(credits(account, amount), none(), amount);
    }

    /// @dev Takes from alice; what is paid goes to bob.
    function take(uint256 burned, uint256 paid) internal {
        vm.prank(ledger);
        vault.settle(paid == 0 ? new uint256[](0) : credits(bob, paid), taking(alice, burned, paid), 0);
    }

    function credits(address account, uint256 amount) internal pure returns (uint256[] memory list) {
        list = new uint256[](1);
        list[0] = uint256(uint160(account)) << 96 | amount;
    }

    function taking(address account, uint256 burned, uint256 paid) internal pure returns (Taking[] memory list) {
        list = new Taking[](1);
        list[0] = Taking(account, uint96(burned), uint96(paid));
    }

    function none() internal pure returns (Taking[] memory) {}

    // --- reading

    function staked(address account) internal view returns (uint256 amount) {
        (amount,,) = vault.accountOf(account);
    }

    function locked(address account) internal view returns (uint256 amount) {
        (, amount,) = vault.accountOf(account);
    }

    function claimable(address account) internal view returns (uint256 amount) {
        (,, amount) = vault.accountOf(account);
    }

    function unbonding(address account) internal view returns (uint256 sum) {
        (uint256[] memory amounts,) = vault.unbondingOf(account);
        for (uint256 i; i < amounts.length; ++i) {
            sum += amounts[i];
        }
    }

    /// @dev The amounts that wait, as the test expects them.
    function assertWaiting(uint256[] memory expected) internal view {
        (uint256[] memory amounts,) = vault.unbondingOf(alice);
        assertEq(amounts, expected, "what waits");
    }

    /// @dev A call's bytes with the account that the gateway would name.
    function relayed(bytes memory call_, address account) internal pure returns (bytes memory) {
        return bytes.concat(call_, bytes20(account));
    }

    function these(uint256 a) internal pure returns (uint256[] memory l) {
        l = new uint256[](1);
        l[0] = a;
    }

    function these(uint256 a, uint256 b) internal pure returns (uint256[] memory l) {
        l = new uint256[](2);
        (l[0], l[1]) = (a, b);
    }
}
