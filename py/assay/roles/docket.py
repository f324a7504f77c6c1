"""From records to the cases that a node has to do with. Reads records; decides nothing."""

from __future__ import annotations

from assay.protocol import sortition
from assay.protocol.windows import Schedule
from assay.roles.deciding_cases import CaseView
from assay.roles.known import Known, key, lots, turn
from assay.store.engine import Store
from assay.store.rows import CaseRow
from assay.types import NO_INDEX, Stage


def case_views(store: Store, known: Known, task: int, schedule: Schedule, now: int) -> tuple[CaseView, ...]:
    """Return the open cases of a task."""
    return tuple(_view(store, known, case, schedule, now) for case in store.cases(task) if case.ruling is None)


def ends_of(case: CaseRow, schedule: Schedule) -> tuple[int, int, int, int, int]:
    """Return when the windows of a case end: draw, commitments, reveals, appeal, the vote on an appeal."""
    draw = case.opened_at + schedule.seal_delay
    jury = draw + schedule.commit
    ruled = jury + schedule.reveal
    appeal = ruled + schedule.challenge
    return draw, jury, ruled, appeal, appeal + schedule.commit


def stage_of(case: CaseRow, schedule: Schedule, now: int) -> Stage:
    """Return where an open case stands at second `now`."""
    ends = ends_of(case, schedule)
    stages = (Stage.DRAWING, Stage.COMMITTING, Stage.REVEALING, Stage.APPEALING, Stage.VOTING)
    for end, stage in zip(ends, stages, strict=True):
        if now < end and (stage is not Stage.VOTING or case.appellant is not None):
            return stage
    return Stage.READY


def _view(store: Store, known: Known, case: CaseRow, schedule: Schedule, now: int) -> CaseView:
    draw, jury, _, appeal, vote = ends_of(case, schedule)
    lot = lots(store, case.task).get(known.account)
    counts = lot is not None and lot.counts_in(case.round)
    seats = sortition.jury_seats_of(case.seed, case.line, lot) if lot and counts and case.seed else []
    found = store.note(case.task, case.round, f"case:{case.id}")
    ended = store.round(case.task, case.round) is not None or not store.submissions(case.task, case.round)
    return CaseView(
        id=case.id,
        round=case.round,
        stage=stage_of(case, schedule, now),
        draw_at=draw,
        jury_end=jury,
        vote_end=vote,
        close_at=vote if case.appellant is not None else appeal,
        is_summoned=case.seed is not None,
        seats=len(seats),
        in_line=counts,
        view=found.json["vote"] if found else None,
        is_mine=known.account in {case.challenger, case.appellant},
        is_ready=ended or case.index != NO_INDEX,
        is_judging=key(case.task, case.round, f"judge:{case.id}") in known.jobs,
        done=_done(store, known, case),
        turn=turn(store, known, case.task, case.round),
    )


def _done(store: Store, known: Known, case: CaseRow) -> frozenset[str]:
    names = ("summon", "ballot", "open", "appeal-vote", "close")
    done = {what for what in names if known.sent(key(case.task, case.round, f"{what}:{case.id}"))}
    for row in store.jurors(case.id):
        if row.juror == known.account:
            done |= {"ballot", "open"} if row.vote is not None else {"ballot"}
    if any(row.account == known.account for row in store.appeal_votes(case.id)):
        done.add("appeal-vote")
    return frozenset(done)
