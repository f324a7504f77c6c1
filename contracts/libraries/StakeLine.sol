// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRoundLedgerErrors} from "../interfaces/IRoundLedger.sol";
import {Candidate, Clock, Hole, Line, Lot, NEVER, RING, Round, Task} from "./State.sol";
import {Windows} from "./Windows.sol";

/// @dev The line on which validators' stake lies, and the weight that it gives a checkpoint. Lengths in gwei.
///
/// A lot that is left stays on the line as silent seats until it is released; then its stretch is cut off the end, or kept as a hole
/// that the next validator fills.
library StakeLine {
    /// @dev Lays a lot of `size` for rounds from `from` on: into the newest hole if it fits, else at the end.
    function place(
        Task storage t,
        address account,
        uint64 size,
        uint32 from
    ) internal {
        uint64 lo = t.line.length;
        uint256 n = t.holes.length;
        if (n != 0 && t.holes[n - 1].hi - t.holes[n - 1].lo >= size) {
            Hole storage hole = t.holes[n - 1];
            lo = hole.lo;
            hole.lo = lo + size;
            if (hole.lo == hole.hi) t.holes.pop();
        } else {
            require(uint256(lo) + size <= type(uint64).max, IRoundLedgerErrors.LineFull());
            _resize(t.line, lo + size, from);
        }
        t.line.live += size;
        t.lots[account] = Lot({from: from, until: NEVER, lo: lo, hi: lo + size, genesis: false});
    }

    /// @dev Takes a released lot off the line. No round that can still draw or count it is left.
    function vacate(
        Task storage t,
        address account,
        Lot memory lot,
        uint32 from
    ) internal {
        delete t.lots[account];
        if (lot.until == NEVER) t.line.live -= lot.hi - lot.lo;
        if (lot.hi == t.line.length) _resize(t.line, lot.lo, from);
        else t.holes.push(Hole({lo: lot.lo, hi: lot.hi}));
    }

    /// @dev Reverts while a round that the lot answers for is open.
    function checkFree(
        Task storage t,
        Clock memory c,
        Lot memory lot
    ) internal view {
        uint256 last = lot.until - 1;
        if (last > c.lastRound) last = c.lastRound;
        if (last < lot.from) return;
        uint256 end = Windows.challengeEnd(c, last);
        require(block.timestamp >= end, IRoundLedgerErrors.StillNeeded(end));
        if (c.pending == 0) return;
        for (uint256 slot; slot < RING; ++slot) {
            Round memory r = t.rounds[slot];
            bool answered = r.tag >= lot.from && r.tag <= last;
            require(!answered || r.isFinal, IRoundLedgerErrors.NotFinal(r.tag));
        }
    }

    /// @dev The line that a round which is open now draws from.
    function lineNow(
        Task storage t,
        uint256 round
    ) internal view returns (uint64) {
        Line memory l = t.line;
        return round >= l.changedAt ? l.length : l.previous;
    }

    /// @dev The line of a round: as its first submission found it, or, without any submission, as it is known now.
    function lineIn(
        Task storage t,
        uint256 round
    ) internal view returns (uint64) {
        Round memory r = t.rounds[round % RING];
        return r.tag == round ? r.line : lineNow(t, round);
    }

    /// @dev Adds stake behind a root for checkpoint `round`. The first root attested is the candidate.
    function addWeight(
        Task storage t,
        uint32 round,
        bytes32 root,
        uint64 size
    ) internal returns (uint256 weight, bool isCandidate) {
        Candidate memory c = t.candidates[round % RING];
        if (c.tag != round) c = Candidate({root: bytes20(root), tag: uint16(round), weight: 0, won: false});
        isCandidate = c.root == bytes20(root);
        if (isCandidate) {
            c.weight += size;
            t.candidates[round % RING] = c;
            return (c.weight, true);
        }
        bytes32 key = keccak256(abi.encode(round, root));
        weight = t.others[key] + size;
        t.others[key] = weight;
    }

    function _resize(
        Line storage line,
        uint64 length,
        uint32 from
    ) private {
        if (line.changedAt != from) (line.previous, line.changedAt) = (line.length, from);
        line.length = length;
    }
}
