"""A task's frozen terms as the records keep them, in the types that the rules take.

Knows nothing of rounds that happened.
"""

from __future__ import annotations

from typing import Final

from assay.errors import Broken
from assay.protocol.windows import Schedule
from assay.store.rows import TaskRow

FAR: Final = 2**62


def term(task: TaskRow, name: str) -> int:
    """Return a whole-number field of the task's on-chain terms, such as `seatFee`: wei, seconds or a count."""
    return int(task.terms[name])


def schedule_of(task: TaskRow) -> Schedule | None:
    """Return the task's round windows, or None while it hasn't started."""
    if task.start == 0:
        return None
    return Schedule(
        start=task.start,
        rounds=task.last_round,
        period=term(task, "period"),
        work=term(task, "work"),
        seal_delay=term(task, "sealDelay"),
        commit=term(task, "commitWindow"),
        reveal=term(task, "revealWindow"),
        extra=term(task, "extraWindow"),
        attest=term(task, "attestTime"),
        challenge=term(task, "challengeWindow"),
        staleness=term(task, "staleness"),
    )


def started(task: TaskRow) -> Schedule:
    """Return the round windows of a task that must have started. Raises Broken if it hasn't: it then has no rounds."""
    schedule = schedule_of(task)
    if schedule is None:
        raise Broken(f"task {task.id} has records of rounds, but none of its start")
    return schedule


def rounds_open(task: TaskRow, now: int) -> int:
    """Return the number of the newest round that has opened by `now`, at most the last; 0 before the first."""
    schedule = schedule_of(task)
    return 0 if schedule is None else min(schedule.round_at(now), task.last_round)
