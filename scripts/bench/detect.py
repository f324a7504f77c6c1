"""How often is cheating missed, and honest work refused: the attack bench.

    python scripts/bench/detect.py --quick --json          less than three minutes on two cores
    python scripts/bench/detect.py --out docs/benchmarks/detect-tiny.json
    python scripts/bench/detect.py --model smollm2 --out docs/benchmarks/detect-smollm2.json

Rollouts: submissions of 64 sequences, all of them drawn, under both shipped profiles of the model; all checks of
rollouts run, the worker's test of a trainer without a record included. On the tiny model every trial is fresh; the
thresholds were calibrated on other rollouts. On SmolLM2 a submission is drawn with replacement from pools that are made
once and kept (--cache); the thresholds come from one half of the honest pool, the refusals from the other.

Training (tiny model): one inner step of four is taken otherwise, that step is drawn and audited; the audit plan's
chance to draw false steps of eight stands beside, under `chances`.

A run that is cut goes on from --out. Figures: `missed` (attack → misses, trials, Wilson 95 % interval, what refused),
`false_refusals`, `honest_trials`, `proof_bytes_per_32_tokens`, and costs in CPU seconds of one thread:
`verify_over_prefill`, `verify_over_generate` by rows at once, `audit_over_generate` of a seat that draws one rollout in
eight, `audit_over_train` of one drawn step, hashing included (`hashing_over_train`).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # of two threads on a busy machine the one that waits would spin

from detection import smollm2, tiny

from assay.model import load


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("tiny", "smollm2"), default="tiny")
    parser.add_argument("--quick", action="store_true", help="few trials, at most 150 s")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--trials", type=int, default=300, help="of each attack")
    parser.add_argument("--honest", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=3 * 3600.0, help="stop after so long, with what there is")
    parser.add_argument("--cache", type=Path, default=Path("build/bench"))
    parser.add_argument("--calibrate", action="store_true", help="smollm2: write its shipped profiles anew before")
    parser.add_argument("--out", type=Path, help="also write the JSON here; go on from what is there")
    options = parser.parse_args()
    if options.quick:
        options.trials, options.honest, options.seconds = 20, 60, 130.0
    load.determinism(1)
    bench = {"tiny": tiny.run, "smollm2": smollm2.run}[options.model]
    found = bench(options, time.monotonic() + options.seconds)
    if options.json:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
    else:
        show(found)
    return 0


def show(found: dict[str, Any]) -> None:
    for name, told in found["false_refusals"].items():
        sys.stdout.write(
            f"{name}: {told['refused']} of {told['trials']} honest refused, at most {told['wilson'][1]:.2%}\n"
        )
        rows(found["missed"][name])
    if "training" in found:
        told = found["training"]["honest"]
        sys.stdout.write(f"training: {told['refused']} of {told['trials']} honest refused\n")
        rows(found["training"]["missed"])


def rows(missed: dict[str, Any]) -> None:
    for attack, row in missed.items():
        why = ", ".join(row["reasons"])
        sys.stdout.write(f"  {attack:<30}{row['missed']:>5} of {row['trials']:<6}{row['wilson'][1]:>8.2%}  {why}\n")


if __name__ == "__main__":
    sys.exit(main())
