"""What every part of the fold needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assay.errors import Broken
from assay.store import Batch
from assay.store.rows import EventRow, TaskRow

GWEI = 10**9

Arguments = dict[str, Any]
Step = Callable[[Batch, EventRow, Arguments], None]


def raw(text: str) -> bytes:
    """Return the bytes of 0x-hex text."""
    return bytes.fromhex(text.removeprefix("0x"))


def task_of(event: EventRow) -> int:
    """Return the task that an event belongs to."""
    if event.task is None:
        raise Broken(f"The event {event.name} of block {event.block} belongs to no task.")
    return event.task


def change_task(batch: Batch, event: EventRow, **values: Any) -> None:
    batch.change(TaskRow, {"id": task_of(event)}, block=event.block, **values)
