// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LedgerState} from "./LedgerState.sol";
import {IBeacon} from "./interfaces/IBeacon.sol";
import {IRoundLedger} from "./interfaces/IRoundLedger.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {Terms} from "./interfaces/ITaskMarket.sol";
import {Aside, Entry, Extra, Reveal} from "./interfaces/RoundLedgerTypes.sol";
import {Clock, Clocks} from "./libraries/Clock.sol";
import {Draw} from "./libraries/Draw.sol";
import {Mark} from "./libraries/Mark.sol";
import {Running} from "./libraries/Running.sol";
import {StakeLine} from "./libraries/StakeLine.sol";
import {RING, Task} from "./libraries/State.sol";
import {TaskTerms} from "./libraries/TaskTerms.sol";
import {Tasks} from "./libraries/Tasks.sol";
import {Trainer, Trainers} from "./libraries/Trainer.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {Votes} from "./libraries/Votes.sol";
import {Candidate, Candidates, Lot, Round, Rounds} from "./libraries/Words.sol";
import {Discipline} from "./logic/Discipline.sol";
import {Disputing} from "./logic/Disputing.sol";
import {Enlisting} from "./logic/Enlisting.sol";
import {Settling} from "./logic/Settling.sol";

/// @title The round ledger. See IRoundLedger.
/// @dev What every round's every participant calls is here; the rest lies in the linked libraries of logic/, which run in this storage at
/// addresses that the bytecode fixes (docs/decisions/011).
contract RoundLedger is LedgerState {
    using StakeLine for Task;
    using Tasks for Task;

    uint256 internal constant MAX_SUBMISSIONS = 256;

    constructor(address vault_, address market_, address beacon_, address tally_, address court_, address invites_, address gateway_)
        LedgerState(vault_, market_, beacon_, tally_, court_, invites_, gateway_)
    {}

    modifier onlyMarket() {
        require(msg.sender == market, OnlyMarket(msg.sender));
        _;
    }

    modifier onlyCourt() {
        require(msg.sender == court, OnlyCourt(msg.sender));
        _;
    }

    // --- the market

    /// @inheritdoc IRoundLedger
    function register(uint256 task, Terms calldata terms) external onlyMarket {
        TaskTerms.store(_tasks[task], terms);
    }

    /// @inheritdoc IRoundLedger
    function stop(uint256 task) external onlyMarket returns (uint16 lastRound) {
        return Enlisting.stop(_tasks[task], task);
    }

    // --- the court

    /// @inheritdoc IRoundLedger
    function dispute(uint256 task, uint32 round, Entry[] calldata entries, uint16 index)
        external
        onlyCourt
        returns (bytes32 root, address trainer, uint256 line)
    {
        return Disputing.dispute(_tasks[task], task, round, entries, index);
    }

    /// @inheritdoc IRoundLedger
    function disputeRoot(uint256 task, uint32 round, bytes32 root) external onlyCourt returns (uint256 line) {
        return Disputing.disputeRoot(_tasks[task], task, round, root);
    }

    /// @inheritdoc IRoundLedger
    function rule(uint256 task, uint32 round, uint16 index, uint8 claim, uint8 check, uint16 leaf, uint8 ruling, address challenger)
        external
        onlyCourt
    {
        Disputing.rule(_tasks[task], task, round, index, claim, check, leaf, ruling, challenger);
    }

    /// @inheritdoc IRoundLedger
    function ruleRoot(uint256 task, uint32 round, uint8 ruling, address challenger, address[] calldata attesters) external onlyCourt {
        Disputing.ruleRoot(_tasks[task], task, round, ruling, challenger, attesters, vault, market);
    }

    // --- enlisting

    /// @inheritdoc IRoundLedger
    function enlistValidator(uint256 task, uint256 amount, string calldata uri) external {
        Enlisting.enlistValidator(_tasks[task], task, _sender(), amount, uri, vault, invites);
    }

    /// @inheritdoc IRoundLedger
    function enlistTrainer(uint256 task, uint256 amount, string calldata uri) external {
        Enlisting.enlistTrainer(_tasks[task], task, _sender(), amount, uri, vault, invites);
    }

    /// @inheritdoc IRoundLedger
    function leave(uint256 task, uint8 role) external {
        Enlisting.leave(_tasks[task], task, _sender(), role);
    }

    /// @inheritdoc IRoundLedger
    function release(uint256 task, address account, uint8 role) external {
        Enlisting.release(_tasks[task], task, account, role, vault);
    }

    // --- a round

    /// @inheritdoc IRoundLedger
    function submit(uint256 task, uint32 round, uint16 base, uint32 units, bytes32 root, bytes32 mark, string calldata uri) external {
        _submit(_sender(), task, round, base, units, root, mark, uri);
    }

    /// @inheritdoc IRoundLedger
    function submitAndClaim(uint256 task, uint32 round, uint16 base, uint32 units, bytes32 root, bytes32 mark, string calldata uri)
        external
    {
        address trainer = _sender();
        _submit(trainer, task, round, base, units, root, mark, uri);
        // nothing to claim, because someone else claimed it first: no reason to lose the submission
        // slither-disable-next-line unused-return the vault's event says how much it was
        try IStakeVault(vault).claim(trainer) {} catch {}
    }

    /// @inheritdoc IRoundLedger
    function seal(uint256 task, uint32 round, bytes calldata proof) external {
        Task storage t = _tasks[task];
        Clock c = t.inRound(task, round);
        Clocks.within(c.sealAt(round), c.commitEnd(round));
        Round r = t.begun(task, round);
        require(r.seed() == 0, AlreadySealed());
        (bytes32 word, uint256 source) = IBeacon(beacon).wordAt(c.sealAt(round), proof);

        bytes16 seed = Draw.auditSeed(task, round, word);
        t.rounds[round % RING] = r.withSeal(seed, uint16(t.accs[round % RING]));
        emit RoundSealed(task, round, seed, r.line(), source);
    }

    /// @inheritdoc IRoundLedger
    function commit(uint256 task, uint32 round, bytes32 commitment) external {
        _commit(_sender(), task, round, commitment);
    }

    /// @inheritdoc IRoundLedger
    function commitAndAttest(uint256 task, uint32 round, bytes32 commitment, uint32 earlier, bytes32 root) external {
        address validator = _sender();
        _commit(validator, task, round, commitment);
        // others may have completed the quorum meanwhile: no reason to lose the commitment
        if (earlier > _tasks[task].clock.head()) _attest(validator, task, earlier, root);
    }

    /// @inheritdoc IRoundLedger
    function reveal(uint256 task, uint32 round, bytes calldata votes, uint256 held, bytes32 evidence, bytes32 salt) external {
        Task storage t = _tasks[task];
        Clock c = t.inRound(task, round);
        Clocks.within(c.commitEnd(round), c.revealEnd(round));
        Round r = t.drawn(task, round);
        address validator = _sender();
        uint256 mark = t.markOf(round, validator);
        require(Mark.isCommitted(mark) && mark & (Mark.REVEALED | Mark.CUT) == 0, NotCommitted(validator));
        bytes32 digest = TypedData.attestation(TypedData.domain(), task, round, validator, votes, held, evidence, salt);
        require(Mark.opensTo(mark, digest), WrongOpening(validator));
        Votes.check(votes, r, c.seats(), 0, t.lotOf(round, validator));

        t.marks[validator][round % RING] = mark | Mark.REVEALED;
        t.rounds[round % RING] = r.plusReveal();
        emit Revealed(task, round, validator, salt, evidence, held, votes);
    }

    /// @inheritdoc IRoundLedger
    function voteExtra(uint256 task, uint32 round, bytes calldata votes, bytes32 evidence) external {
        Task storage t = _tasks[task];
        Clock c = t.inRound(task, round);
        Clocks.within(c.revealEnd(round), c.votesEnd(round));
        Round r = t.drawn(task, round);
        address validator = _sender();
        uint256 mark = t.markOf(round, validator);
        require(mark & Mark.EXTRA == 0, AlreadyVoted(validator));
        require(votes.length != 0, MalformedVotes());
        Votes.check(votes, r, c.seats(), c.seats(), t.lotOf(round, validator));

        t.marks[validator][round % RING] = mark | Mark.EXTRA;
        t.extras[round % RING] = Running.plusExtra(Running.inRound(t.extras[round % RING], round), validator, votes);
        emit ExtraVoted(task, round, validator, evidence, votes);
    }

    /// @inheritdoc IRoundLedger
    function attest(uint256 task, uint32 round, bytes32 root) external {
        if (round == 0) Enlisting.attestGenesis(_tasks[task], task, _sender(), root);
        else _attest(_sender(), task, round, root);
    }

    /// @inheritdoc IRoundLedger
    function openCanary(uint256 task, uint32 round, Entry[] calldata entries, uint16 index, bytes32 salt, uint32 leaf, uint8 check)
        external
    {
        Discipline.openCanary(_tasks[task], task, round, entries, index, salt, leaf, check);
    }

    /// @inheritdoc IRoundLedger
    function cutSilent(uint256 task, uint32 round, address validator, uint16 index, uint8 seat) external {
        Discipline.cutSilent(_tasks[task], task, round, validator, index, seat, _sender(), vault);
    }

    /// @inheritdoc IRoundLedger
    function expose(uint256 task, uint32 round, address validator, bytes calldata votes, uint256 held, bytes32 evidence, bytes32 salt)
        external
    {
        bytes32 digest = TypedData.attestation(TypedData.domain(), task, round, validator, votes, held, evidence, salt);
        Discipline.expose(_tasks[task], task, round, validator, digest, _sender(), vault);
    }

    /// @inheritdoc IRoundLedger
    function finalize(
        uint256 task,
        uint32 round,
        Entry[] calldata entries,
        Reveal[] calldata reveals,
        Extra[] calldata extras,
        address[] calldata attesters,
        bytes32[] calldata salts
    ) external {
        Settling.Peers memory peers = Settling.Peers(tally, market, vault);
        Settling.finalize(_tasks[task], task, round, entries, reveals, extras, attesters, salts, peers);
    }

    /// @inheritdoc IRoundLedger
    function resolve(uint256 task, uint32 round, Aside calldata aside, bytes32 salt) external {
        Settling.resolve(_tasks[task], task, round, aside, salt, Settling.Peers(tally, market, vault));
    }

    // --- internal

    function _submit(
        address trainer,
        uint256 task,
        uint32 round,
        uint16 base,
        uint32 units,
        bytes32 root,
        bytes32 mark,
        string calldata uri
    ) internal {
        Task storage t = _tasks[task];
        Clock c = t.inRound(task, round);
        Clocks.within(c.opens(round), c.workEnd(round));
        require(base <= c.head(), BaseUnknown(base, c.head()));
        require(round - base <= c.staleness(), BaseTooOld(base, round, c.staleness()));
        Trainer w = t.trainers[trainer];
        require(w.from() != 0 && w.from() <= round && !w.left(), NotEnlisted(trainer));
        require(units != 0 && units <= w.maxUnits(), UnitsOutOfRange(units, w.maxUnits()));

        uint256 who = uint256(uint160(trainer)) << 96 | uint256(units) << 64 | uint256(base) << 48;
        uint16 index = _append(t, c, round, who, root, mark);
        w = w.inRound(round);
        uint256 open = w.counted(t.clock.pending());
        if (open >= w.capacity()) revert ExposureTooLarge(w.enlisted(), (open + 1) * TaskTerms.exposure(t, c));
        require(w.count(round % RING) < Trainers.MOST_IN_ROUND, RoundFull());
        t.trainers[trainer] = w.plusOne(round % RING);
        emit Submitted(task, round, trainer, index, units, base, root, mark, uri);
    }

    function _commit(address validator, uint256 task, uint32 round, bytes32 commitment) internal {
        Task storage t = _tasks[task];
        Clock c = t.inRound(task, round);
        Clocks.within(c.sealAt(round), c.commitEnd(round));
        t.checkSlot(c, round);
        uint256 mark = t.markOf(round, validator);
        require(!Mark.isCommitted(mark), AlreadyCommitted(validator));

        t.marks[validator][round % RING] = Mark.commit(mark, commitment);
        emit Committed(task, round, validator);
    }

    function _attest(address validator, uint256 task, uint32 round, bytes32 root) internal {
        Task storage t = _tasks[task];
        Clock c = t.inRound(task, round);
        Clocks.within(c.votesEnd(round), c.challengeEnd(round));
        require(round > c.head(), StaleCheckpoint(round, c.head()));
        t.checkSlot(c, round);
        Lot lot = t.lotOf(round, validator);
        uint256 mark = t.markOf(round, validator);
        require(mark & (Mark.ATTESTED | Mark.OTHER) == 0, AlreadyAttested(validator));

        (uint256 weight, bool isCandidate) = t.addWeight(round, root, validator, lot.size());
        t.marks[validator][round % RING] = mark | (isCandidate ? Mark.ATTESTED : Mark.OTHER);
        emit CheckpointAttested(task, round, validator, root);
        if (3 * weight < 2 * t.lineIn(round)) return;
        t.clock = c.withHead(uint16(round));
        Candidate won = isCandidate ? t.candidates[round % RING] : Candidates.makeOther(round, root, weight);
        t.candidates[round % RING] = won.withWon();
        emit CheckpointFinal(task, round, root);
    }

    /// @dev Binds a submission into the round's running hash; the first one opens the round's words.
    function _append(Task storage t, Clock c, uint32 round, uint256 who, bytes32 root, bytes32 mark) internal returns (uint16 index) {
        uint256 slot = round % RING;
        uint256 acc = Running.inRound(t.accs[slot], round);
        index = Running.count(acc);
        if (index == 0) _open(t, c, round, slot);
        require(index < MAX_SUBMISSIONS, RoundFull());
        t.accs[slot] = Running.plusEntry(acc, who, root, mark);
    }

    /// @dev No round of 16 rounds ago or before may still be pending: slots and trainers' counts are used again.
    function _open(Task storage t, Clock c, uint32 round, uint256 slot) internal {
        for (uint256 k; k < RING; ++k) {
            if (c.isPending(k)) require(t.rounds[k].tag() + RING > round, RoundOccupied(t.rounds[k].tag()));
        }
        uint256 live = t.line.live();
        require(live >= t.opening.minStake(), StakeTooLow(live, t.opening.minStake()));
        t.rounds[slot] = Rounds.make(round, t.line.inRound(round));
        t.clock = c.opened(slot);
    }
}
