"""Ten thousand hostile requests and answers: the share withstood, and how memory grew (`scripts/fuzz_swarm.py`)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import fuzz_swarm

CASES = 10_000


def measure(quick: bool) -> dict[str, Any]:
    """Return the share of cases without a fault; anything but 1.0 is a fault."""
    told = fuzz_swarm.fuzz(200 if quick else CASES).to_json()
    bad = len({number for number, _ in told["faults"]})
    return {"refused": 1 - bad / told["cases"], "fuzz": told}
