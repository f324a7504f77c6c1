// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Relayed} from "./Relayed.sol";
import {IBeacon} from "./interfaces/IBeacon.sol";
import {IRoundLedger} from "./interfaces/IRoundLedger.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {ITaskMarket, Terms} from "./interfaces/ITaskMarket.sol";
import {TermsCheck} from "./libraries/TermsCheck.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// @title The task market. @dev See ITaskMarket.
contract TaskMarket is ITaskMarket, Relayed, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev One word. `escrow` in wei.
    struct Task {
        address initiator;
        uint96 escrow;
    }

    /// @inheritdoc ITaskMarket
    address public immutable token;
    /// @inheritdoc ITaskMarket
    address public immutable vault;
    /// @inheritdoc ITaskMarket
    address public immutable ledger;

    /// @inheritdoc ITaskMarket
    uint256 public tasks;

    mapping(uint256 task => Task) internal _tasks;

    constructor(address token_, address vault_, address ledger_, address gateway_) Relayed(gateway_) {
        require(token_ != address(0) && vault_ != address(0) && ledger_ != address(0), ZeroAddress());
        token = token_;
        vault = vault_;
        ledger = ledger_;
    }

    /// @inheritdoc ITaskMarket
    function publish(Terms calldata terms, uint256 budget, string calldata uri) external nonReentrant returns (uint256 task) {
        TermsCheck.check(terms, IStakeVault(vault).unbondingPeriod());
        require(IBeacon(IRoundLedger(ledger).beacon()).live(), NoBeacon());
        uint256 needed = terms.rounds * terms.pot;
        require(budget >= needed, BudgetTooSmall(budget, needed));
        require(budget <= type(uint96).max, AmountTooLarge());
        address initiator = _sender();
        task = ++tasks;

        _tasks[task] = Task(initiator, uint96(budget));
        emit TaskPublished(task, initiator, terms.specHash, terms, budget, uri);

        IRoundLedger(ledger).register(task, terms);
        _pull(initiator, budget);
    }

    /// @inheritdoc ITaskMarket
    function fund(uint256 task, uint256 amount) external nonReentrant {
        Task storage t = _known(task);
        require(amount != 0, ZeroAmount());
        require(amount <= type(uint96).max - t.escrow, AmountTooLarge());
        address from = _sender();

        t.escrow += uint96(amount);
        emit TaskFunded(task, from, amount);
        _pull(from, amount);
    }

    /// @inheritdoc ITaskMarket
    function cancel(uint256 task) external nonReentrant {
        Task storage t = _known(task);
        address caller = _sender();
        require(caller == t.initiator, OnlyInitiator(caller));

        uint16 lastRound = IRoundLedger(ledger).stop(task);
        emit TaskCancelled(task, lastRound);
    }

    /// @inheritdoc ITaskMarket
    function refund(uint256 task) external nonReentrant returns (uint256 amount) {
        Task storage t = _known(task);
        require(IRoundLedger(ledger).isOver(task), TaskStillOpen(task));
        amount = t.escrow;
        require(amount != 0, NothingToRefund(task));

        t.escrow = 0;
        emit TaskRefunded(task, t.initiator, amount);
        IERC20(token).safeTransfer(t.initiator, amount);
    }

    /// @inheritdoc ITaskMarket
    function pay(uint256 task, uint256 amount) external nonReentrant {
        require(msg.sender == ledger, OnlyLedger(msg.sender));
        Task storage t = _tasks[task];
        require(amount <= t.escrow, EscrowTooSmall(t.escrow, amount));

        t.escrow -= uint96(amount);
        emit RoundPaid(task, amount);
        uint256 before = IERC20(token).balanceOf(vault);
        IERC20(token).safeTransfer(vault, amount);
        uint256 received = IERC20(token).balanceOf(vault) - before;
        // slither-disable-next-line incorrect-equality two balances of one call: donations are in both
        require(received == amount, WrongTransfer(amount, received)); // the vault credits as much
    }

    /// @inheritdoc ITaskMarket
    function escrowOf(uint256 task) external view returns (uint256) {
        return _tasks[task].escrow;
    }

    /// @inheritdoc ITaskMarket
    function initiatorOf(uint256 task) external view returns (address) {
        return _tasks[task].initiator;
    }

    function _known(uint256 task) internal view returns (Task storage t) {
        t = _tasks[task];
        require(t.initiator != address(0), UnknownTask(task));
    }

    /// @dev Takes `amount` from `from`, who called; a token that takes a fee on the way is refused.
    function _pull(address from, uint256 amount) internal {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(from, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        // slither-disable-next-line incorrect-equality two balances of one call: donations are in both
        require(received == amount, WrongTransfer(amount, received));
    }
}
