// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IInvites} from "../interfaces/IInvites.sol";
import {IStakeVault} from "../interfaces/IStakeVault.sol";
import {IRoundLedgerErrors, IRoundLedgerEvents} from "../interfaces/RoundLedgerTypes.sol";
import {Clock} from "../libraries/Clock.sol";
import {StakeLine} from "../libraries/StakeLine.sol";
import {Task} from "../libraries/State.sol";
import {TaskTerms} from "../libraries/TaskTerms.sol";
import {Tasks} from "../libraries/Tasks.sol";
import {Trainer, Trainers} from "../libraries/Trainer.sol";
import {Line, Lot, NEVER, Opening} from "../libraries/Words.sol";

/// @title The ledger's logic that rounds stand on: the stake enlisted for a task, its start and its end.
/// @dev Linked into the round ledger and run in its storage; it knows no submission and no vote. Docs are in IRoundLedger.
library Enlisting {
    using StakeLine for Task;
    using Tasks for Task;

    function stop(Task storage t, uint256 task) external returns (uint16 lastRound) {
        Clock c = t.known(task);
        uint32 now_ = c.current();
        lastRound = now_ < c.lastRound() ? uint16(now_) : c.lastRound();
        t.clock = c.withLastRound(lastRound);
        emit IRoundLedgerEvents.TaskStopped(task, lastRound);
    }

    function enlistValidator(
        Task storage t,
        uint256 task,
        address account,
        uint256 amount,
        string calldata uri,
        address vault,
        address invites
    ) external {
        Clock c = t.known(task);
        _checkInvited(c, task, account, invites);
        uint256 size = _gwei(amount);
        // slither-disable-next-line divide-before-multiply in gwei, rounded up; the error names it in wei
        uint256 least = (t.opening.minStake() + 15) / 16;
        require(size >= least, IRoundLedgerErrors.LotTooSmall(amount, least * 1 gwei));
        require(t.lots[account].isNone(), IRoundLedgerErrors.AlreadyEnlisted(account));

        uint32 from = c.current() + 1;
        t.place(account, size, from);
        emit IRoundLedgerEvents.Enlisted(task, account, Tasks.VALIDATOR, amount, from, uri);
        _tryStart(t, task);
        IStakeVault(vault).lock(account, amount);
    }

    function enlistTrainer(
        Task storage t,
        uint256 task,
        address account,
        uint256 amount,
        string calldata uri,
        address vault,
        address invites
    ) external {
        Clock c = t.known(task);
        _checkInvited(c, task, account, invites);
        _gwei(amount);
        Trainer w = t.trainers[account];
        require(!w.left(), IRoundLedgerErrors.AlreadyEnlisted(account));
        if (w.from() == 0) {
            w = Trainers.make(c.current() + 1, t.money.maxUnits());
            t.line = t.line.plusTrainer();
        }
        uint256 enlisted = w.enlisted() + amount;
        require(enlisted <= type(uint80).max, IRoundLedgerErrors.LineFull());

        t.trainers[account] = w.withEnlisted(enlisted, TaskTerms.exposure(t, c));
        emit IRoundLedgerEvents.Enlisted(task, account, Tasks.TRAINER, amount, w.from(), uri);
        _tryStart(t, task);
        IStakeVault(vault).lock(account, amount);
    }

    function leave(Task storage t, uint256 task, address account, uint8 role) external {
        Clock c = t.known(task);
        if (_isTrainer(role)) {
            Trainer w = t.trainers[account];
            require(w.from() != 0 && !w.left(), IRoundLedgerErrors.NotEnlisted(account));
            t.trainers[account] = w.withLeft();
            t.line = t.line.minusTrainer();
            emit IRoundLedgerEvents.Left(task, account, Tasks.TRAINER, c.current() + 1);
        } else {
            Lot lot = t.lots[account];
            require(lot.until() == NEVER, IRoundLedgerErrors.NotEnlisted(account));
            t.lots[account] = t.ended(task, c, account, lot);
        }
    }

    function release(Task storage t, uint256 task, address account, uint8 role, address vault) external {
        Clock c = t.known(task);
        uint256 amount = _isTrainer(role) ? _releaseTrainer(t, c, account) : _releaseLot(t, c, account);
        emit IRoundLedgerEvents.Released(task, account, role, amount);
        if (amount != 0) IStakeVault(vault).unlock(account, amount);
    }

    function attestGenesis(Task storage t, uint256 task, address account, bytes32 root) external {
        Clock c = t.known(task);
        require(c.start() == 0, IRoundLedgerErrors.StaleCheckpoint(0, c.head()));
        require(root == t.genesis, IRoundLedgerErrors.WrongGenesis(root, t.genesis));
        Lot lot = t.lots[account];
        require(lot.until() == NEVER, IRoundLedgerErrors.NotEnlisted(account));
        require(!lot.hasGenesis(), IRoundLedgerErrors.AlreadyAttested(account));

        t.lots[account] = lot.withGenesis();
        t.opening = t.opening.plusGenesis(lot.size());
        emit IRoundLedgerEvents.CheckpointAttested(task, 0, account, root);
        _tryStart(t, task);
    }

    // --- internal

    function _releaseTrainer(Task storage t, Clock c, address account) private returns (uint256 amount) {
        Trainer w = t.trainers[account];
        require(w.from() != 0, IRoundLedgerErrors.NotEnlisted(account));
        require(w.left() || t.isOver(c), IRoundLedgerErrors.StillEnlisted(account));
        require(t.openOf(c, w) == 0, IRoundLedgerErrors.StillExposed());
        t.trainers[account] = Trainer.wrap(0);
        return w.enlisted();
    }

    function _releaseLot(Task storage t, Clock c, address account) private returns (uint256 amount) {
        bool over = t.isOver(c);
        Lot lot = t.lots[account];
        require(!lot.isNone(), IRoundLedgerErrors.NotEnlisted(account));
        require(lot.until() != NEVER || over, IRoundLedgerErrors.StillEnlisted(account));
        require(!t.waits.concerns(lot.from(), lot.until()), IRoundLedgerErrors.StillDisputed());
        if (!over && c.start() != 0) t.checkFree(c, lot);
        t.vacate(account, lot, c.current() + 1);
        return lot.backing() * 1 gwei;
    }

    /// @dev Starts the task in whichever call completes what it waits for.
    function _tryStart(Task storage t, uint256 task) private {
        Clock c = t.clock;
        if (c.start() != 0 || c.lastRound() == 0) return;
        (Opening o, Line l) = (t.opening, t.line);
        if (l.live() < o.minStake() || 3 * o.genesis() < 2 * l.live() || l.trainers() < o.minTrainers()) return;

        uint32 start = uint32(block.timestamp + o.lead());
        t.clock = c.withStart(start);
        emit IRoundLedgerEvents.CheckpointFinal(task, 0, t.genesis);
        emit IRoundLedgerEvents.TaskStarted(task, start);
    }

    function _checkInvited(Clock c, uint256 task, address account, address invites) private view {
        require(!c.isPrivate() || IInvites(invites).admits(task, account), IRoundLedgerErrors.NotInvited(account));
    }

    function _isTrainer(uint8 role) private pure returns (bool) {
        require(role == Tasks.TRAINER || role == Tasks.VALIDATOR, IRoundLedgerErrors.UnknownRole(role));
        return role == Tasks.TRAINER;
    }

    function _gwei(uint256 amount) private pure returns (uint256) {
        require(amount != 0, IRoundLedgerErrors.ZeroAmount());
        require(amount % 1 gwei == 0 && amount / 1 gwei < 1 << 63, IRoundLedgerErrors.AmountNotInGwei(amount));
        return amount / 1 gwei;
    }
}
