"""What the records say of this validator's own evidence: what is to be shown, what can go. Reads; does nothing."""

from __future__ import annotations

from typing import Final

from assay.protocol.windows import Schedule
from assay.store.engine import Store

NOTE: Final = "evidence"
"""The note of what is kept of a round: `shown` are [name, artifact] pairs, `served` once those of its votes are among
them, `gone` once it is deleted."""


def is_hidden(store: Store, task: int, round_: int) -> bool:
    """Tell whether there is evidence of a round that isn't served yet."""
    note = store.note(task, round_, NOTE)
    return note is not None and not note.json["gone"] and not note.json["served"]


def stale(store: Store, task: int, schedule: Schedule | None, now: int) -> tuple[int, ...]:
    """Return the rounds whose evidence nobody may still ask for: the challenge window is over, no case is open."""
    if schedule is None:
        return ()
    kept = [note.round for note in store.notes(task, NOTE) if not note.json["gone"]]
    disputed = {case.round for case in store.cases(task) if case.ruling is None} if kept else set()
    return tuple(round_ for round_ in kept if now >= schedule.challenge_end(round_) and round_ not in disputed)
