"""From records: what a later checkpoint must take back or put in, and which shares wait for somebody to settle them.

Reads records, and the times of their blocks. Decides nothing: the rule is in `protocol.corrections`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from assay.protocol.corrections import Correction, Settled, correction
from assay.protocol.pay import PayTerms
from assay.protocol.shares import Aside, Good, Ruling, resolve
from assay.protocol.windows import Schedule
from assay.store.engine import Store
from assay.store.rows import AsideRow, CaseRow, TaskRow
from assay.store.settled import accepted
from assay.types import ClaimKind, Outcome
from assay.types import Ruling as Ruled

_TimeOf = Callable[[int], int]


def corrections(
    store: Store, task: TaskRow, schedule: Schedule, round_: int, base: int, time_of: _TimeOf
) -> tuple[Correction, ...]:
    """Return what enters the checkpoint of `round_` built on that of `base`, beside the round's own submissions."""
    since, until = schedule.votes_end(base) if base else None, schedule.votes_end(round_)
    final = {row.round for row in store.checkpoints(task.id) if row.final and 0 < row.round <= base}
    found = []
    for number in sorted(final):
        settled = _settled(store, task.id, number, time_of)
        if any(since is None or event.time >= since for event in settled):
            found.append(correction(number, accepted(store, task, number), settled, since, until))
    return tuple(one for one in found if one is not None)


def plain(revised: Iterable[Correction]) -> list[list[Any]]:
    """Return corrections as JSON, for a node's notes."""
    return [[one.round, list(one.before), list(one.after)] for one in revised]


def due(store: Store, task: TaskRow, schedule: Schedule, aside: AsideRow, time_of: _TimeOf) -> int | None:
    """Return the second from which a share that waits can be settled without its salt; None while a case is open."""
    cases = [case for case in store.cases(task.id, aside.round) if case.index == aside.index]
    if any(case.ruling is None for case in cases):
        return None
    since = max(time_of(block) for block in (aside.block, *(case.block for case in cases)))
    share = Aside.of(aside.json)
    backings = [task.terms["bond"]] * len(share.ballots)
    sheet = resolve(PayTerms.of(task.terms), share, backings, _ruling(cases), False)
    return since + schedule.challenge if sheet.outcomes == [Outcome.UNOPENED] else since


def _settled(store: Store, task: int, round_: int, time_of: _TimeOf) -> list[Settled]:
    """Return what each submission of a round turned out to be: what isn't paid as work isn't."""
    ended = store.round(task, round_)
    if ended is None:
        return []
    at = time_of(ended.block)
    waited = {row.index: row for row in store.asides(task, round_)}
    events = [
        Settled(index, at, outcome == Outcome.PAID)
        for index, outcome in enumerate(ended.outcomes)
        if index not in waited
    ]
    return events + [
        Settled(index, time_of(row.block), row.outcome == Outcome.PAID)
        for index, row in waited.items()
        if row.outcome is not None
    ]


def _ruling(cases: list[CaseRow]) -> Ruling:
    upheld = [case for case in cases if case.ruling == Ruled.UPHELD]
    bad = [case.challenger for case in upheld if case.claim == ClaimKind.BAD_LEAF]
    return Ruling(
        is_bad=bool(bad),
        bad_by=bad[0] if bad else Ruling().bad_by,
        goods=tuple(Good(c.check, c.leaf, c.challenger) for c in upheld if c.claim == ClaimKind.GOOD_LEAF),
    )
