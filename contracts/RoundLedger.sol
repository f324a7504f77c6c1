// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Enlistment} from "./Enlistment.sol";
import {Entry, IRoundLedger, Reveal} from "./interfaces/IRoundLedger.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {ITaskMarket} from "./interfaces/ITaskMarket.sol";
import {BlockHeader} from "./libraries/BlockHeader.sol";
import {Book, Books} from "./libraries/Book.sol";
import {Clock, Clocks} from "./libraries/Clock.sol";
import {Draw} from "./libraries/Draw.sol";
import {Mark} from "./libraries/Mark.sol";
import {Settling} from "./libraries/Settling.sol";
import {StakeLine} from "./libraries/StakeLine.sol";
import {RING, Task} from "./libraries/State.sol";
import {TaskTerms} from "./libraries/TaskTerms.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {Votes} from "./libraries/Votes.sol";
import {Lot, Round, Rounds, Trainer} from "./libraries/Words.sol";

/// @title The round ledger: submit, seal, commit, reveal, attest, finalize. See IRoundLedger.
contract RoundLedger is Enlistment {
    using Books for Book;
    using StakeLine for Task;

    uint256 internal constant MAX_SUBMISSIONS = 256;

    constructor(address vault_, address market_) Enlistment(vault_, market_) {}

    // --- a round

    /// @inheritdoc IRoundLedger
    function submit(uint256 task, uint32 round, uint16 base, uint32 units, bytes32 root, bytes32 mark, string calldata uri) external {
        (Task storage t, Clock c) = _round(task, round);
        Clocks.within(c.opens(round), c.workEnd(round));
        require(base <= c.head(), BaseUnknown(base, c.head()));
        require(round - base <= c.staleness(), BaseTooOld(base, round, c.staleness()));
        Trainer w = t.trainers[msg.sender];
        require(w.from() != 0 && w.from() <= round && !w.left(), NotEnlisted(msg.sender));
        require(units != 0 && units <= w.maxUnits(), UnitsOutOfRange(units, w.maxUnits()));
        if (w.open() >= w.capacity()) revert ExposureTooLarge(w.enlisted(), (w.open() + 1) * TaskTerms.exposure(c, t.money));

        t.trainers[msg.sender] = w.plusOpen();
        uint256 who = uint256(uint160(msg.sender)) << 96 | uint256(units) << 64 | uint256(base) << 48;
        uint16 index = _append(t, c, round, who, root, mark);
        emit Submitted(task, round, msg.sender, index, units, base, root, mark, uri);
    }

    /// @inheritdoc IRoundLedger
    function seal(uint256 task, uint32 round, bytes calldata header, bytes calldata parent) external {
        (Task storage t, Clock c) = _round(task, round);
        Clocks.within(c.sealAt(round), c.commitEnd(round));
        Round r = _opened(t, task, round);
        require(r.seed() == 0, AlreadySealed());
        BlockHeader.Fields memory f = BlockHeader.firstAt(header, parent, c.sealAt(round));

        bytes16 seed = Draw.auditSeed(task, round, f.prevRandao);
        t.rounds[round % RING] = r.withSeal(seed, uint16(t.accs[round % RING]));
        emit RoundSealed(task, round, seed, r.line(), f.number);
    }

    /// @inheritdoc IRoundLedger
    function commit(uint256 task, uint32 round, bytes32 commitment) external {
        (Task storage t, Clock c) = _round(task, round);
        Clocks.within(c.sealAt(round), c.commitEnd(round));
        _lot(t, round);
        mapping(uint256 => uint256) storage marks = t.marks[msg.sender];
        uint256 mark = Mark.inRound(marks[round % RING], round);
        require(!Mark.isCommitted(mark), AlreadyCommitted(msg.sender));

        marks[round % RING] = Mark.commit(mark, commitment);
        emit Committed(task, round, msg.sender);
    }

    /// @inheritdoc IRoundLedger
    function reveal(uint256 task, uint32 round, bytes calldata votes, uint256 held, bytes32 evidence, bytes32 salt) external {
        (Task storage t, Clock c) = _round(task, round);
        Clocks.within(c.commitEnd(round), c.revealEnd(round));
        Round r = _opened(t, task, round);
        require(r.seed() != 0, NotSealed());
        uint256 mark = Mark.inRound(t.marks[msg.sender][round % RING], round);
        require(Mark.isCommitted(mark) && mark & Mark.REVEALED == 0, NotCommitted(msg.sender));
        bytes32 digest = TypedData.attestation(TypedData.domain(), task, round, msg.sender, votes, held, evidence, salt);
        require(Mark.opensTo(mark, digest), WrongOpening(msg.sender));
        Votes.check(votes, r, c.seats(), _lot(t, round));

        t.marks[msg.sender][round % RING] = mark | Mark.REVEALED;
        t.rounds[round % RING] = r.plusReveal();
        emit Revealed(task, round, msg.sender, salt, evidence, held, votes);
    }

    /// @inheritdoc IRoundLedger
    function attest(uint256 task, uint32 round, bytes32 root) external {
        if (round == 0) return _attestGenesis(task, root);
        (Task storage t, Clock c) = _round(task, round);
        Clocks.within(c.revealEnd(round), c.challengeEnd(round));
        require(round > c.head(), StaleCheckpoint(round, c.head()));
        Lot lot = _lot(t, round);
        uint256 mark = Mark.inRound(t.marks[msg.sender][round % RING], round);
        require(mark & (Mark.ATTESTED | Mark.OTHER) == 0, AlreadyAttested(msg.sender));

        (uint256 weight, bool isCandidate) = t.addWeight(round, root, lot.size());
        t.marks[msg.sender][round % RING] = mark | (isCandidate ? Mark.ATTESTED : Mark.OTHER);
        emit CheckpointAttested(task, round, msg.sender, root);
        if (3 * weight < 2 * t.lineIn(round)) return;
        t.clock = c.withHead(uint16(round));
        if (isCandidate) t.candidates[round % RING] = t.candidates[round % RING].withWon();
        emit CheckpointFinal(task, round, root);
    }

    /// @inheritdoc IRoundLedger
    function finalize(uint256 task, uint32 round, Entry[] calldata entries, Reveal[] calldata reveals, address[] calldata attesters)
        external
    {
        (Task storage t, Clock c) = _round(task, round);
        Clocks.within(c.challengeEnd(round), type(uint256).max);
        uint256 slot = round % RING;
        Round r = _opened(t, task, round);
        require(!r.isFinal(), AlreadyFinal());
        uint256 acc = t.accs[slot];
        require(entries.length == uint16(acc) && Settling.chain(entries) == acc >> 32, WrongEntries());
        require(reveals.length == r.reveals(), WrongReveals(reveals.length, r.reveals()));
        t.rounds[slot] = r.finalized();
        t.clock = c.finalized();

        Settling.Sheet memory s;
        (s.task, s.round, s.clock, s.money, s.attestFee) = (task, round, c, t.money, t.opening.attestFee());
        s.book = Books.open(task, round, entries.length + reveals.length + attesters.length);
        s.tally = new uint256[](entries.length);
        bool sealed_ = r.seed() != 0;
        Settling.open(t, s, slot, sealed_ ? Settling.winner(t.candidates[slot], round) : 0, reveals, attesters);
        bytes memory outcomes = sealed_ ? Settling.judge(s, entries) : Settling.void(s, entries);
        Settling.payTrainers(t, s);
        Settling.payValidators(s, reveals, attesters);
        emit RoundFinal(task, round, outcomes, s.fromEscrow, s.fromBonds, s.burned);

        if (s.fromEscrow != 0) ITaskMarket(market).pay(task, s.fromEscrow);
        if (sealed_) IStakeVault(vault).settle(s.book.close());
    }

    // --- views

    /// @inheritdoc IRoundLedger
    function roundOf(uint256 task, uint32 round)
        external
        view
        returns (bytes16 seed, uint256 line, uint16 submissions, uint16 reveals, bool isFinal)
    {
        Round r = _tasks[task].rounds[round % RING];
        if (r.tag() != round || round == 0) return (0, 0, 0, 0, false);
        return (r.seed(), r.line(), uint16(_tasks[task].accs[round % RING]), r.reveals(), r.isFinal());
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

    // --- internal

    /// @dev Binds a submission into the round's running hash; the first one opens the round's words.
    function _append(Task storage t, Clock c, uint32 round, uint256 who, bytes32 root, bytes32 mark) internal returns (uint16 index) {
        uint256 slot = round % RING;
        uint256 acc = t.accs[slot];
        if (uint16(acc >> 16) != round) {
            Round old = t.rounds[slot];
            require(old.tag() == 0 || old.isFinal(), RoundOccupied(old.tag()));
            t.rounds[slot] = Rounds.make(round, t.line.inRound(round));
            t.clock = c.opened();
            acc = 0;
        }
        index = uint16(acc);
        require(index < MAX_SUBMISSIONS, RoundFull());
        t.accs[slot] = Settling.chain(acc >> 32, who, root, mark) << 32 | uint256(round) << 16 | (index + 1);
    }

    /// @dev A task that has started, and one of its rounds.
    function _round(uint256 task, uint32 round) internal view returns (Task storage t, Clock c) {
        (t, c) = _task(task);
        require(c.start() != 0, NotStarted(task));
        require(round != 0 && round <= c.lastRound(), UnknownRound(task, round));
    }

    /// @dev A round with at least one submission.
    function _opened(Task storage t, uint256 task, uint32 round) internal view returns (Round r) {
        r = t.rounds[round % RING];
        require(r.tag() == round, UnknownRound(task, round));
    }

    /// @dev The caller's lot, which must count in the round.
    function _lot(Task storage t, uint32 round) internal view returns (Lot lot) {
        lot = t.lots[msg.sender];
        require(lot.from() <= round && round < lot.until(), NotEnlisted(msg.sender));
    }
}

