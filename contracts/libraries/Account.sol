// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeVaultErrors} from "../interfaces/IStakeVault.sol";

/// @dev One word of an account in the vault, in wei, from the lowest bit: staked 88 | locked 80 | claimable 87 | has a payout address 1.
/// locked ≤ staked.
/// Sums are checked here; whoever subtracts has compared before.
type Account is uint256;

using Accounts for Account global;

library Accounts {
    uint256 private constant LOCKED = 88;
    uint256 private constant CLAIMABLE = 168;
    uint256 private constant MOST_CLAIMABLE = (1 << 87) - 1;
    uint256 private constant HAS_PAYOUT = 1 << 255;

    function staked(Account a) internal pure returns (uint256) {
        return uint88(Account.unwrap(a));
    }

    function locked(Account a) internal pure returns (uint256) {
        return uint80(Account.unwrap(a) >> LOCKED);
    }

    function claimable(Account a) internal pure returns (uint256) {
        return (Account.unwrap(a) >> CLAIMABLE) & MOST_CLAIMABLE;
    }

    function hasPayout(Account a) internal pure returns (bool) {
        return Account.unwrap(a) & HAS_PAYOUT != 0;
    }

    function withPayout(Account a) internal pure returns (Account) {
        return Account.wrap(Account.unwrap(a) | HAS_PAYOUT);
    }

    function free(Account a) internal pure returns (uint256) {
        unchecked {
            return staked(a) - locked(a);
        }
    }

    function plusStaked(Account a, uint256 amount) internal pure returns (Account) {
        unchecked {
            require(amount <= type(uint88).max - staked(a), IStakeVaultErrors.AmountTooLarge());
            return Account.wrap(Account.unwrap(a) + amount);
        }
    }

    function minusStaked(Account a, uint256 amount) internal pure returns (Account) {
        unchecked {
            return Account.wrap(Account.unwrap(a) - amount);
        }
    }

    function plusLocked(Account a, uint256 amount) internal pure returns (Account) {
        unchecked {
            require(amount <= type(uint80).max - locked(a), IStakeVaultErrors.AmountTooLarge());
            return Account.wrap(Account.unwrap(a) + (amount << LOCKED));
        }
    }

    function minusLocked(Account a, uint256 amount) internal pure returns (Account) {
        unchecked {
            return Account.wrap(Account.unwrap(a) - (amount << LOCKED));
        }
    }

    function plusClaimable(Account a, uint256 amount) internal pure returns (Account) {
        unchecked {
            require(amount <= MOST_CLAIMABLE - claimable(a), IStakeVaultErrors.AmountTooLarge());
            return Account.wrap(Account.unwrap(a) + (amount << CLAIMABLE));
        }
    }

    function withoutClaimable(Account a) internal pure returns (Account) {
        return Account.wrap(Account.unwrap(a) & ~(MOST_CLAIMABLE << CLAIMABLE));
    }
}
