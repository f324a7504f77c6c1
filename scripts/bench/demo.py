#!/usr/bin/env python3
"""Run the demo many times and say in how many runs every claim held, how far the reward rose, and how long it took.

Each run has other beacons, so other prompts and noise. Runs one after another: a demo needs both cores.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FAULTS = ("model", "tokens", "reward", "prompts", "update", "silent")


def main() -> int:
    """Run, show, and return 0 only if every run held."""
    args = _arguments()
    runs = []
    for number in range(args.runs):
        fault = FAULTS[number % len(FAULTS)] if args.fault == "all" else args.fault
        run = _run(fault)
        runs.append(run)
        if not args.json:
            _show(number + 1, run)
    summary = _summary(runs)
    print(json.dumps({**summary, "each": runs}) if args.json else _sentence(summary))
    return 0 if summary["ok"] == summary["runs"] else 1


def _run(fault: str) -> dict[str, Any]:
    began = time.monotonic()
    command = [sys.executable, str(ROOT / "scripts/demo.py"), "--json", "--fault", fault]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    try:
        result = json.loads(done.stdout)
    except ValueError:
        return {
            "ok": False,
            "fault": fault,
            "seconds": seconds,
            "failures": [done.stderr.strip()[-2000:]],
            "rewards": [],
        }
    kept = ("ok", "fault", "failures", "rewards", "cheats", "cheats_met", "barred_rounds", "honest_refused")
    return {**{name: result[name] for name in kept}, "seconds": seconds, "exit_code": done.returncode}


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    gains = [run["rewards"][-1] - run["rewards"][0] for run in runs if run["rewards"]]
    return {
        "runs": len(runs),
        "ok": sum(bool(run["ok"]) for run in runs),
        "gain_min": min(gains, default=None),
        "gain_mean": sum(gains) / len(gains) if gains else None,
        "seconds_max": max(run["seconds"] for run in runs),
        "seconds_mean": sum(run["seconds"] for run in runs) / len(runs),
    }


def _show(number: int, run: dict[str, Any]) -> None:
    gain = f"{run['rewards'][-1] - run['rewards'][0]:+.3f}" if run["rewards"] else "-"
    word = "ok" if run["ok"] else "NOT OK: " + "; ".join(run["failures"])
    print(f"{number:>3}  {run['fault']:<8} reward {gain}  {run['seconds']:5.0f} s  {word}", flush=True)


def _sentence(summary: dict[str, Any]) -> str:
    gain = (
        f"{summary['gain_min']:+.3f} at least, {summary['gain_mean']:+.3f} on average" if summary["gain_mean"] else "-"
    )
    return (
        f"{summary['ok']} of {summary['runs']} runs held every claim · reward {gain} · "
        f"{summary['seconds_mean']:.0f} s on average, {summary['seconds_max']:.0f} s at most"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], epilog="example: scripts/bench/demo.py --runs 10"
    )
    parser.add_argument("--runs", type=int, default=10, help="how many (default: 10)")
    parser.add_argument(
        "--fault", choices=(*FAULTS, "all"), default="model", help="how the cheater cheats; all: in turn"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
