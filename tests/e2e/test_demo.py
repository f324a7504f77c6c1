"""The whole loop in processes on Anvil: the demo itself, two rounds of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "scripts" / "demo.py"


def _left_over() -> list[str]:
    """Command lines of processes that the demo started and that still run."""
    lines = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if "build/demo/home" in line or ("assay.artifact.forkserver" in line and process.ppid() == 1):
            lines.append(line)
    return lines


@pytest.mark.e2e
@pytest.mark.timeout(280)
def test_demo__two_rounds_with_a_cheat_in_the_second__every_claim_holds_and_nothing_is_left() -> None:
    options = [
        "--json",
        "--rounds",
        "2",
        "--fault",
        "reward",
        "--fault-from",
        "2",
        "--min-gain",
        "-1",
        "--patience",
        "10",
    ]

    done = subprocess.run(
        [sys.executable, str(DEMO), *options], capture_output=True, text=True, check=False, timeout=270
    )

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["ok"] and result["failures"] == []
    assert (result["cheats"], result["cheats_met"], result["honest_refused"]) == (1, 1, 0)
    assert len(result["rewards"]) == 3
    assert [row["accepted"] for row in result["rows"]] == [None, 3, 2]
    assert "trainer-3: reward, leaf" in result["rows"][2]["refused"][0]
    ledger = {name: int(wei) for name, wei in result["ledger"].items()}
    assert ledger["funded"] == ledger["paid_from_escrow"] + ledger["refunded"]
    assert ledger["difference"] == 0 and ledger["burned"] > 0
    assert sum(one["earned"] for one in result["payouts"]) == ledger["paid_from_escrow"] + ledger["paid_from_stakes"]
    assert all(one["claimed"] == one["earned"] for one in result["payouts"])
    assert _left_over() == []
