"""The gas benchmark, small: it runs, adds up, and falls with size."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[3]


def test_gas__json__adds_up_and_falls_with_size() -> None:
    command = [sys.executable, "scripts/bench/gas.py", "--json", "--cases", "8,32", "--warm-up", "3", "--rounds", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    whole = json.loads(done.stdout)
    for key in ("_8", ""):
        one = whole["cases"][key]
        parts = sum(one["split_per_paid_submission"].values())
        assert abs(parts - one["gas_per_paid_submission"]) <= len(one["split_per_paid_submission"])
        assert one["paid_per_round"] > 0
    assert 21_000 < whole["gas_per_paid_submission"] < whole["gas_per_paid_submission_8"]


def test_gas__anvil_refuses_an_option__says_so_and_exits_three() -> None:
    command = [sys.executable, "scripts/bench/gas.py", "--cases", "8", "--anvil=--no-such-option"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert "Anvil ended" in done.stderr
