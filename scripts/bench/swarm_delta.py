"""Deltas of a language model that is trained by reinforcement: bytes of a step's delta over bytes of the whole file.

SmolLM2-135M with tied embeddings, all weights trained from float32 masters, which after each step are rounded to bf16
(to nearest, ties to even): the file that goes to whoever samples. Each step samples sums from the model as it then is,
takes the GRPO gradient of their rewards and one AdamW step, with the product's own code; only the questions are
this file's. Every delta is applied again and must give the root. Masters are also patched as they are, in float32.
The masters here were unpacked from 4 bits: a tenth of them lie exactly between two bf16 values, and half of
those move at the first step whatever its size. That is `unpacked`. `bf16` is what counts: each master is first moved by
a share of a bf16 step, drawn evenly, as masters lie that were trained for a while; the moves are the same.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from assay.artifact import strict
from assay.artifact.folder import seal, staged
from assay.model import load, optimizer, steps
from assay.protocol import templates
from assay.protocol.spec import TaskSpec
from assay.swarm import delta, layout, patch
from assay.train.engines import TransformersEngine
from assay.verify import smollm2

ROOT = Path(__file__).resolve().parents[2]
CACHE, KEPT = ROOT / "build" / "bench", ROOT / "build" / "bench" / "swarm_delta.json"
RATES, STEPS, GROUPS, SIZE = (3e-7, 1e-6), 5, 8, 8
TARGETS = {1e-6: 30, 3e-7: 80}
MEMORY_DISK = Path("/dev/shm")  # noqa: S108  TemporaryDirectory makes a folder of its own there
KINDS = ("bf16", "unpacked", "float32")
_BITS = {"BF16": np.uint16, "F32": np.float32}


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Rollouts as `model.steps` reads them."""

    prompts: NDArray[np.int32]
    prompt_lengths: NDArray[np.int16]
    tokens: NDArray[np.int32]
    lengths: NDArray[np.int16]
    rewards: NDArray[np.float32]
    logprobs: NDArray[np.float32]


def measure(quick: bool) -> dict[str, Any]:
    """Return delta_ratio by learning rate: whole over delta of each step, median and worst; `quick` runs two steps."""
    rates, count, groups = (RATES[1:], 2, 2) if quick else (RATES, STEPS, GROUPS)
    of = {f"{rate:g}": _kept(rate, count, groups) for rate in rates}
    for rate in rates:
        row = of[f"{rate:g}"]
        for name in KINDS:
            ratios = [step[name]["ratio"] for step in row["steps"]]
            row[name] = {"median": median(ratios), "worst": min(ratios)}
        row["target"] = TARGETS[rate]
        row["holds"] = row["bf16"]["worst"] >= TARGETS[rate] and all(step["identical"] for step in row["steps"])
    return {"delta_ratio": of}


def _kept(rate: float, count: int, groups: int) -> dict[str, Any]:
    """Return a run from the file, where code and numbers are the same, or made now."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for module in (patch, layout, delta, steps, optimizer):
        digest.update(Path(str(module.__file__)).read_bytes())
    key = f"{rate:g} {count} {groups} {digest.hexdigest()[:16]}"
    kept: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    if key not in kept:
        kept[key] = run(rate, count, groups)
        KEPT.parent.mkdir(parents=True, exist_ok=True)
        KEPT.write_text(json.dumps(kept, indent=1))
    found: dict[str, Any] = kept[key]
    return found


def run(rate: float, count: int, groups: int) -> dict[str, Any]:
    """Train `count` steps and make the delta of each."""
    found = smollm2.fetch(CACHE)
    model = load.build(found.checkpoint.config, found.checkpoint.arrays)
    model.lm_head.weight = model.model.embed_tokens.weight
    flat, spec = steps.Flat(model), task(rate, groups)
    shapes = {name: tuple(value.shape) for name, value in load.trained(model)}
    moments, settings = optimizer.AdamWState.zero(flat.theta.size), steps.settings_of(spec.inner)
    rows = []
    with tempfile.TemporaryDirectory(dir=MEMORY_DISK) as name:
        room = Path(name)
        apart = spread(flat.theta)
        _write(room, "before", shapes, flat.theta, apart)
        for number in range(count):
            columns = rollouts(found, model, spec, np.random.default_rng([number, groups]))
            flat.gradient.fill(0.0)
            steps.backward(model, columns, slice(0, len(columns.lengths)), spec)
            norm = optimizer.clip(flat.gradient, spec.inner.max_grad_norm)
            optimizer.step(flat.theta, flat.gradient, moments, settings)
            _write(room, "after", shapes, flat.theta, apart)
            row = {"step": number + 1, "reward": float(columns.rewards.mean()), "norm": norm, **_deltas(room)}
            rows.append(row)
            print(json.dumps(row), file=sys.stderr, flush=True)
            for kind in KINDS:
                shutil.rmtree(room / f"before-{kind}")
                (room / f"after-{kind}").rename(room / f"before-{kind}")
    return {"parameters": flat.theta.size, "rollouts": groups * SIZE, "steps": rows}


def task(rate: float, groups: int) -> TaskSpec:
    """Return the template chain-sum at another learning rate, with one step of all groups."""
    spec = templates.blank("chain-sum")
    rollout = replace(spec.rollout, groups=groups, group_size=SIZE)
    return replace(spec, rollout=rollout, inner=replace(spec.inner, lr=rate, steps=1))


def rollouts(found: smollm2.SmolLM2, model: load.CausalLM, spec: TaskSpec, rng: np.random.Generator) -> Columns:
    """Sample sums of two numbers; the reward is 1 where the first number that is said is right. Draws until some group
    of the batch has both."""
    while True:
        asked = rng.integers(1, 50, (spec.rollout.groups, 2))
        prompts = [found.chat(f"What is {a} + {b}?") + _said(found, "The answer is") for a, b in asked]
        keys = rng.integers(0, 1 << 63, (len(prompts), SIZE), dtype=np.uint64)
        with torch.inference_mode():
            made = TransformersEngine(model).sample(
                prompts, keys, spec.rollout.max_new_tokens, spec.rollout.temperature, found.eos
            )
        texts = [found.text(row[:n].tolist()) for row, n in zip(made.tokens, made.lengths, strict=True)]
        right = np.repeat(asked.sum(axis=1), SIZE)
        rewards = np.array([_number(text) == n for text, n in zip(texts, right, strict=True)], np.float32)
        if np.any(rewards.reshape(-1, SIZE).std(axis=1) > 0):
            break
    lengths = np.repeat(np.array([len(prompt) for prompt in prompts], np.int16), SIZE)
    table = np.zeros((len(prompts), int(lengths.max())), np.int32)
    for row, prompt in zip(table, prompts, strict=True):
        row[: len(prompt)] = prompt
    return Columns(np.repeat(table, SIZE, axis=0), lengths, made.tokens, made.lengths, rewards, made.logprobs)


def _said(found: smollm2.SmolLM2, text: str) -> list[int]:
    ids: list[int] = found.tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def _number(text: str) -> int | None:
    digits = "".join(c if c.isdigit() else " " for c in text).split()
    return int(digits[0]) if digits else None


def to_bf16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Round finite float32 to bf16 patterns: to nearest, ties to even."""
    bits = values.view(np.uint32)
    bits = bits + (np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1)))
    return (bits >> np.uint32(16)).astype(np.uint16)


