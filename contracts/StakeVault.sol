// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Relayed} from "./Relayed.sol";
import {IStakeVault, Taking} from "./interfaces/IStakeVault.sol";
import {Account} from "./libraries/Account.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title The stake vault. @dev See IStakeVault.
contract StakeVault is IStakeVault, Relayed, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev A place for the word: whoever holds it doesn't hash the key again.
    struct Place {
        Account word;
    }

    /// @dev Withdrawals waiting are the entries [first, next) of the account's queue, the oldest first.
    struct Cursor {
        uint128 first;
        uint128 next;
    }

    /// @dev One withdrawal that waits; never of nothing.
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
    address public immutable court;
    /// @inheritdoc IStakeVault
    uint64 public immutable unbondingPeriod;

    /// @inheritdoc IStakeVault
    uint256 public totalStaked;

    mapping(address account => Place) internal _accounts;
    mapping(address account => Cursor) internal _cursors;
    mapping(address account => mapping(uint256 index => Waiting)) internal _waiting;
    mapping(address account => address) internal _payouts;

    constructor(address token_, address ledger_, address court_, address gateway_, uint64 unbondingPeriod_) Relayed(gateway_) {
        require(token_ != address(0) && ledger_ != address(0) && court_ != address(0), ZeroAddress());
        require(token_.code.length != 0, Address.AddressEmptyCode(token_));
        token = token_;
        ledger = ledger_;
        court = court_;
        unbondingPeriod = unbondingPeriod_;
    }

    modifier onlySlasher() {
        require(msg.sender == ledger || msg.sender == court, OnlySlasher(msg.sender));
        _;
    }

    // --- the account's own money

    /// @inheritdoc IStakeVault
    function stake(address account, uint256 amount) external nonReentrant {
        _stake(_sender(), account, amount);
    }

    /// @inheritdoc IStakeVault
    function stakeWithPermit(address account, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external nonReentrant {
        address from = _sender();
        // whoever saw the permit may have used it first: then the allowance is there, and whether it suffices the transfer shows
        try IERC20Permit(token).permit(from, address(this), amount, deadline, v, r, s) {} catch {}
        _stake(from, account, amount);
    }

    /// @inheritdoc IStakeVault
    function unbond(uint256 amount) external nonReentrant {
        require(amount != 0, ZeroAmount());
        address account = _sender();
        Place storage place = _accounts[account];
        Account a = place.word;
        require(amount <= a.free(), InsufficientFreeStake(a.free(), amount));
        Cursor storage c = _cursors[account];
        uint128 next = c.next;
        require(next - c.first < MAX_WAITING, TooManyUnbondings());
        uint64 readyAt = uint64(block.timestamp) + unbondingPeriod;

        place.word = a.minusStaked(amount);
        _waiting[account][next] = Waiting(uint96(amount), readyAt);
        c.next = next + 1;
        emit Unbonding(account, amount, readyAt);
    }

    /// @inheritdoc IStakeVault
    function rebond(uint256 amount) external nonReentrant {
        require(amount != 0, ZeroAmount());
        address account = _sender();
        Place storage place = _accounts[account];
        place.word = place.word.plusStaked(amount);
        uint256 taken = _takeUnbonding(account, amount);
        require(taken == amount, InsufficientUnbonding(taken, amount));
        emit Rebonded(account, amount);
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
        totalStaked -= amount;
        address to = payoutOf(account);
        emit Withdrawn(account, to, amount);
        IERC20(token).safeTransfer(to, amount);
    }

    /// @inheritdoc IStakeVault
    function claim(address account) external nonReentrant returns (uint256 amount) {
        Place storage place = _accounts[account];
        Account a = place.word;
        amount = a.claimable();
        require(amount != 0, NothingToPay());

        place.word = a.withoutClaimable();
        address to = a.hasPayout() ? _payouts[account] : account;
        emit Claimed(account, to, amount);
        IERC20(token).safeTransfer(to, amount);
    }

    /// @inheritdoc IStakeVault
    function setPayout(address account, address payout) external {
        address current = payoutOf(account);
        require(_sender() == current, OnlyPayout(current));
        require(payout != address(0), ZeroAddress());

        _payouts[account] = payout;
        Place storage place = _accounts[account];
        place.word = place.word.withPayout();
        emit PayoutSet(account, payout);
    }

    // --- the slashers

    /// @inheritdoc IStakeVault
    function lock(address account, uint256 amount) external onlySlasher {
        Place storage place = _accounts[account];
        Account a = place.word;
        require(amount <= a.free(), InsufficientFreeStake(a.free(), amount));
        place.word = a.plusLocked(amount);
    }

    /// @inheritdoc IStakeVault
    function unlock(address account, uint256 amount) external onlySlasher {
        Place storage place = _accounts[account];
        Account a = place.word;
        require(amount <= a.locked(), InsufficientLockedStake(a.locked(), amount));
        place.word = a.minusLocked(amount);
    }

    /// @inheritdoc IStakeVault
    function settle(uint256[] calldata credits, Taking[] calldata takings, uint256 funded) external onlySlasher nonReentrant {
        // slither-disable-next-line uninitialized-local sums from zero
        uint256 burned;
        // slither-disable-next-line uninitialized-local sums from zero
        uint256 paid;
        for (uint256 i; i < takings.length; ++i) {
            burned += _take(takings[i].account, takings[i].burned, takings[i].paid);
            paid += takings[i].paid;
        }
        uint256 credited = _credit(credits);
        require(credited <= funded + paid, Unfunded(credited, funded + paid));
        uint256 total = totalStaked;
        if (takings.length != 0) totalStaked = total -= burned + paid;

        if (burned != 0) IERC20(token).safeTransfer(GRAVE, burned);
        uint256 balance = IERC20(token).balanceOf(address(this));
        require(balance >= total, Insolvent(balance, total));
    }

    // --- views

    /// @inheritdoc IStakeVault
    function accountOf(address account) external view returns (uint256 staked, uint256 locked, uint256 claimable) {
        Account a = _accounts[account].word;
        return (a.staked(), a.locked(), a.claimable());
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

    // --- inside

    function _stake(address from, address account, uint256 amount) internal {
        require(amount != 0, ZeroAmount());
        require(account != address(0), ZeroAddress());

        Place storage place = _accounts[account];
        place.word = place.word.plusStaked(amount);
        totalStaked += amount;
        emit Staked(account, amount);

        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(from, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        // slither-disable-next-line incorrect-equality two balances of one call: donations are in both
        require(received == amount, WrongTransfer(amount, received));
    }

    /// @dev Adds to what accounts can claim. The loop that costs: one read and one write of the account's word each.
    function _credit(uint256[] calldata credits) internal returns (uint256 sum) {
        for (uint256 i; i < credits.length; ++i) {
            uint256 word = credits[i];
            Place storage place = _accounts[address(uint160(word >> 96))];
            place.word = place.word.plusClaimable(uint96(word));
            unchecked {
                sum += uint96(word); // as many as fit a block
            }
        }
    }

    /// @dev Takes `paid`, then as much of `toBurn` as there is: of locked stake, of free stake, of what is unbonding.
    function _take(address account, uint256 toBurn, uint256 paid) internal returns (uint256 burned) {
        uint256 wanted = toBurn + paid;
        if (wanted == 0) return 0;
        Place storage place = _accounts[account];
        Account a = place.word;
        uint256 taken = Math.min(wanted, a.staked());

        place.word = a.minusStaked(taken).minusLocked(Math.min(wanted, a.locked()));
        uint256 unbonding = taken == wanted ? 0 : _takeUnbonding(account, wanted - taken);
        taken += unbonding;
        require(taken >= paid, InsufficientStake(account, paid));
        burned = taken - paid;
        emit Taken(account, burned, paid, unbonding);
    }

    /// @dev Takes up to `wanted` of what waits, the newest first, so that what is left keeps its dates.
    function _takeUnbonding(address account, uint256 wanted) internal returns (uint256 taken) {
        Cursor memory c = _cursors[account];
        uint128 next = c.next;
        while (taken < wanted && next > c.first) {
            Waiting storage w = _waiting[account][next - 1];
            uint256 amount = w.amount;
            if (amount > wanted - taken) {
                w.amount = uint96(amount - (wanted - taken));
                taken = wanted;
            } else {
                delete _waiting[account][--next];
                taken += amount;
            }
        }
        if (next != c.next) _cursors[account].next = next;
    }
}
