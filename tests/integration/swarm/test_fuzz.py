"""The short form of `make fuzz` for the swarm: the same attacks on the same two processes."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "scripts"))

import fuzz_swarm

CASES = 120


def test_fuzz__hostile_requests_and_answers__nothing_breaks_strays_or_grows() -> None:
    told = fuzz_swarm.fuzz(CASES, seed=1)
    assert told.faults == []
    assert sum(told.outcomes.values()) == CASES
    assert told.outcomes["fetched"] and told.outcomes["refused"] and told.outcomes["unavailable"]