def spread(theta: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what is added to each weight: evenly drawn from half a bf16 step below 0 to half a step above."""
    drawn = np.random.default_rng(6).random(theta.size, np.float32) - np.float32(0.5)
    _, exponent = np.frexp(theta)
    return np.where(theta == 0, np.float32(0), np.ldexp(drawn, exponent - 8)).astype(np.float32)


def _write(
    room: Path, name: str, shapes: dict[str, tuple[int, ...]], theta: NDArray[np.float32], apart: NDArray[np.float32]
) -> None:
    """Write the weights as three artifacts: NAME-KIND."""
    moved = theta + apart
    for kind, code, values, turn in (
        ("bf16", "BF16", moved, to_bf16),
        ("unpacked", "BF16", theta, to_bf16),
        ("float32", "F32", moved, np.asarray),
    ):
        with staged(room / f"{name}-{kind}") as stage:
            _safetensors(stage / "model.safetensors", code, shapes, values, turn)
            seal(stage, "model", None)


def _safetensors(
    path: Path, code: str, shapes: dict[str, tuple[int, ...]], theta: NDArray[np.float32], turn: Callable[..., Any]
) -> None:
    width, at, header = np.dtype(_BITS[code]).itemsize, 0, {}
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        header[name] = {"dtype": code, "shape": list(shape), "data_offsets": [width * at, width * (at + size)]}
        at += size
    head = strict.dump(header, path.name)
    head += b" " * (-len(head) % 8)
    with path.open("wb") as sink:
        sink.write(len(head).to_bytes(8, "little") + head)
        for begin in range(0, theta.size, 1 << 20):
            sink.write(turn(theta[begin : begin + (1 << 20)]).tobytes())


def _deltas(room: Path) -> dict[str, Any]:
    """Make and apply the deltas of all kinds and return their sizes and the seconds that they took."""
    row: dict[str, Any] = {"identical": True}
    for kind in KINDS:
        before, after = room / f"before-{kind}", room / f"after-{kind}"
        manifest = delta._manifest(after)
        began = time.process_time()
        made = delta.make(before, after, room / "delta")
        packed = time.process_time()
        delta.apply(room / "delta", before, room / "again", manifest.root(), manifest.size)
        done = time.process_time()
        same = (room / "again" / "model.safetensors").read_bytes() == (after / "model.safetensors").read_bytes()
        row["identical"] &= same
        row[kind] = {
            "bytes": made.size,
            "ratio": manifest.size / made.size,
            "make_mb_s": manifest.size / 1e6 / (packed - began),
            "apply_mb_s": manifest.size / 1e6 / (done - packed),
        }
        if kind == "bf16":
            row["changed"] = _changed(before / "model.safetensors", after / "model.safetensors")
        for name in ("delta", "again"):
            shutil.rmtree(room / name)
    return row


def _changed(before: Path, after: Path) -> float:
    old, new = (np.fromfile(path, np.uint16) for path in (before, after))
    return float(np.count_nonzero(old != new) / new.size)


def main() -> int:
    """Print the figures as JSON."""
    load.determinism(1)
    print(json.dumps(measure("--quick" in sys.argv), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
