"""Asynchronous post-training in figures: the bench of issue 5, all in this process and on CPU.

    python scripts/bench/rl.py --json                        everything
    python scripts/bench/rl.py --quick                       a few rounds: it runs, the figures mean nothing
    python scripts/bench/rl.py --part staleness --part slow

`reward_by_staleness`, `slow_*` and `goodput_ratio` are simulations with the real code (`rl_rounds`): rollouts, proofs,
inner steps, codec, checks and merge; only the chain and the clock are virtual. The others measure a part by itself.
Finished runs lie in build/bench/rl.jsonl and aren't made again while settings and code are the same.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # of two threads on a busy machine the one that waits would spin

import parts

from assay.model import load

SIMULATIONS = ("staleness", "slow", "goodput")
PARTS = (*SIMULATIONS, "generate", "resume", "memory")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="little of everything, at most a few minutes")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this; may be given again")
    parser.add_argument("--seeds", type=int, help="of the simulations, where not all are wanted")
    parser.add_argument("--out", type=Path, help="also write the JSON here; other parts' figures in it stay")
    options = parser.parse_args()
    load.determinism(1)
    fewer = {part: {"seeds": options.seeds} for part in SIMULATIONS} if options.seeds else {}
    found = parts.measured("rl", options.part or PARTS, options.quick, options.out, **fewer)
    if options.json:
        print(json.dumps(found))
    else:
        show(found)
    return 0


def show(found: dict[str, Any]) -> None:
    """Print one figure a line, and a table of rewards by staleness."""
    for name, value in found.items():
        if name == "reward_by_staleness":
            _by_staleness(value)
        elif not isinstance(value, dict):
            print(f"{name:24} {value:.4f}" if isinstance(value, float) else f"{name:24} {value}")
    if "goodput" in found:
        told = found["goodput"]
        print(f"submissions of the honest {told['honest']}, of cheats {told['cheats']}")


def _by_staleness(told: dict[str, Any]) -> None:
    print(f"held-out greedy reward by staleness, {told['seeds']} seeds, base {told['base_reward']:.3f}")
    for s, row in told["of"].items():
        line = f"  {s:>2}  {row['mean']:.3f} ± {row['sd']:.3f}"
        if "ratio" in row:
            between = row["difference"]["interval"]
            low_high = f" [{between[0]:+.3f}, {between[1]:+.3f}]" if between else ""
            holds = "holds" if row["holds"] else "missed"
            line += f"   {row['ratio']:.3f} ×   {row['difference']['mean']:+.3f}{low_high}"
            line += f"   gain {row['gain_ratio']:.2f} ×   {holds}"
        print(line)


if __name__ == "__main__":
    sys.exit(main())
