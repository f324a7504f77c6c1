#!/usr/bin/env python3
"""What a delta of a real model takes: SmolLM2-135M, all weights, real GRPO gradients of chain_sum, AdamW, steps 1 to 5.

After every step the bf16 view of the float32 weights (rounded to nearest even) and the weights themselves are
artifacts, and the delta from the step before gives each of them again, by root. The optimizer starts cold, which is the
worst case: its first steps move every weight by the learning rate.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from assay.artifact.folder import write_artifact
from assay.artifact.weights import read_checkpoint
from assay.cli import bases
from assay.errors import Refused
from assay.model import load
from assay.model.env import registry
from assay.model.steps import InnerLoop
from assay.protocol import templates
from assay.protocol.spec import TaskSpec
from assay.roles.base import section
from assay.roles.importing import bring
from assay.swarm import delta
from assay.train.generation import all_rollouts
from assay.train.order import Order

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from demo_llm_world import weights_file

HOME = Path(__file__).resolve().parents[2] / "build" / "bench" / "full"
RATES, STEPS, GROUPS = (1e-6, 3e-7), 5, 20
BOUND = 1 << 40
BINDING = {"chain_id": 31337, "ledger": "0x" + "01" * 20, "task": 1, "round": 1, "trainer": "0x" + "ab" * 20}


def measure(quick: bool) -> dict[str, Any]:
    """Return the delta's bytes over the file's, by learning rate, dtype and step; `quick`: two steps at one rate."""
    load.determinism(1)
    base = _base()
    rates, steps = (RATES[:1], 2) if quick else (RATES, STEPS)
    spec = _spec(base, steps)
    made = all_rollouts(Order(base, spec, {**BINDING, "n": 0, "base": 0, "first_group": 0}, bytes(32)))
    found: dict[str, Any] = {"delta": {}, "identical": True}
    for rate in rates:
        tuned = replace(spec, inner=replace(spec.inner, lr=rate))
        found["delta"][f"{rate:g}"] = of_rate = {"bf16": [], "float32": []}
        for dtype, told in _run(base, tuned, made):
            of_rate[dtype].append(told)
            found["identical"] &= told.pop("identical")
        for dtype, name in (("bf16", "delta_ratio"), ("float32", "delta_float32_ratio")):
            ratios = [one["ratio"] for one in of_rate[dtype]]
            found[f"{name}_{rate:g}"], found[f"{name}_{rate:g}_worst"] = median(ratios), max(ratios)
    return found


def _base() -> Path:
    try:
        return bases.imported(HOME, None)
    except Refused:
        made = bring(weights_file(), HOME / "bases", None, "float32", 0, lambda *_: None)
        return bases.folder_of(HOME, bytes.fromhex(made["base"][2:]))


def _spec(base: Path, steps: int) -> TaskSpec:
    blank = templates.blank("chain-sum")
    content = registry.environment_hash(blank.environment.name, blank.environment.options)
    spec = templates.fill("chain-sum", bytes.fromhex(base.name), content, section(base))
    groups = GROUPS * steps // STEPS
    spec = replace(spec, rounds=replace(spec.rounds, max_artifact_bytes=1 << 30))
    return replace(spec, rollout=replace(spec.rollout, groups=groups), inner=replace(spec.inner, steps=steps))


def _run(base: Path, spec: TaskSpec, made: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    checkpoint = read_checkpoint(base, BOUND)
    model = load.build(checkpoint.config, checkpoint.arrays, base.parent)
    loop = InnerLoop(model, made, spec)
    shapes = [(name, tuple(value.shape)) for name, value in load.trained(model)]
    with tempfile.TemporaryDirectory(dir=HOME) as name:
        room = Path(name)
        for dtype in ("bf16", "float32"):
            _write(room / f"{dtype}-0", loop.flat.theta, shapes, dtype)
        while loop.left:
            report = loop.pull()
            loop.push()
            for dtype in ("bf16", "float32"):
                target = room / f"{dtype}-{loop.step}"
                root = _write(target, loop.flat.theta, shapes, dtype)
                told = _delta(room / f"{dtype}-{loop.step - 1}", target, root, room)
                yield dtype, {**told, "gradient_norm": report.grad_norm}


def _write(folder: Path, theta: Any, shapes: list[tuple[str, tuple[int, ...]]], dtype: str) -> bytes:
    from safetensors.torch import save

    tensors, at = {}, 0
    for name, shape in shapes:
        size = int(np.prod(shape))
        values = torch.from_numpy(theta[at : at + size].copy()).view(shape)
        tensors[name] = values.to(torch.bfloat16) if dtype == "bf16" else values
        at += size
    return write_artifact(
        folder, "checkpoint", None, {"config.json": b"{}", "weights.safetensors": save(tensors)}
    ).root()


def _delta(base: Path, target: Path, root: bytes, room: Path) -> dict[str, Any]:
    size = (target / "weights.safetensors").stat().st_size
    old, new = (np.memmap(folder / "weights.safetensors", np.uint16) for folder in (base, target))
    start = time.monotonic()
    small = delta.make(base, target, room / "delta").size
    middle = time.monotonic()
    out = delta.apply(room / "delta", base, room / "out", root, BOUND)
    end = time.monotonic()
    same = (out / "weights.safetensors").read_bytes() == (target / "weights.safetensors").read_bytes()
    return {
        "bytes": small, "ratio": small / size, "changed": float(np.mean(old != new)), "identical": same,
        "make_seconds": middle - start, "apply_seconds": end - middle,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(measure("--quick" in sys.argv), indent=1))
