"""The whole loop in processes on Anvil: the demo itself, four rounds of it with all its stories."""

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
def test_demo__a_cheat_a_wrong_refusal_and_a_lazy_validator__every_claim_holds_and_nothing_is_left() -> None:
    options = [
        "--json",
        "--rounds",
        "4",
        "--fault",
        "reward",
        "--fault-from",
        "1",
        "--min-gain",
        "-1",
        "--patience",
        "3",
    ]

    done = subprocess.run(
        [sys.executable, str(DEMO), *options], capture_output=True, text=True, check=False, timeout=270
    )

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["ok"] and result["failures"] == []
    assert (result["cheats"], result["cheats_met"], result["honest_refused"]) == (1, 1, 0)
    assert len(result["rewards"]) == 5
    accepted = [row["accepted"] for row in result["rows"]]
    assert accepted[:2] == [None, 2] and accepted[3:] == [1, 1]
    assert "trainer-3: reward, leaf" in result["rows"][1]["refused"][0]
    assert all("trainer-2: canary" in " ".join(row["refused"]) for row in result["rows"][3:])
    stories, payouts = result["stories"], {one["account"]: one for one in result["payouts"]}
    assert (stories["canaries"], stories["challenges_won"]) == ("2", "1")
    assert payouts["validator-4"]["lost"] >= int(stories["lazy_cut"]) > 0
    assert payouts[stories["challenged"]]["court"] == int(stories["reward"]) > 0 < int(stories["paid"])
    ledger = {name: int(wei) for name, wei in result["ledger"].items()}
    assert ledger["funded"] == ledger["paid_from_escrow"] + ledger["refunded"]
    assert ledger["difference"] == 0 and ledger["burned"] > 0
    earned = sum(one["earned"] for one in result["payouts"]) + int(stories["reward"])
    assert earned == ledger["paid_from_escrow"] + ledger["paid_from_stakes"]
    assert all(one["claimed"] == one["earned"] + one["court"] for one in result["payouts"])
    assert _left_over() == []
