"""The tiny model's bench: every trial is a fresh submission, in turns, so that a run that stops has as many of each."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from assay.model import forward
from assay.protocol import toploc
from assay.protocol.hashing import hex32
from assay.protocol.profile import profile_hash
from detection import counts, training
from detection.workers import ATTACKS, honest
from detection.world import GROUPS, PROFILES, SIZE, Trial, World, shipped_at

WAYS = ((2048, 1, "sdpa"), (16, 1, "sdpa"), (32, 2, "sdpa"), (2048, 1, "eager"), (64, 2, "eager"))
ROUND = 5
"""Trials of each kind before the next kind's turn."""


def trial(number: int, index: int) -> Trial:
    rng = np.random.Generator(np.random.PCG64([20_261_124, number]))
    return Trial(rng.bytes(32), rng.bytes(16), rng, index)


def honest_trial(world: World, index: int, number: int) -> str | None:
    """Vary batch, threads and attention on both sides; the float type is the profile's."""
    at, rng = trial(number, index), np.random.Generator(np.random.PCG64(number))
    batch, threads, attention = WAYS[int(rng.integers(len(WAYS)))]
    torch.set_num_threads(threads)
    made = honest(world, at, world.computed(attention, index), slots=batch)
    _, threads, attention = WAYS[int(rng.integers(len(WAYS)))]
    torch.set_num_threads(threads)
    try:
        return world.refused(at, made, world.computed(attention, index))
    finally:
        torch.set_num_threads(1)


def attack_trial(world: World, index: int, name: str, number: int) -> str | None:
    at = trial(1_000_000 + number, index)
    return world.refused(at, ATTACKS[name](world, at))


def honest_training(bench: training.Bench, number: int) -> str | None:
    """An honest trainer; the validator computes with either attention kernel."""
    return bench.refused(500_000 + number, kernel=("sdpa", "eager")[number % 2])


def run(options: argparse.Namespace, until: float) -> dict[str, Any]:
    """Return the figures; go on from `options.out`."""
    world = World(options.cache)
    bench, whole = (training.Bench(world, options.cache / "tiny", steps) for steps in (training.STEPS, 8))
    found = counts.begun(options.out, [hex32(profile_hash(shipped_at(i))) for i in range(len(PROFILES))])
    for name, value in {
        "model": "tiny", "sequences": GROUPS * SIZE, "missed": {}, "false_refusals": {}, "honest_trials": {},
        "training": {"inner_steps": training.STEPS, "missed": {}, "chances": training.chances(whole.spec)},
        "proof_bytes_per_32_tokens": {name: toploc.proof_bytes(shipped_at(i).top_k) for i, name in enumerate(PROFILES)},
        "costs": {}, "cpu_seconds": 0.0,
    }.items():  # fmt: skip
        found.setdefault(name, value)
    for at in range(ROUND, max(options.trials, options.honest) + ROUND, ROUND):
        if time.monotonic() > until:
            break
        start = time.process_time()
        _turn(
            world,
            bench,
            found,
            min(at, options.trials),
            min(at * options.honest // options.trials, options.honest),
            until,
        )
        found["cpu_seconds"] = round(found["cpu_seconds"] + time.process_time() - start, 1)
        counts.keep(options.out, found)
        if at >= options.trials:
            break
    for index, name in enumerate(PROFILES):
        if name not in found["costs"]:
            found["costs"][name] = costs(world, index)
    if "audit_over_train" not in found:
        found |= training.costs(whole)
    counts.keep(options.out, found)
    return found


def _turn(
    world: World, bench: training.Bench, found: dict[str, Any], trials: int, honest_ones: int, until: float
) -> None:
    for index, profile in enumerate(PROFILES):
        row = counts.entry(found["false_refusals"], profile, "refused")
        counts.more(row, "refused", honest_ones, lambda number, i=index: honest_trial(world, i, number), until)
        found["honest_trials"][profile] = row["trials"]
        table = found["missed"].setdefault(profile, {})
        for name in ATTACKS:
            row = counts.entry(table, name, "missed")
            counts.more(row, "missed", trials, lambda number, i=index, n=name: attack_trial(world, i, n, number), until)
    row = counts.entry(found["training"], "honest", "refused")
    counts.more(row, "refused", trials, lambda number: honest_training(bench, number), until)
    for name, cheat in training.CHEATS.items():
        row = counts.entry(found["training"]["missed"], name, "missed")
        counts.more(row, "missed", trials, lambda number, c=cheat: bench.refused(number, c), until)


def costs(world: World, index: int, repeats: int = 5) -> dict[str, Any]:
    """Return the cost of all checks over a bare prefill and over generation, by the rows that are generated at once."""
    at = trial(77, index)
    made = honest(world, at)

    def bare() -> None:
        columns = (made.prompts, made.prompt_lengths, made.tokens, made.lengths)
        forward.prefill(world.model_for(index), *columns)

    floor, check = clock(bare, repeats), clock(lambda: world.refused(at, made), repeats)
    given = world.assigned(at)
    each = [prompt for prompt in world.prompts(given.seeds) for _ in range(SIZE)]
    keys, model, by_batch = given.keys.reshape(-1, 1), world.model_for(index), {}
    for rows in (1, 4, 16, 64):
        took = clock(lambda r=rows: world.sample(model, each, keys, slots=r), 2)
        by_batch[str(rows)] = round(check / took, 4)
    return {
        "verify_over_prefill": round(check / floor, 3),
        "verify_over_generate": by_batch,
        "audit_over_generate": round(max(by_batch.values()) / 8, 4),
    }


def clock(work: Callable[[], Any], repeats: int) -> float:
    """Return the least CPU seconds of one call."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)
