"""Rollouts a second of our engine, proofs included, beside `model.generate` of transformers in fixed batches.

    python scripts/bench/rl_generate.py [--json] [--quick]

SmolLM2-135M in float32 on the processor, sums of reasoning-gym in its chat format, 512 rollouts in groups of 8 that
share their prompt, temperature 1. Natural lengths: each ends by itself or at 256 tokens; equal: all have 64. Both sides
have 64 slots: ours refills them, `generate` (sampling from the whole distribution, key-value cache, left padding,
inference mode) is given 64 rollouts at a time. They take turns in one process, so that whatever else runs disturbs
both. Tokens are those up to and with the end token. `generate_ratio` and `equal_ratio` are our tokens a second over
theirs; the same in CPU seconds is beside them, for a machine that does other work. `--quick`: fewer and shorter
rollouts, 16 slots.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from assay.model import load
from assay.model.load import CausalLM
from assay.protocol import profile
from assay.train.engines import TransformersEngine
from assay.verify.smollm2 import SmolLM2, fetch

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("ASSAY_BENCH_CACHE", ROOT / "build" / "bench"))
SIZE = 8
RULES = "smollm2-float32"


@dataclass(frozen=True)
class Course:
    """How much is made: rollouts, tokens each at most, whether they may end before, rollouts at once."""

    rollouts: int
    tokens: int
    natural: bool
    slots: int


FULL = {"natural": Course(512, 256, True, 64), "equal": Course(256, 64, False, 64)}
QUICK = {"natural": Course(64, 128, True, 16), "equal": Course(32, 32, False, 16)}


@dataclass
class Clock:
    """Adds up the seconds of a side, by the wall and by this process's CPU time, and what it made."""

    wall: float = 0.0
    cpu: float = 0.0
    lengths: list[int] = field(default_factory=list)
    _since: tuple[float, float] = (0.0, 0.0)

    def start(self) -> None:
        self._since = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        self.wall += time.perf_counter() - self._since[0]
        self.cpu += time.process_time() - self._since[1]

    def figures(self) -> dict[str, float]:
        tokens = sum(self.lengths)
        return {
            "tokens_per_second": tokens / self.wall,
            "tokens_per_cpu_second": tokens / self.cpu,
            "tokens": tokens,
            "mean_length": tokens / len(self.lengths),
            "seconds": self.wall,
        }


def questions(model: SmolLM2, count: int) -> list[list[int]]:
    """Return prompts in tokens, each a sum of two or three numbers."""
    import reasoning_gym

    items = reasoning_gym.create_dataset("chain_sum", size=count, seed=7, min_terms=2, max_terms=3, max_digits=2)
    return [model.chat(item["question"], "Answer in one short sentence.") for item in items]


def theirs(network: CausalLM, prompts: list[list[int]], course: Course, eos: int) -> list[int]:
    """Let `generate` complete prompts in one batch; return the completions' lengths."""
    longest = max(map(len, prompts))
    ids = torch.tensor([[eos] * (longest - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    with torch.inference_mode():
        made: Any = network.generate(  # type: ignore[operator]
            input_ids=ids,
            attention_mask=mask,
            do_sample=True,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            max_new_tokens=course.tokens,
            eos_token_id=eos if course.natural else None,
            pad_token_id=eos,
            use_cache=True,
        )
    said = made[:, longest:]
    ends = said == eos if course.natural else torch.zeros_like(said, dtype=torch.bool)
    ended = ends.any(dim=1)
    lengths: list[int] = torch.where(ended, ends.int().argmax(dim=1) + 1, said.shape[1]).tolist()
    return lengths


def race(network: CausalLM, model: SmolLM2, course: Course) -> dict[str, Any]:
    """Run both sides in turns: a batch of theirs whenever as many rollouts of ours have ended."""
    prompts = questions(model, course.rollouts // SIZE)
    keys = np.random.default_rng(5).integers(0, 2**63, (len(prompts), SIZE)).astype(np.uint64)
    each = [prompt for prompt in prompts for _ in range(SIZE)]
    batches = [each[at : at + course.slots] for at in range(0, len(each), course.slots)]
    own, other = Clock(), Clock()
    left = list(batches)

    def turn() -> None:
        other.start()
        other.lengths += theirs(network, left.pop(0), course, model.eos)
        other.stop()

    def told(_stage: str, share: float) -> None:
        while left and share * len(batches) >= len(batches) - len(left) + 0.5:
            own.stop()
            turn()
            own.start()

    _warm(network, model, course)
    own.start()
    engine = TransformersEngine(network, profile.shipped()[RULES], course.slots, budget=4 << 30)
    made = engine.sample(prompts, keys, course.tokens, 1.0, model.eos if course.natural else -1, told)
    own.stop()
    own.lengths = made.lengths.tolist()
    while left:
        turn()
    ours, generates = own.figures(), other.figures()
    return {
        "ratio": ours["tokens_per_second"] / generates["tokens_per_second"],
        "cpu_ratio": ours["tokens_per_cpu_second"] / generates["tokens_per_cpu_second"],
        "ours": ours,
        "generate": generates,
    }


def _warm(network: CausalLM, model: SmolLM2, course: Course) -> None:
    """Let both sides run once, so that neither pays for first touches."""
    few = Course(SIZE, 2, False, course.slots)
    prompts = questions(model, 1)
    theirs(network, prompts * SIZE, few, model.eos)
    keys = np.zeros((1, SIZE), np.uint64)
    TransformersEngine(network, profile.shipped()[RULES]).sample(prompts, keys, 2, 1.0, -1)


def measure(quick: bool) -> dict[str, Any]:
    """Return `generate_ratio`, `equal_ratio` and what they were made of."""
    model = fetch(CACHE)
    network = load.build(model.checkpoint.config, model.checkpoint.arrays)
    found = {name: race(network, model, course) for name, course in (QUICK if quick else FULL).items()}
    return {
        "generate_ratio": found["natural"]["ratio"],
        "equal_ratio": found["equal"]["ratio"],
        "threads": torch.get_num_threads(),
        "generate_peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        **found,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    figures = measure(given.quick)
    if given.json:
        print(json.dumps(figures, indent=1))
        return
    print(f"{'':<10}{'ours tok/s':>12}{'generate tok/s':>16}{'ratio':>8}{'CPU ratio':>11}{'mean length':>13}")
    for name in ("natural", "equal"):
        one = figures[name]
        ours, theirs_ = one["ours"], one["generate"]
        print(
            f"{name:<10}{ours['tokens_per_second']:>12.1f}{theirs_['tokens_per_second']:>16.1f}{one['ratio']:>8.2f}"
            f"{one['cpu_ratio']:>11.2f}{ours['mean_length']:>13.1f}"
        )
    print(f"threads {figures['threads']}, peak memory {figures['generate_peak_bytes'] / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
