"""How often is cheating missed, and honest work refused: the attack bench, on the tiny model with fresh trials.

    python scripts/bench/detect.py --quick --json          about two minutes on two cores
    python scripts/bench/detect.py --trials 300 --honest 1000 --out docs/benchmarks/detect-tiny.json

Thresholds are the shipped profiles', calibrated on other rollouts than any trial's. Every submission has 64 sequences,
all of them drawn. Figures: missed (attack → [misses, trials, Wilson 95 % upper bound]) and refusals of honest work by
profile; costs in seconds of one thread. SmolLM2's pools and training attacks aren't run here yet.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
from detection.workers import ATTACKS, honest
from detection.world import GROUPS, SIZE, Trial, World, shipped_at

from assay.model import forward, load
from assay.protocol import toploc

PROFILES = ("float32", "bf16")
WAYS = ((2048, 1, "sdpa"), (8, 1, "sdpa"), (32, 2, "sdpa"), (2048, 1, "eager"), (64, 2, "eager"))


def wilson(bad: int, n: int, z: float = 1.96) -> list[float]:
    """Return the 95 % Wilson interval of a share."""
    if not n:
        return [0.0, 1.0]
    p, d = bad / n, 1 + z * z / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return [round(max(0.0, (middle - half) / d), 6), round((middle + half) / d, 6)]


def trial(number: int, index: int) -> Trial:
    rng = np.random.Generator(np.random.PCG64([20_261_124, number]))
    return Trial(rng.bytes(32), rng.bytes(16), rng, index)


def honest_trials(world: World, index: int, count: int, until: float) -> dict[str, Any]:
    """Vary batch, threads and attention on both sides; the float type is the profile's."""
    models = {attention: world.computed(attention, index) for attention in ("sdpa", "eager")}
    refused: Counter[str] = Counter()
    done = 0
    for number in range(count):
        if time.monotonic() > until:
            break
        at, rng = trial(number, index), np.random.Generator(np.random.PCG64(number))
        batch, threads, attention = WAYS[int(rng.integers(len(WAYS)))]
        torch.set_num_threads(threads)
        made = honest(world, at, models[attention], batch_rows=batch)
        _, threads, attention = WAYS[int(rng.integers(len(WAYS)))]
        torch.set_num_threads(threads)
        reason = world.refused(at, made, models[attention])
        refused.update([reason] if reason else [])
        done += 1
    torch.set_num_threads(1)
    bad = sum(refused.values())
    return {"refused": bad, "trials": done, "wilson": wilson(bad, done), "reasons": dict(refused)}


def attacks(world: World, index: int, count: int, until: float) -> dict[str, Any]:
    """Take turns, so that a run that must stop has as many trials of each attack."""
    missed, caught, trials = Counter[str](), {name: Counter[str]() for name in ATTACKS}, Counter[str]()
    for number in range(count):
        if time.monotonic() > until:
            break
        for name, attack in ATTACKS.items():
            at = trial(1_000_000 + number, index)
            reason = world.refused(at, attack(world, at))
            trials[name] += 1
            if reason is None:
                missed[name] += 1
            else:
                caught[name][reason] += 1
    return {
        name: {"missed": missed[name], "trials": trials[name], "wilson": wilson(missed[name], trials[name]),
               "caught_by": dict(caught[name])}
        for name in ATTACKS
    }  # fmt: skip


def costs(world: World, index: int, repeats: int = 5) -> dict[str, Any]:
    """Return the cost of all checks over a bare prefill and over generation, by the rows that are generated at once."""
    at = trial(77, index)
    made = honest(world, at)

    def bare() -> None:
        columns = (made.prompts, made.prompt_lengths, made.tokens, made.lengths)
        forward.prefill(world.model_for(index), *columns)

    floor, check = clock(bare, repeats), clock(lambda: world.refused(at, made), repeats)
    given = world.assigned(at)
    prompts = world.prompts(given.seeds)
    by_batch = {}
    for rows in (1, 4, 16, 64):
        keys = given.keys.reshape(-1, 1)
        each = [prompt for prompt in prompts for _ in range(SIZE)]
        took = clock(lambda k=keys, e=each, r=rows: world.sample(world.model_for(index), e, k, batch_rows=r), 1)
        by_batch[rows] = round(check / took, 4)
    fastest = check / min(by_batch.values())
    return {
        "verify_over_prefill": round(check / floor, 3),
        "verify_over_generate": by_batch,
        "audit_over_generate": round(check / 8 / fastest, 4) if fastest else None,
    }


def clock(work: Any, repeats: int) -> float:
    """Return the least seconds of one call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few trials, at most 150 s")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--trials", type=int, default=300, help="of each attack")
    parser.add_argument("--honest", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=3 * 3600.0, help="stop after so long, with what there is")
    parser.add_argument("--cache", type=Path, default=Path("build/bench"))
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    options = parser.parse_args()
    if options.quick:
        options.trials, options.honest, options.seconds = 20, 100, 150.0
    load.determinism(1)
    start = time.monotonic()
    world = World(options.cache)
    found: dict[str, Any] = {
        "model": "tiny", "sequences": GROUPS * SIZE, "missed": {}, "false_refusals": {}, "honest_trials": {},
        "costs": {}, "audit_over_train": None, "proof_bytes_per_32_tokens": toploc.proof_bytes(shipped_at(0).top_k),
    }  # fmt: skip
    shares = (0.15, 0.5, 0.65, 1.0)
    for index, name in enumerate(PROFILES):
        free, bad = (start + options.seconds * share for share in shares[2 * index : 2 * index + 2])
        told = honest_trials(world, index, options.honest, free)
        found["false_refusals"][name], found["honest_trials"][name] = told, told["trials"]
        found["missed"][name] = attacks(world, index, options.trials, bad)
        found["costs"][name] = costs(world, index)
    found["seconds"] = round(time.monotonic() - start, 1)
    text = json.dumps(found, indent=1)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text + "\n")
    if options.json:
        sys.stdout.write(text + "\n")
    else:
        show(found)
    return 0


def show(found: dict[str, Any]) -> None:
    for name in PROFILES:
        told = found["false_refusals"][name]
        sys.stdout.write(
            f"{name}: {told['refused']} of {told['trials']} honest refused, at most {told['wilson'][1]:.2%}\n"
        )
        for attack, row in found["missed"][name].items():
            why = ", ".join(row["caught_by"])
            sys.stdout.write(f"  {attack:<26}{row['missed']:>5} of {row['trials']:<6}{row['wilson'][1]:>8.2%}  {why}\n")


if __name__ == "__main__":
    sys.exit(main())
