// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Relayed} from "./Relayed.sol";
import {IInvites} from "./interfaces/IInvites.sol";
import {IRoundLedger} from "./interfaces/IRoundLedger.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {ITaskMarket, Terms} from "./interfaces/ITaskMarket.sol";
import {Clock} from "./libraries/Clock.sol";
import {Mark} from "./libraries/Mark.sol";
import {Running} from "./libraries/Running.sol";
import {RING, Task} from "./libraries/State.sol";
import {TaskTerms} from "./libraries/TaskTerms.sol";
import {Tasks} from "./libraries/Tasks.sol";
import {Trainer} from "./libraries/Trainer.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {Lot, Round} from "./libraries/Words.sol";

/// @title What the round ledger holds: its peers, the tasks' words, and the views of them. See IRoundLedger.
abstract contract LedgerState is IRoundLedger, Relayed {
    using Tasks for Task;

    /// @inheritdoc IRoundLedger
    address public immutable vault;
    /// @inheritdoc IRoundLedger
    address public immutable market;
    /// @inheritdoc IRoundLedger
    address public immutable beacon;
    /// @inheritdoc IRoundLedger
    address public immutable tally;
    /// @inheritdoc IRoundLedger
    address public immutable court;
    /// @inheritdoc IRoundLedger
    address public immutable invites;

    mapping(uint256 task => Task) internal _tasks;

    constructor(address vault_, address market_, address beacon_, address tally_, address court_, address invites_, address gateway_)
        Relayed(gateway_)
    {
        require(vault_ != address(0) && market_ != address(0) && beacon_ != address(0), ZeroAddress());
        require(tally_ != address(0) && court_ != address(0) && invites_ != address(0), ZeroAddress());
        (IStakeVault v, ITaskMarket m) = (IStakeVault(vault_), ITaskMarket(market_));
        require(v.ledger() == address(this) && v.court() == court_ && v.gateway() == gateway_, WrongWiring());
        require(m.ledger() == address(this) && m.vault() == vault_ && m.gateway() == gateway_, WrongWiring());
        require(v.token() == m.token() && IInvites(invites_).market() == market_, WrongWiring());
        (vault, market, beacon, tally, court, invites) = (vault_, market_, beacon_, tally_, court_, invites_);
    }

    // --- views

    /// @inheritdoc IRoundLedger
    function isOver(uint256 task) external view returns (bool) {
        Task storage t = _tasks[task];
        return t.isOver(t.known(task));
    }

    /// @inheritdoc IRoundLedger
    function termsOf(uint256 task) external view returns (Terms memory) {
        Task storage t = _tasks[task];
        // slither-disable-next-line unused-return it reverts if there is no such task
        t.known(task);
        return TaskTerms.load(t);
    }

    /// @inheritdoc IRoundLedger
    function stateOf(uint256 task) external view returns (uint32 start, uint16 lastRound, uint16 head, uint16 pending) {
        Clock c = _tasks[task].known(task);
        return (c.start(), c.lastRound(), c.head(), c.pending());
    }

    /// @inheritdoc IRoundLedger
    function lineOf(uint256 task) external view returns (uint256 gweiLine) {
        return _tasks[task].line.length();
    }

    /// @inheritdoc IRoundLedger
    function lotOf(uint256 task, address account)
        external
        view
        returns (uint32 fromRound, uint32 untilRound, uint256 lo, uint256 hi, uint256 cut)
    {
        Lot lot = _tasks[task].lots[account];
        return (lot.from(), lot.until(), lot.lo(), lot.hi(), lot.cut());
    }

    /// @inheritdoc IRoundLedger
    function trainerOf(uint256 task, address account) external view returns (uint32 fromRound, uint256 enlisted, uint256 exposed) {
        Task storage t = _tasks[task];
        Trainer w = t.trainers[account];
        return (w.from(), w.enlisted(), t.openOf(t.clock, w) * TaskTerms.exposure(t, t.clock));
    }

    /// @inheritdoc IRoundLedger
    function asidesOf(uint256 task) external view returns (uint256 count) {
        return _tasks[task].waits.count;
    }

    /// @inheritdoc IRoundLedger
    function roundOf(uint256 task, uint32 round)
        external
        view
        returns (bytes16 seed, uint256 line, uint16 submissions, uint16 reveals, bool isFinal)
    {
        Task storage t = _tasks[task];
        Round r = t.rounds[round % RING];
        if (r.tag() != round || round == 0) return (0, 0, 0, 0, false);
        return (r.seed(), r.line(), Running.count(t.accs[round % RING]), r.reveals(), r.isFinal());
    }

    /// @inheritdoc IRoundLedger
    function voterOf(uint256 task, uint32 round, address validator)
        external
        view
        returns (bool committed, bool revealed, bool attested, bool votedExtra, bool cut)
    {
        uint256 mark = _tasks[task].markOf(round, validator);
        attested = mark & (Mark.ATTESTED | Mark.OTHER) != 0;
        return (Mark.isCommitted(mark), mark & Mark.REVEALED != 0, attested, mark & Mark.EXTRA != 0, mark & Mark.CUT != 0);
    }

    /// @inheritdoc IRoundLedger
    function asideHash(uint256 task, uint32 round, uint16 index) external view returns (bytes32) {
        return _tasks[task].waiting[round][index];
    }

    /// @inheritdoc IRoundLedger
    function entriesHash(uint256 task, uint32 round) external view returns (uint256 acc, uint16 count) {
        uint256 word = Running.inRound(_tasks[task].accs[round % RING], round);
        return (Running.hash(word), Running.count(word));
    }

    /// @inheritdoc IRoundLedger
    function attestationDigest(
        uint256 task,
        uint32 round,
        address validator,
        bytes calldata votes,
        uint256 held,
        bytes32 evidence,
        bytes32 salt
    ) external view returns (bytes32) {
        return TypedData.attestation(TypedData.domain(), task, round, validator, votes, held, evidence, salt);
    }
}
