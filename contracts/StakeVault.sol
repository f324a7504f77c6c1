// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// @title The stake vault. @dev See IStakeVault.
contract StakeVault is IStakeVault, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev One word, in wei. locked ≤ staked.
    struct Account {
        uint88 staked;
        uint80 locked;
        uint88 claimable;
    }

    /// @dev Withdrawals waiting are the entries [first, next) of the account's queue.
    struct Cursor {
        uint128 first;
        uint128 next;
    }

    /// @dev One withdrawal that waits.
    struct Waiting {
        uint96 amount;
        uint64 readyAt;
    }

    /// @dev Where burned tokens go: a plain ERC-20 has no burn.
    address internal constant GRAVE = 0x000000000000000000000000000000000000dEaD;
    uint256 internal constant MAX_WAITING = 16;

    /// @inheritdoc IStakeVault
    address public immutable token;
    /// @inheritdoc IStakeVault
    address public immutable ledger;
    /// @inheritdoc IStakeVault
    uint64 public immutable unbondingPeriod;

    /// @inheritdoc IStakeVault
    uint256 public owed;

    mapping(address account => Account) internal _accounts;
    mapping(address account => Cursor) internal _cursors;
    mapping(address account => mapping(uint256 index => Waiting)) internal _waiting;
    mapping(address account => address) internal _payouts;

    constructor(address token_, address ledger_, uint64 unbondingPeriod_) {
        require(token_ != address(0) && ledger_ != address(0), ZeroAddress());
        token = token_;
        ledger = ledger_;
        unbondingPeriod = unbondingPeriod_;
    }

    modifier onlyLedger() {
        require(msg.sender == ledger, OnlyLedger(msg.sender));
        _;
    }

    // --- the account's own money

    /// @inheritdoc IStakeVault
    function stake(address account, uint256 amount) external nonReentrant {
        require(amount != 0, ZeroAmount());
        require(account != address(0), ZeroAddress());
        Account storage a = _accounts[account];
        uint256 staked = a.staked + amount;
        require(staked <= type(uint88).max, AmountTooLarge());

        a.staked = uint88(staked);
        owed += amount;
        emit Staked(account, amount);

        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        require(received == amount, WrongTransfer(amount, received));
    }

    /// @inheritdoc IStakeVault
    function unbond(uint256 amount) external nonReentrant {
        require(amount != 0, ZeroAmount());
        Account storage a = _accounts[msg.sender];
        uint256 free = a.staked - a.locked;
        require(amount <= free, InsufficientFreeStake(free, amount));
        Cursor storage c = _cursors[msg.sender];
        uint128 next = c.next;
        require(next - c.first < MAX_WAITING, TooManyUnbondings());
        uint64 readyAt = uint64(block.timestamp) + unbondingPeriod;

        a.staked -= uint88(amount);
        _waiting[msg.sender][next] = Waiting(uint96(amount), readyAt);
        c.next = next + 1;
        emit Unbonding(msg.sender, amount, readyAt);
    }

    /// @inheritdoc IStakeVault
    function withdraw(address account) external nonReentrant returns (uint256 amount) {
        Cursor memory c = _cursors[account];
        while (c.first < c.next) {
            Waiting memory w = _waiting[account][c.first];
            if (block.timestamp < w.readyAt) break;
            amount += w.amount;
            delete _waiting[account][c.first];
            c.first++;
        }
        require(amount != 0, NothingToPay());

        _cursors[account].first = c.first;
        owed -= amount;
        address to = payoutOf(account);
        emit Withdrawn(account, to, amount);
        IERC20(token).safeTransfer(to, amount);
    }

    /// @inheritdoc IStakeVault
    function claim(address account) external nonReentrant returns (uint256 amount) {
        Account storage a = _accounts[account];
        amount = a.claimable;
        require(amount != 0, NothingToPay());

        a.claimable = 0;
        owed -= amount;
        address to = payoutOf(account);
        emit Claimed(account, to, amount);
        IERC20(token).safeTransfer(to, amount);
    }

    /// @inheritdoc IStakeVault
    function setPayout(address account, address payout) external {
        address current = payoutOf(account);
        require(msg.sender == current, OnlyPayout(current));
        require(payout != address(0), ZeroAddress());

        _payouts[account] = payout;
        emit PayoutSet(account, payout);
    }

    // --- the ledger

    /// @inheritdoc IStakeVault
    function lock(address account, uint256 amount) external onlyLedger {
        Account storage a = _accounts[account];
        uint256 free = a.staked - a.locked;
        require(amount <= free, InsufficientFreeStake(free, amount));
        uint256 locked = a.locked + amount;
        require(locked <= type(uint80).max, AmountTooLarge());
        a.locked = uint80(locked);
    }

    /// @inheritdoc IStakeVault
    function unlock(address account, uint256 amount) external onlyLedger {
        Account storage a = _accounts[account];
        require(amount <= a.locked, InsufficientLockedStake(a.locked, amount));
        a.locked -= uint80(amount);
    }

    /// @inheritdoc IStakeVault
    function settle(Settlement[] calldata settlements) external onlyLedger nonReentrant {
        uint256 total = owed;
        uint256 burned;
        for (uint256 i; i < settlements.length; ++i) {
            Settlement calldata s = settlements[i];
            (uint256 credit, uint256 burn, uint256 taken) = (s.credit, s.burned, s.fees);
            unchecked {
                taken += burn; // two amounts of 96 bits
                if (credit | taken == 0) continue;
                _settle(s.account, credit, taken);
                total += credit; // as many as fit a block: no overflow
                burned += burn;
            }
            total -= taken;
            if (burn != 0) emit Burned(s.account, burn);
        }
        owed = total;

        if (burned != 0) IERC20(token).safeTransfer(GRAVE, burned);
        uint256 balance = IERC20(token).balanceOf(address(this));
        require(balance >= total, Insolvent(balance, total));
    }

    /// @dev Reads and writes the account's word as a whole: staked 88 | locked 80 | claimable 88, from the lowest bit, as `Account` lies.
    function _settle(address account, uint256 credit, uint256 taken) internal {
        Account storage a = _accounts[account];
        uint256 word;
        assembly ("memory-safe") {
            word := sload(a.slot)
        }
        uint256 locked = uint80(word >> 88);
        require(taken <= locked, InsufficientLockedStake(locked, taken));
        unchecked {
            require((word >> 168) + credit <= type(uint88).max, AmountTooLarge());
            word = word + (credit << 168) - (taken | taken << 88); // taken <= locked <= staked: no field borrows from the next
        }
        assembly ("memory-safe") {
            sstore(a.slot, word)
        }
    }

    // --- views

    /// @inheritdoc IStakeVault
    function accountOf(address account) external view returns (uint256 staked, uint256 locked, uint256 claimable) {
        Account memory a = _accounts[account];
        return (a.staked, a.locked, a.claimable);
    }

    /// @inheritdoc IStakeVault
    function unbondingOf(address account) external view returns (uint256[] memory amounts, uint64[] memory readyAt) {
        Cursor memory c = _cursors[account];
        uint256 n = c.next - c.first;
        amounts = new uint256[](n);
        readyAt = new uint64[](n);
        for (uint256 i; i < n; ++i) {
            Waiting memory w = _waiting[account][c.first + i];
            (amounts[i], readyAt[i]) = (w.amount, w.readyAt);
        }
    }

    /// @inheritdoc IStakeVault
    function payoutOf(address account) public view returns (address) {
        address payout = _payouts[account];
        return payout == address(0) ? account : payout;
    }
}
