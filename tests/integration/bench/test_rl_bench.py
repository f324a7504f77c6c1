"""The bench of asynchronous training, small: it runs, counts, and says what it found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[3]


def bench(part: str) -> dict[str, Any]:
    command = [sys.executable, "scripts/bench/rl.py", "--quick", "--json", "--part", part]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_goodput__three_cheats_of_ten__are_refused_and_cost_nothing() -> None:
    found = bench("goodput")

    assert found["goodput_ratio"] == 1.0
    told = found["goodput"]
    assert told["honest"] == told["honest_only"] == {"accepted": 7}
    assert sum(told["cheats"].values()) == 3 and not any("accepted" in ending for ending in told["cheats"])


def test_slow__a_quarter_as_fast__hands_in_a_quarter_that_passes_the_checks() -> None:
    found = bench("slow")

    assert found["slow"]["groups_of_the_slow"] * 4 == found["slow"]["setting"]["groups"]
    assert found["slow"]["submissions"] == {"accepted": 12}
    assert abs(found["slow_units_ratio"] - 1) < 0.1
