"""What a heavy job may take of the machine: memory by the size of the task's model, time by the length of its rounds.

Knows nothing of jobs. A spec comes from a stranger: what it says of its size never allows more than the machine has.
"""

from __future__ import annotations

import os
from typing import Final

from assay.protocol.spec import TaskSpec

MEMORY: Final = 4 << 30
PER_BYTE: Final = 12
"""Bytes for each of the model's files: weights, gradient and two moments in float32 are eight times files in bfloat16;
copies while they are read and changed are half as much again."""
SECONDS: Final = 600.0


def memory_of(spec: TaskSpec | None) -> int:
    """Return the bytes that a job of a task may allocate."""
    if spec is None:
        return MEMORY
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(MEMORY, min(machine, MEMORY + PER_BYTE * spec.model.size_bytes))


def seconds_of(spec: TaskSpec | None) -> float:
    """Return the seconds that a job of a task may take: what outlasts a round's turn is of no use."""
    return SECONDS if spec is None else max(SECONDS, float(spec.rounds.period))
