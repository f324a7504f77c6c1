"""Simulate a task's rounds without a chain: does the reward rise, and what does it cost?

    python scripts/bench/learning.py [--runs 10] [--rounds 6] [--json]

Each run has another beacon. Round 1 has three trainers, later rounds two. Every trainer's work is the product's own:
train_submission (rollouts, proofs, inner steps, artifact), then int8 updates read back and merged exactly. Times are
CPU seconds on one thread. Greedy reward on 512 held-out items. It doesn't check submissions and pays nobody.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from assay.artifact import rollouts, update, weights
from assay.artifact.weights import Checkpoint
from assay.model import load
from assay.model.env import registry
from assay.model.steps import inner_steps
from assay.protocol import codec, merge, templates
from assay.protocol.spec import TaskSpec
from assay.train.base import make_base
from assay.train.evaluate import evaluate
from assay.train.export import train_submission

LEDGER = "0x" + "00" * 19 + "01"
ITEMS = 512


def task(base: bytes) -> TaskSpec:
    """Return the built-in digits task for a base."""
    environment = templates.blank("digits").environment
    return templates.fill("digits", base, registry.environment_hash(environment.name, environment.options))


def simulate(room: Path, task_spec: TaskSpec, run: int, rounds: int) -> dict[str, list[float]]:
    """Run all rounds from the base in `room`; return rewards by checkpoint (base first) and seconds by submission."""
    head, seconds, norms = room / "base", [], []
    rewards = [evaluate(head, task_spec, ITEMS).reward]
    for number in range(1, rounds + 1):
        beacon = hashlib.sha256(f"learning {run} {number}".encode()).digest()
        parts = []
        for trainer in range(3 if number == 1 else 2):
            bound = {
                "chain_id": 31337,
                "ledger": LEDGER,
                "task": 1,
                "round": number,
                "trainer": f"0x{trainer + 1:040x}",
                "n": 0,
                "base": number - 1,
                "first_group": 0,
            }
            started = time.process_time()
            made = train_submission(head, task_spec, bound, beacon, room / "submission")
            seconds.append(time.process_time() - started)
            part, norm = read_part(room / "submission", head, task_spec, made.units)
            parts.append(part)
            norms.append(norm)
        head = merged(head, parts, task_spec, room / f"run{run}-{number}")
        rewards.append(evaluate(head, task_spec, ITEMS).reward)
    return {"rewards": rewards, "seconds": seconds, "norms": norms}


def read_part(folder: Path, head: Path, task_spec: TaskSpec, units: int) -> tuple[merge.Part, float]:
    size = weights.read_checkpoint(head, task_spec.rounds.max_artifact_bytes).n_params
    found = update.read(folder / update.NAME, size)
    return merge.Part(found.q, found.scale, units), float(np.linalg.norm(codec.dequantise(found.q, found.scale)))


def merged(head: Path, parts: list[merge.Part], task_spec: TaskSpec, out: Path) -> Path:
    base = weights.read_checkpoint(head, task_spec.rounds.max_artifact_bytes)
    outer = task_spec.outer
    theta, momentum = merge.merge(
        weights.flatten(base.arrays), base.momentum, parts, outer.lr_4096, outer.momentum_4096
    )
    weights.write_checkpoint(out, Checkpoint(weights.unflatten(theta, base.arrays), momentum, base.config))
    return out


def replay_seconds(room: Path, task_spec: TaskSpec) -> float:
    """Return the seconds that a validator needs to take the last submission's inner steps again."""
    base = weights.read_checkpoint(room / "base", task_spec.rounds.max_artifact_bytes)
    made = rollouts.read(room / "submission" / rollouts.NAME, task_spec)
    model = load.build(base.config, base.arrays)
    started = time.process_time()
    list(inner_steps(model, made, task_spec))
    return time.process_time() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args()
    load.determinism(1)
    with tempfile.TemporaryDirectory() as folder, torch.random.fork_rng(devices=[]):
        room = Path(folder)
        task_spec = task(make_base("digits", {"digits": 6}, room / "base").root())
        runs = []
        for run in range(options.runs):
            runs.append(simulate(room, task_spec, run, options.rounds))
            if not options.json:
                line = " ".join(f"{reward:.3f}" for reward in runs[-1]["rewards"])
                print(f"run {run:2}  {line}  gain {runs[-1]['rewards'][-1] - runs[-1]['rewards'][0]:+.3f}", flush=True)
        result = summary(runs, replay_seconds(room, task_spec))
    if options.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:24} {value:.3f}")
    return 0 if result["least_gain"] >= 0.08 and 0.6 <= result["base_reward"] <= 0.8 else 1


def summary(runs: list[dict[str, list[float]]], replay: float) -> dict[str, float]:
    gains = [run["rewards"][-1] - run["rewards"][0] for run in runs]
    seconds = sorted(value for run in runs for value in run["seconds"])
    return {
        "runs": len(runs),
        "base_reward": runs[0]["rewards"][0],
        "mean_reward": float(np.mean([run["rewards"][-1] for run in runs])),
        "least_gain": min(gains),
        "mean_gain": float(np.mean(gains)),
        "runs_above_0_08": sum(gain >= 0.08 for gain in gains),
        "submission_seconds": seconds[len(seconds) // 2],
        "submission_seconds_max": seconds[-1],
        "replay_seconds": replay,
        "update_norm_max": max(value for run in runs for value in run["norms"]),
    }


if __name__ == "__main__":
    sys.exit(main())
