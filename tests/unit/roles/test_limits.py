"""A job's limits follow the task: more memory for a larger model, more time for longer rounds."""

from __future__ import annotations

import os
from dataclasses import replace

from assay.protocol.spec import TaskSpec
from assay.roles.limits import MEMORY, PER_BYTE, SECONDS, memory_of, seconds_of
from unit.protocol.example import example


def of(size: int = 0, period: int = 30) -> TaskSpec:
    plain = example()
    return replace(plain, model=replace(plain.model, size_bytes=size), rounds=replace(plain.rounds, period=period))


def test_memory__larger_model__is_more_up_to_what_the_machine_has() -> None:
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert memory_of(None) == memory_of(of()) == MEMORY
    assert memory_of(of(1 << 20)) == MEMORY + PER_BYTE * (1 << 20) or machine < 2 * MEMORY
    assert memory_of(of(1 << 50)) == max(MEMORY, machine)


def test_seconds__longer_rounds__are_more() -> None:
    assert seconds_of(None) == seconds_of(of()) == SECONDS
    assert seconds_of(of(period=7200)) == 7200.0
