// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRoundLedger} from "./interfaces/IRoundLedger.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {ITaskMarket, Terms} from "./interfaces/ITaskMarket.sol";
import {Clock} from "./libraries/Clock.sol";
import {Settling} from "./libraries/Settling.sol";
import {StakeLine} from "./libraries/StakeLine.sol";
import {Task} from "./libraries/State.sol";
import {TaskTerms} from "./libraries/TaskTerms.sol";
import {Line, Lot, NEVER, Opening, Trainer, Trainers} from "./libraries/Words.sol";

/// @title The half of the round ledger that rounds stand on: a task's terms, the stake enlisted for it, its start and its end.
/// @dev It knows no submission and no vote. See IRoundLedger.
abstract contract Enlistment is IRoundLedger {
    using StakeLine for Task;

    /// @inheritdoc IRoundLedger
    address public immutable vault;
    /// @inheritdoc IRoundLedger
    address public immutable market;

    mapping(uint256 task => Task) internal _tasks;

    constructor(address vault_, address market_) {
        require(vault_ != address(0) && market_ != address(0), ZeroAddress());
        IStakeVault v = IStakeVault(vault_);
        ITaskMarket m = ITaskMarket(market_);
        require(v.ledger() == address(this) && m.ledger() == address(this) && m.vault() == vault_ && v.token() == m.token(), WrongWiring());
        vault = vault_;
        market = market_;
    }

    // --- the market

    /// @inheritdoc IRoundLedger
    function register(uint256 task, Terms calldata terms) external {
        require(msg.sender == market, OnlyMarket(msg.sender));
        Terms memory t = terms;
        TaskTerms.check(t, IStakeVault(vault).unbondingPeriod());
        TaskTerms.store(_tasks[task], t);
    }

    /// @inheritdoc IRoundLedger
    function stop(uint256 task) external returns (uint16 lastRound) {
        require(msg.sender == market, OnlyMarket(msg.sender));
        (Task storage t, Clock c) = _task(task);
        uint32 now_ = c.current();
        lastRound = now_ < c.lastRound() ? uint16(now_) : c.lastRound();
        t.clock = c.withLastRound(lastRound);
        emit TaskStopped(task, lastRound);
    }

    // --- enlisting

    /// @inheritdoc IRoundLedger
    function enlistValidator(uint256 task, uint256 amount, string calldata uri) external {
        (Task storage t, Clock c) = _task(task);
        uint256 size = _gwei(amount);
        uint256 least = (t.opening.minStake() + 15) / 16;
        require(size >= least, LotTooSmall(amount, least * 1 gwei));
        require(t.lots[msg.sender].isNone(), AlreadyEnlisted(msg.sender));

        uint32 from = c.current() + 1;
        t.place(msg.sender, size, from);
        emit Enlisted(task, msg.sender, Settling.VALIDATOR, amount, from, uri);
        _tryStart(task, t);
        IStakeVault(vault).lock(msg.sender, amount);
    }

    /// @inheritdoc IRoundLedger
    function enlistTrainer(uint256 task, uint256 amount, string calldata uri) external {
        (Task storage t, Clock c) = _task(task);
        _gwei(amount);
        Trainer w = t.trainers[msg.sender];
        require(!w.left(), AlreadyEnlisted(msg.sender));
        if (w.from() == 0) {
            w = Trainers.make(c.current() + 1, t.money.maxUnits());
            t.line = t.line.plusTrainer();
        }
        uint256 enlisted = w.enlisted() + amount;
        require(enlisted <= type(uint96).max, LineFull());

        t.trainers[msg.sender] = w.withEnlisted(enlisted, TaskTerms.exposure(c, t.money));
        emit Enlisted(task, msg.sender, Settling.TRAINER, amount, w.from(), uri);
        _tryStart(task, t);
        IStakeVault(vault).lock(msg.sender, amount);
    }

    /// @inheritdoc IRoundLedger
    function leave(uint256 task, uint8 role) external {
        (Task storage t, Clock c) = _task(task);
        uint32 until = c.current() + 1;
        if (_isTrainer(role)) {
            Trainer w = t.trainers[msg.sender];
            require(w.from() != 0 && !w.left(), NotEnlisted(msg.sender));
            t.trainers[msg.sender] = w.withLeft();
            t.line = t.line.minusTrainer();
        } else {
            Lot lot = t.lots[msg.sender];
            require(lot.until() == NEVER, NotEnlisted(msg.sender));
            t.lots[msg.sender] = lot.withUntil(until);
            t.line = t.line.minusLive(lot.size());
            if (lot.hasGenesis()) t.opening = t.opening.minusGenesis(lot.size());
        }
        emit Left(task, msg.sender, role, until);
    }

    /// @inheritdoc IRoundLedger
    function release(uint256 task, address account, uint8 role) external {
        (Task storage t, Clock c) = _task(task);
        bool over = _isOver(c);
        uint256 amount;
        if (_isTrainer(role)) {
            Trainer w = t.trainers[account];
            require(w.from() != 0, NotEnlisted(account));
            require(w.left() || over, StillEnlisted(account));
            require(w.open() == 0, StillExposed());
            amount = w.enlisted();
            t.trainers[account] = Trainer.wrap(0);
        } else {
            Lot lot = t.lots[account];
            require(!lot.isNone(), NotEnlisted(account));
            require(lot.until() != NEVER || over, StillEnlisted(account));
            if (!over && c.start() != 0) t.checkFree(c, lot);
            amount = lot.size() * 1 gwei;
            t.vacate(account, lot, c.current() + 1);
        }
        emit Released(task, account, role, amount);
        if (amount != 0) IStakeVault(vault).unlock(account, amount);
    }

    // --- views

    /// @inheritdoc IRoundLedger
    function isOver(uint256 task) external view returns (bool) {
        (, Clock c) = _task(task);
        return _isOver(c);
    }

    /// @inheritdoc IRoundLedger
    function termsOf(uint256 task) external view returns (Terms memory) {
        (Task storage t,) = _task(task);
        return TaskTerms.load(t);
    }

    /// @inheritdoc IRoundLedger
    function stateOf(uint256 task) external view returns (uint32 start, uint16 lastRound, uint16 head, uint16 pending) {
        (, Clock c) = _task(task);
        return (c.start(), c.lastRound(), c.head(), c.pending());
    }

    /// @inheritdoc IRoundLedger
    function lineOf(uint256 task) external view returns (uint256 gweiLine) {
        return _tasks[task].line.length();
    }

    /// @inheritdoc IRoundLedger
    function lotOf(uint256 task, address account) external view returns (uint32 fromRound, uint32 untilRound, uint256 lo, uint256 hi) {
        Lot lot = _tasks[task].lots[account];
        return (lot.from(), lot.until(), lot.lo(), lot.hi());
    }

    /// @inheritdoc IRoundLedger
    function trainerOf(uint256 task, address account) external view returns (uint32 fromRound, uint256 enlisted, uint256 exposed) {
        Task storage t = _tasks[task];
        Trainer w = t.trainers[account];
        return (w.from(), w.enlisted(), w.open() * TaskTerms.exposure(t.clock, t.money));
    }

    // --- internal

    function _attestGenesis(uint256 task, bytes32 root) internal {
        (Task storage t, Clock c) = _task(task);
        require(c.start() == 0, StaleCheckpoint(0, c.head()));
        require(root == t.genesis, WrongGenesis(root, t.genesis));
        Lot lot = t.lots[msg.sender];
        require(lot.until() == NEVER, NotEnlisted(msg.sender));
        require(!lot.hasGenesis(), AlreadyAttested(msg.sender));

        t.lots[msg.sender] = lot.withGenesis();
        t.opening = t.opening.plusGenesis(lot.size());
        emit CheckpointAttested(task, 0, msg.sender, root);
        _tryStart(task, t);
    }

    /// @dev Starts the task in whichever call completes what it waits for.
    function _tryStart(uint256 task, Task storage t) internal {
        Clock c = t.clock;
        if (c.start() != 0 || c.lastRound() == 0) return;
        (Opening o, Line l) = (t.opening, t.line);
        if (l.live() < o.minStake() || 3 * o.genesis() < 2 * l.live() || l.trainers() < o.minTrainers()) return;

        uint32 start = uint32(block.timestamp + o.lead());
        t.clock = c.withStart(start);
        emit CheckpointFinal(task, 0, t.genesis);
        emit TaskStarted(task, start);
    }

    function _task(uint256 task) internal view returns (Task storage t, Clock c) {
        t = _tasks[task];
        c = t.clock;
        require(c.period() != 0, UnknownTask(task));
    }

    function _isOver(Clock c) internal view returns (bool) {
        if (c.lastRound() == 0) return true;
        return c.start() != 0 && c.pending() == 0 && block.timestamp >= c.workEnd(c.lastRound());
    }

    function _isTrainer(uint8 role) internal pure returns (bool) {
        require(role == Settling.TRAINER || role == Settling.VALIDATOR, UnknownRole(role));
        return role == Settling.TRAINER;
    }

    function _gwei(uint256 amount) internal pure returns (uint256) {
        require(amount != 0, ZeroAmount());
        require(amount % 1 gwei == 0 && amount / 1 gwei <= type(uint64).max, AmountNotInGwei(amount));
        return amount / 1 gwei;
    }
}
