"""What the draw asks of validators in one round: own seats, seats of the extra draw, who stayed silent.

Reads records; decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from assay.protocol import sortition
from assay.protocol.sortition import Lot
from assay.protocol.spec import TaskSpec
from assay.protocol.votes import unpack
from assay.roles.known import Known, lots
from assay.store.engine import Store
from assay.store.rows import SealRow, TaskRow
from assay.types import CutReason

_OF_SILENCE = frozenset({CutReason.SILENT, CutReason.ABSENT, CutReason.EXPOSED})
_Drawn = Callable[[bytes, int, int, int, Lot], list[int]]


def seats_of(store: Store, known: Known, task: TaskRow, spec: TaskSpec, round_: int) -> dict[int, int]:
    """Return this validator's drawn seats of a sealed round: submission index → bit mask of seats."""
    return _mine(store, known, task, spec, round_, sortition.seats_of)


def extra_seats_of(store: Store, known: Known, task: TaskRow, spec: TaskSpec, round_: int) -> dict[int, int]:
    """Return this validator's seats of the extra draw, on submissions for which too few spoke. The reveals are over."""
    drawn = _mine(store, known, task, spec, round_, sortition.extra_seats_of)
    needed = short_of(store, task.id, round_, spec.money.seats) if drawn else frozenset()
    return {index: mask for index, mask in drawn.items() if index in needed}


def short_of(store: Store, task: int, round_: int, seats: int) -> frozenset[int]:
    """Return the submissions on which less than a quorum of seats spoke, or less than two validators."""
    spoken: dict[int, list[int]] = {row.index: [] for row in store.submissions(task, round_)}
    for row in store.votes(task, round_):
        for vote in unpack(row.votes):
            spoken[vote.index].append(vote.seats.bit_count())
    needed = sortition.quorum(seats)
    return frozenset(index for index, counts in spoken.items() if sum(counts) < needed or len(counts) < 2)


def silent_of(
    store: Store, known: Known, task: TaskRow, spec: TaskSpec, round_: int
) -> tuple[tuple[str, int, int], ...]:
    """Return (validator, submission, seat) of each other validator whose drawn seat didn't speak, and that wasn't cut
    for it; nobody where showing it earns nothing. The reveals are over.
    """
    seal = store.seal(task.id, round_)
    if seal is None:
        return ()
    spoke = {row.validator for row in store.votes(task.id, round_)}
    cuts = (row for row in store.cuts(task=task.id) if row.round == round_)
    spoke |= {row.validator for row in cuts if row.reason in _OF_SILENCE}
    committed = {row.validator for row in store.commits(task.id, round_)}
    found = []
    for account, lot in sorted(lots(store, task.id).items()):
        if account == known.account or account in spoke or not lot.counts_in(round_):
            continue
        seat = _a_seat(store, task, spec, seal, lot)
        if account in committed and task.terms["cut"]:
            found.append((account, 0, 0))
        elif account not in committed and seat is not None and task.terms["seatFee"]:
            found.append((account, *seat))
    return tuple(found)


def _a_seat(store: Store, task: TaskRow, spec: TaskSpec, seal: SealRow, lot: Lot) -> tuple[int, int] | None:
    for row in store.submissions(task.id, seal.round):
        for seat in sortition.seats_of(seal.seed, row.index, spec.money.seats, seal.line, lot):
            return row.index, seat
    return None


def _mine(store: Store, known: Known, task: TaskRow, spec: TaskSpec, round_: int, drawn: _Drawn) -> dict[int, int]:
    seal, lot = store.seal(task.id, round_), lots(store, task.id).get(known.account)
    if seal is None or lot is None or not lot.counts_in(round_):
        return {}
    seats = {
        row.index: sum(1 << seat for seat in drawn(seal.seed, row.index, spec.money.seats, seal.line, lot))
        for row in store.submissions(task.id, round_)
    }
    return {index: mask for index, mask in seats.items() if mask}
