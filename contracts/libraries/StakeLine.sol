// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRoundLedgerErrors} from "../interfaces/RoundLedgerTypes.sol";
import {Clock} from "./Clock.sol";
import {Hole, RING, Task} from "./State.sol";
import {Candidate, Candidates, Line, Lot, Lots, NEVER, Round} from "./Words.sol";

/// @dev The line on which validators' stake lies, and the weight that it gives a checkpoint. Lengths in gwei.
///
/// A lot that is left stays on the line as silent seats until it is released; then its stretch is cut off the end, or kept as a hole
/// that a later validator fills.
library StakeLine {
    /// @dev Lays a lot of `size` for rounds from `from` on: into the newest hole if it fits, else at the end.
    function place(Task storage t, address account, uint256 size, uint256 from) internal {
        Line line = t.line;
        uint256 lo = line.length();
        uint256 n = t.holes.length;
        // slither-disable-next-line uninitialized-local empty: nothing fits it
        Hole memory hole;
        if (n != 0) hole = t.holes[n - 1];
        if (hole.hi - hole.lo >= size) {
            lo = hole.lo;
            if (hole.hi - lo == size) t.holes.pop();
            else t.holes[n - 1].lo = uint64(lo + size);
        } else {
            require(lo + size < 1 << 63, IRoundLedgerErrors.LineFull());
            line = line.resized(lo + size, from);
        }
        t.line = line.plusLive(size);
        t.lots[account] = Lots.make(from, lo, lo + size);
    }

    /// @dev Takes a released lot off the line. No round that can still draw or count it is left.
    function vacate(Task storage t, address account, Lot lot, uint256 from) internal {
        t.lots[account] = Lot.wrap(0);
        Line line = t.line;
        if (lot.until() == NEVER) line = line.minusLive(lot.size());
        if (lot.hi() == line.length()) line = line.resized(lot.lo(), from);
        else t.holes.push(Hole({lo: uint64(lot.lo()), hi: uint64(lot.hi())}));
        t.line = line;
    }

    /// @dev Reverts while a round that the lot answers for isn't final.
    function checkFree(Task storage t, Clock c, Lot lot) internal view {
        uint256 last = lot.until() - 1;
        if (last > c.lastRound()) last = c.lastRound();
        if (last < lot.from()) return;
        uint256 end = c.challengeEnd(last);
        require(block.timestamp >= end, IRoundLedgerErrors.StillNeeded(end));
        if (c.pending() == 0) return;
        for (uint256 slot; slot < RING; ++slot) {
            Round r = t.rounds[slot];
            bool answers = r.tag() >= lot.from() && r.tag() <= last;
            require(!answers || r.isFinal(), IRoundLedgerErrors.NotFinal(r.tag()));
        }
    }

    /// @dev The line of a round: as its first submission found it, or, without any submission, as it is known now.
    function lineIn(Task storage t, uint256 round) internal view returns (uint256) {
        Round r = t.rounds[round % RING];
        return r.tag() == round ? r.line() : t.line.inRound(round);
    }

    /// @dev Adds an account's stake behind a root for checkpoint `round`. The first root attested is the candidate; who attests another one is
    /// noted apart, so that it is known whichever wins.
    function addWeight(Task storage t, uint256 round, bytes32 root, address account, uint256 size)
        internal
        returns (uint256 weight, bool isCandidate)
    {
        Candidate c = t.candidates[round % RING];
        if (c.tag() != round) c = Candidates.make(round, root);
        if (c.isFor(root)) {
            c = c.plusWeight(size);
            t.candidates[round % RING] = c;
            return (c.weight(), true);
        }
        bytes32 key = keccak256(abi.encode(round, root));
        weight = t.others[key] + size;
        t.others[key] = weight;
        t.otherRoots[round][account] = root;
    }
}
