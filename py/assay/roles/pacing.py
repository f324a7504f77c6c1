"""A trainer's speed in a task, from what it noted of its rounds so far.

Reads the records only. Doesn't foresee anything: a machine is taken to be as fast as it was.
"""

from __future__ import annotations

from assay.protocol.pace import Pace
from assay.store.engine import Store


def paces(store: Store, task: int) -> tuple[Pace, Pace]:
    """Return the newest measured pace and the fastest one."""
    rollouts = [
        note.json["seconds"] / note.json["groups"] for note in store.notes(task, "rolled") if note.json["groups"]
    ]
    trained = [note.json for note in store.notes(task, "trained") if note.json["training"] is not None]
    training = [made["training"] / made["groups"] for made in trained]
    newest = Pace(rollouts[-1] if rollouts else None, training[-1] if training else None)
    return newest, Pace(min(rollouts, default=None), min(training, default=None))
