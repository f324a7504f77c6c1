"""The attack bench, small: one trial of everything runs, counts, and goes on from its file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[3]
MAY_PASS = {"int8", "int8_one_layer", "noise_1e-3"}
"""What one submission in bf16 may hide; the bench says how often."""


def bench(room: Path, trials: int) -> dict[str, Any]:
    command = [
        sys.executable, "scripts/bench/detect.py", "--json", "--trials", str(trials), "--honest", str(trials),
        "--cache", str(room), "--out", str(room / "out.json"),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found == json.loads((room / "out.json").read_text())
    return found


def test_detect__one_trial_of_everything__is_refused_but_for_honest_work_and_goes_on(tmp_path: Path) -> None:
    found = bench(tmp_path, 1)

    assert {name: row["refused"] for name, row in found["false_refusals"].items()} == {"float32": 0, "bf16": 0}
    assert found["training"]["honest"]["refused"] == 0
    missed = {(name, attack) for name, rows in found["missed"].items() for attack, row in rows.items() if row["missed"]}
    assert missed <= {("bf16", name) for name in MAY_PASS}
    assert len(found["missed"]["float32"]) == 28 and len(found["training"]["missed"]) == 13
    assert not any(row["missed"] for row in found["training"]["missed"].values())
    assert found["audit_over_train"] > found["hashing_over_train"] > 0
    again = bench(tmp_path, 2)
    assert {row["trials"] for row in again["missed"]["bf16"].values()} == {2}
