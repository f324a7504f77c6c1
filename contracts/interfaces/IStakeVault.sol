// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Errors of the stake vault.
interface IStakeVaultErrors {
    /// @dev Thrown when an amount of zero is moved.
    error ZeroAmount();
    /// @dev Thrown when an amount doesn't fit its field of the account word.
    error AmountTooLarge();
    /// @dev Thrown when an address that must be somebody's is zero.
    error ZeroAddress();
    /// @dev Thrown when less free stake is there than is asked for.
    error InsufficientFreeStake(uint256 free, uint256 wanted);
    /// @dev Thrown when the ledger frees or takes more than is locked.
    error InsufficientLockedStake(uint256 locked, uint256 wanted);
    /// @dev Thrown when anyone but the round ledger calls a function of the ledger.
    error OnlyLedger(address caller);
    /// @dev Thrown when nothing can be claimed or withdrawn.
    error NothingToPay();
    /// @dev Thrown when the account has 16 withdrawals waiting.
    error TooManyUnbondings();
    /// @dev Thrown when the payout address is set and the caller isn't it.
    error OnlyPayout(address payout);
    /// @dev Thrown when the tokens that arrived aren't the tokens that were named.
    error WrongTransfer(uint256 expected, uint256 received);
    /// @dev Thrown when the vault would owe more than it holds.
    error Insolvent(uint256 balance, uint256 owed);
}

/// @title Events of the stake vault.
interface IStakeVaultEvents {
    event Staked(address indexed account, uint256 amount);
    event Unbonding(address indexed account, uint256 amount, uint64 readyAt);
    event Withdrawn(address indexed account, address payout, uint256 amount);
    event Claimed(address indexed account, address payout, uint256 amount);
    event PayoutSet(address indexed account, address payout);
    event Burned(address indexed account, uint256 amount);
}

/// @title The stake vault: the only holder of stake and of pay that waits to be claimed. It knows no task.
/// @dev *Accounting.* One word per account: stake 88 bits, locked 80, claimable 88, all in wei. locked ≤ stake. `owed()` is the sum of
/// stakes, unbonding amounts and claimable; the token balance never falls below it.
/// *Roles.* The round ledger, fixed at construction, may lock, unlock and settle. Nobody else can move what belongs to another, and no
/// key can change that.
/// *Token requirements.* A plain ERC-20: what is sent arrives, balances change by transfers only. Others are refused on arrival.
interface IStakeVault is IStakeVaultErrors, IStakeVaultEvents {
    /// @notice A change to one account at the end of a round.
    /// @param account whose word changes
    /// @param credit wei added to what it can claim
    /// @param burned wei taken from its locked stake and destroyed
    /// @param fees wei taken from its locked stake that pay others' credits in the same settlement
    struct Settlement {
        address account;
        uint96 credit;
        uint96 burned;
        uint96 fees;
    }

    /// @notice Stakes `amount` of the caller's tokens for `account`.
    function stake(address account, uint256 amount) external;

    /// @notice Starts to withdraw `amount` of free stake; it can be withdrawn after `unbondingPeriod`.
    function unbond(uint256 amount) external;

    /// @notice Sends matured unbonded stake to the payout address.
    function withdraw(address account) external returns (uint256 amount);

    /// @notice Sends what the account can claim to its payout address.
    function claim(address account) external returns (uint256 amount);

    /// @notice Sets where the caller's money goes. Once set, only the payout address itself can change it.
    function setPayout(address account, address payout) external;

    /// @notice Locks free stake. Only the ledger.
    function lock(address account, uint256 amount) external;

    /// @notice Frees locked stake. Only the ledger.
    function unlock(address account, uint256 amount) external;

    /// @notice Applies the settlements of a round; the market has sent the escrow's part of the credits before. Only the ledger.
    /// @dev Reverts when the vault would owe more than it holds.
    function settle(Settlement[] calldata settlements) external;

    function accountOf(address account) external view returns (uint256 staked, uint256 locked, uint256 claimable);
    function unbondingOf(address account) external view returns (uint256[] memory amounts, uint64[] memory readyAt);
    function payoutOf(address account) external view returns (address);
    function owed() external view returns (uint256);
    function unbondingPeriod() external view returns (uint64);
    function token() external view returns (address);
    function ledger() external view returns (address);
}
