// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRelayed} from "./IRelayed.sol";

/// @notice What is taken from one account's stake in a settlement.
/// @param account whose stake falls
/// @param burned wei destroyed
/// @param paid wei that fund others' credits in the same settlement
struct Taking {
    address account;
    uint96 burned;
    uint96 paid;
}

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
    /// @dev Thrown when more is unlocked than is locked.
    error InsufficientLockedStake(uint256 locked, uint256 wanted);
    /// @dev Thrown when less is unbonding than is rebonded.
    error InsufficientUnbonding(uint256 unbonding, uint256 wanted);
    /// @dev Thrown when all that an account has doesn't cover what it must pay others.
    error InsufficientStake(address account, uint256 wanted);
    /// @dev Thrown when anyone but the ledger or the court calls a function of theirs.
    error OnlySlasher(address caller);
    /// @dev Thrown when nothing can be claimed or withdrawn.
    error NothingToPay();
    /// @dev Thrown when the account has 16 withdrawals waiting.
    error TooManyUnbondings();
    /// @dev Thrown when the payout address is set and the caller isn't it.
    error OnlyPayout(address payout);
    /// @dev Thrown when the tokens that arrived aren't the tokens that were named.
    error WrongTransfer(uint256 expected, uint256 received);
    /// @dev Thrown when a settlement credits more than was funded and taken.
    error Unfunded(uint256 credited, uint256 available);
    /// @dev Thrown when the vault would hold less than what is staked.
    error Insolvent(uint256 balance, uint256 staked);
}

/// @title Events of the stake vault.
interface IStakeVaultEvents {
    event Staked(address indexed account, uint256 amount);
    event Unbonding(address indexed account, uint256 amount, uint64 readyAt);
    event Rebonded(address indexed account, uint256 amount);
    event Withdrawn(address indexed account, address payout, uint256 amount);
    event Claimed(address indexed account, address payout, uint256 amount);
    event PayoutSet(address indexed account, address payout);
    /// @param burned wei destroyed, @param paid wei that others were credited
    /// @param unbonding wei of both that came out of unbonding amounts, newest first
    event Taken(address indexed account, uint256 burned, uint256 paid, uint256 unbonding);
}

/// @title The stake vault: the only holder of stake and of pay that waits to be claimed. It knows no task.
/// @dev *Accounting.* One word per account: stake 88 bits, locked 80, claimable 87, all in wei, and whether it has a payout address.
/// locked ≤ stake. `totalStaked()` is the sum of stakes and unbonding amounts. What can be claimed has no counter: each settlement credits no more
/// than arrived for it and was taken in it, so balance ≥ total staked + all claimable after every call, and a claim writes one word of the vault.
/// *Roles.* Two slashers, fixed at construction: the round ledger and the dispute court. They may lock, unlock and settle. Nobody else can
/// move what belongs to another, and no key can change that. The operator's key can't touch the payout address.
/// *Slashing.* Takes locked stake first, then free stake, then what is unbonding, newest first, matured or not: stake answers until it has
/// left. What must pay others is taken before what is burned; a burn takes what there is.
/// *Token requirements.* A plain ERC-20: what is sent arrives, balances change by transfers only. Others are refused on arrival.
/// *Relaying.* The caller may be the gateway, which names the account it speaks for (see IGateway).
interface IStakeVault is IRelayed, IStakeVaultErrors, IStakeVaultEvents {
    /// @notice Stakes `amount` of the caller's tokens for `account`.
    function stake(address account, uint256 amount) external;

    /// @notice The same with an ERC-2612 permit of the caller's; a permit that was used by someone else first does no harm.
    function stakeWithPermit(address account, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Starts to withdraw `amount` of free stake; it can be withdrawn after `unbondingPeriod`.
    function unbond(uint256 amount) external;

    /// @notice Takes `amount` back into stake from what is unbonding, newest first; the rest keeps its dates.
    function rebond(uint256 amount) external;

    /// @notice Sends matured unbonded stake to the payout address.
    function withdraw(address account) external returns (uint256 amount);

    /// @notice Sends what the account can claim to its payout address.
    function claim(address account) external returns (uint256 amount);

    /// @notice Sets where the caller's money goes. Once set, only the payout address itself can change it.
    function setPayout(address account, address payout) external;

    /// @notice Locks free stake. Only a slasher.
    function lock(address account, uint256 amount) external;

    /// @notice Frees locked stake. Only a slasher.
    function unlock(address account, uint256 amount) external;

    /// @notice Applies credits and takings. Only a slasher, which has had `funded` wei sent here before.
    /// @dev Σ credits ≤ funded + Σ paid. That `funded` arrived is the slasher's to know: the market checks it where it sends.
    /// @param credits one word an account: account 160 | wei 96, from the top
    /// @param funded wei that arrived for this settlement
    function settle(uint256[] calldata credits, Taking[] calldata takings, uint256 funded) external;

    function accountOf(address account) external view returns (uint256 staked, uint256 locked, uint256 claimable);
    function unbondingOf(address account) external view returns (uint256[] memory amounts, uint64[] memory readyAt);
    function payoutOf(address account) external view returns (address);
    /// @notice Sum of all stakes and unbonding amounts, in wei.
    function totalStaked() external view returns (uint256);
    function unbondingPeriod() external view returns (uint64);
    function token() external view returns (address);
    function ledger() external view returns (address);
    function court() external view returns (address);
}
