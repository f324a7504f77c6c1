// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Entry, IRoundLedgerErrors, IRoundLedgerEvents} from "../interfaces/RoundLedgerTypes.sol";
import {Clock} from "./Clock.sol";
import {Mark} from "./Mark.sol";
import {Running} from "./Running.sol";
import {RING, Task} from "./State.sol";
import {Trainer} from "./Trainer.sol";
import {Candidate, Lot, NEVER, Round} from "./Words.sol";

/// @dev A task's words, read with the checks that every call makes, and the few changes that several calls share.
library Tasks {
    uint8 internal constant TRAINER = 1;
    uint8 internal constant VALIDATOR = 2;
    /// @dev In events, where no single submission is meant.
    uint16 internal constant NO_INDEX = type(uint16).max;
    /// @dev A lot is done when more than this part of it was cut.
    uint256 private constant MOST_CUT = 16;

    function known(Task storage t, uint256 task) internal view returns (Clock c) {
        c = t.clock;
        require(c.period() != 0, IRoundLedgerErrors.UnknownTask(task));
    }

    /// @dev The clock of a task that has started, and that has such a round.
    function inRound(Task storage t, uint256 task, uint32 round) internal view returns (Clock c) {
        c = known(t, task);
        require(c.start() != 0, IRoundLedgerErrors.NotStarted(task));
        require(round != 0 && round <= c.lastRound(), IRoundLedgerErrors.UnknownRound(task, round));
    }

    /// @dev A round with at least one submission.
    function begun(Task storage t, uint256 task, uint32 round) internal view returns (Round r) {
        r = t.rounds[round % RING];
        require(r.tag() == round, IRoundLedgerErrors.UnknownRound(task, round));
    }

    function drawn(Task storage t, uint256 task, uint32 round) internal view returns (Round r) {
        r = begun(t, task, round);
        require(r.seed() != 0, IRoundLedgerErrors.NotSealed());
    }

    /// @dev The validator's lot, which must count in the round.
    function lotOf(Task storage t, uint32 round, address validator) internal view returns (Lot lot) {
        lot = t.lots[validator];
        require(lot.countsIn(round), IRoundLedgerErrors.NotEnlisted(validator));
    }

    /// @dev Refuses a round in whose slot an older one isn't final: what validators did in that one must not be written over.
    function checkSlot(Task storage t, Clock c, uint32 round) internal view {
        if (!c.isPending(round % RING)) return;
        uint16 tag = t.rounds[round % RING].tag();
        require(tag == round, IRoundLedgerErrors.RoundOccupied(tag));
    }

    function markOf(Task storage t, uint32 round, address validator) internal view returns (uint256) {
        return Mark.inRound(t.marks[validator][round % RING], round);
    }

    /// @dev Whether the validator attested the root that won.
    function hasAttested(Task storage t, uint32 round, address validator, uint256 mark, Candidate won) internal view returns (bool) {
        if (!won.isOther()) return mark & Mark.ATTESTED != 0;
        return mark & Mark.OTHER != 0 && won.isFor(t.otherRoots[round][validator]);
    }

    /// @dev One of the round's submissions, all of which are shown.
    function entryOf(Task storage t, uint32 round, Entry[] calldata entries, uint16 index) internal view returns (Entry calldata) {
        bool complete = Running.isOf(t.accs[round % RING], round, entries);
        require(complete && index < entries.length, IRoundLedgerErrors.WrongEntries());
        return entries[index];
    }

    /// @dev True when no round of the task can pay any more, nor a share of one.
    function isOver(Task storage t, Clock c) internal view returns (bool) {
        if (c.lastRound() == 0) return true;
        if (c.start() == 0 || c.pending() != 0 || block.timestamp < c.challengeEnd(c.lastRound())) return false;
        return t.waits.count == 0;
    }

    /// @dev Submissions of a trainer in rounds that aren't final. Its counts are of the 16 rounds up to its newest.
    function openOf(Task storage t, Clock c, Trainer w) internal view returns (uint256 n) {
        for (uint256 slot; slot < RING; ++slot) {
            if (!c.isPending(slot)) continue;
            uint256 round = t.rounds[slot].tag();
            if (round <= w.newest() && round + RING > w.newest()) n += w.count(slot);
        }
    }

    /// @dev The lot, counting no longer than in the current round.
    function ended(Task storage t, uint256 task, Clock c, address account, Lot lot) internal returns (Lot) {
        uint32 until = c.current() + 1;
        t.line = t.line.minusLive(lot.size());
        if (lot.hasGenesis()) t.opening = t.opening.minusGenesis(lot.size());
        emit IRoundLedgerEvents.Left(task, account, VALIDATOR, until);
        return lot.withUntil(until);
    }

    /// @dev Notes a loss of `amount` wei, whole gwei and not more than it backs, on a lot; too much of it ends the lot.
    function cutLot(Task storage t, uint256 task, Clock c, address validator, uint256 amount) internal {
        Lot lot = t.lots[validator].plusCut(amount / 1 gwei);
        if (lot.until() == NEVER && lot.cut() * MOST_CUT > lot.size()) lot = ended(t, task, c, validator, lot);
        t.lots[validator] = lot;
    }

    /// @dev What a leaf is kept under: the check that it was judged by, and its number.
    function leafKey(uint8 check, uint16 leaf) internal pure returns (uint256) {
        return uint256(check) << 16 | leaf;
    }

    /// @dev A credit as the vault reads it.
    function credit(address account, uint256 amount) internal pure returns (uint256) {
        return uint256(uint160(account)) << 96 | amount;
    }
}
