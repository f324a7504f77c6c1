"""The fold of contract events into rows. Pure in the events: the same events in the same order give the same rows.

Knows no chain: an event's arguments come as stored, bytes as 0x-hex text.
"""

from __future__ import annotations

from assay.chain.fold import accounts, disputes, rounds, settlements, tasks
from assay.chain.fold.disputes import task_of_case
from assay.store import Batch
from assay.store.rows import EventRow

__all__ = ["fold", "task_of_case"]

_STEPS = {**tasks.STEPS, **rounds.STEPS, **settlements.STEPS, **disputes.STEPS, **accounts.STEPS}


def fold(batch: Batch, event: EventRow) -> None:
    """Apply one event; `task_of_case` must have named the task of an event that only names a case.

    An event without a place in the records (Committed to nothing, RoundPaid twice) can't occur: `Broken`.
    """
    step = _STEPS.get(event.name)
    if step is not None:
        step(batch, event, event.args)
