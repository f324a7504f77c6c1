"""The resume bench, small: what is killed at two random moments comes out to the bit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[3]


def test_rl_resume__two_points__both_are_bit_identical() -> None:
    command = [sys.executable, "scripts/bench/rl_resume.py", "--json", "--points", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=True)
    found = json.loads(done.stdout)
    assert (found["resume_bit_identical"], found["points"], found["kills"]) == (2, 2, 4)
