// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeVault, Taking} from "../interfaces/IStakeVault.sol";
import {Entry, IRoundLedgerErrors, IRoundLedgerEvents} from "../interfaces/RoundLedgerTypes.sol";
import {Clock, Clocks} from "../libraries/Clock.sol";
import {Draw} from "../libraries/Draw.sol";
import {Mark} from "../libraries/Mark.sol";
import {Marks} from "../libraries/Marks.sol";
import {RING, Task} from "../libraries/State.sol";
import {Tasks} from "../libraries/Tasks.sol";
import {TypedData} from "../libraries/TypedData.sol";
import {Lot, Round} from "../libraries/Words.sol";

/// @title The ledger's logic that keeps validators looking: canaries, and what silence and a loose tongue cost.
/// @dev Linked into the round ledger and run in its storage. Docs are in IRoundLedger.
library Discipline {
    using Tasks for Task;

    uint8 internal constant STAYED_SILENT = 3;
    uint8 internal constant ABSENT = 4;
    uint8 internal constant EXPOSED = 5;

    function openCanary(
        Task storage t,
        uint256 task,
        uint32 round,
        Entry[] calldata entries,
        uint16 index,
        bytes32 salt,
        uint32 leaf,
        uint8 check
    ) external {
        Clock c = t.inRound(task, round);
        Clocks.within(c.votesEnd(round), c.votesEnd(round) + t.opening.attestTime());
        Round r = t.drawn(task, round);
        bytes32 mark = t.entryOf(round, entries, index).mark;
        require(mark == Marks.canary(salt, leaf, check), IRoundLedgerErrors.WrongMark(index));
        require((t.canaries[round] >> index) & 1 == 0, IRoundLedgerErrors.AlreadyOpened(index));

        t.canaries[round] |= 1 << index;
        uint256 rank = uint256(keccak256(abi.encode(r.seed(), salt))) >> 128;
        t.opened[round][index] = rank << 41 | uint256(leaf) << 9 | uint256(check) << 1 | 1;
        t.rounds[round % RING] = r.withCanary();
        emit IRoundLedgerEvents.CanaryOpened(task, round, index, salt, leaf, check);
    }

    function cutSilent(
        Task storage t,
        uint256 task,
        uint32 round,
        address validator,
        uint16 index,
        uint8 seat,
        address caller,
        address vault
    ) external {
        Clock c = t.inRound(task, round);
        Clocks.within(c.revealEnd(round), c.opens(round + RING)); // after that, marks may be those of another round
        Round r = t.drawn(task, round);
        Lot lot = t.lotOf(round, validator);
        uint256 mark = t.markOf(round, validator);
        require(mark & (Mark.REVEALED | Mark.CUT) == 0, IRoundLedgerErrors.NotSilent(validator));
        bool committed = Mark.isCommitted(mark);
        if (!committed) {
            require(index < r.submissions() && seat < c.seats(), IRoundLedgerErrors.MalformedVotes());
            uint256 point = Draw.seatPoint(r.seed(), index, seat, r.line());
            require(lot.holds(point), IRoundLedgerErrors.SeatNotDrawn(index, seat));
        }

        t.marks[validator][round % RING] = mark | Mark.CUT;
        uint256 amount = committed ? t.stakes.cut() / 4 : t.money.seatFee();
        _cut(t, task, c, round, validator, committed ? STAYED_SILENT : ABSENT, amount, caller, vault);
    }

    /// @param digest what the shown votes are committed to by
    function expose(Task storage t, uint256 task, uint32 round, address validator, bytes32 digest, address caller, address vault) external {
        Clock c = t.inRound(task, round);
        Clocks.within(c.sealAt(round), c.commitEnd(round));
        uint256 mark = t.markOf(round, validator);
        require(Mark.isCommitted(mark) && mark & Mark.CUT == 0, IRoundLedgerErrors.NotCommitted(validator));
        require(Mark.opensTo(mark, digest), IRoundLedgerErrors.WrongOpening(validator));

        t.marks[validator][round % RING] = mark | Mark.CUT;
        _cut(t, task, c, round, validator, EXPOSED, t.stakes.cut() / 4, caller, vault);
    }

    /// @dev Cuts a validator for the caller, who showed its fault: half is burned, half is the caller's.
    function _cut(
        Task storage t,
        uint256 task,
        Clock c,
        uint32 round,
        address validator,
        uint8 reason,
        uint256 amount,
        address caller,
        address vault
    ) private {
        uint256 most = t.lots[validator].backing() * 1 gwei;
        // slither-disable-next-line divide-before-multiply cuts are whole gwei: rounded down on purpose
        amount = amount < most ? amount / 1 gwei * 1 gwei : most;
        uint256 paid = amount / 2;
        t.cutLot(task, c, validator, amount);
        emit IRoundLedgerEvents.Cut(task, validator, round, Tasks.NO_INDEX, reason, amount - paid, paid);
        uint256[] memory credits = new uint256[](1);
        Taking[] memory takings = new Taking[](1);
        credits[0] = Tasks.credit(caller, paid);
        takings[0] = Taking(validator, uint96(amount - paid), uint96(paid));
        IStakeVault(vault).settle(credits, takings, 0);
    }
}
