"""Small valid parts of an artifact that tests start from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from assay.artifact.manifest import Binding
from assay.artifact.rollouts import Rollouts
from assay.artifact.trace import StepLeaf
from assay.protocol.spec import TaskSpec, parse_toml

TRAINER = "0x" + "ab" * 20
GROUP, T, P, TOP_K, CHUNK = 4, 8, 6, 4, 3

TASK = Path(__file__).parents[2] / "vectors" / "task.toml"


def binding(**changes: object) -> Binding:
    """A submission's binding."""
    start = Binding(1, 31337, "0x" + "CD" * 20, 1, 2, TRAINER, 0, 1, 0, 2, 40, b"\1" * 32, b"\2" * 32)
    return replace(start, **changes)  # type: ignore[arg-type]


def steps(count: int = 3) -> list[StepLeaf]:
    """The steps of one submission."""
    return [
        StepLeaf(
            1, 2, TRAINER, 0, i, b"\1" * 32, 0.5 / (i + 1), 1.25, bytes([i]) * 32, bytes([i]) * 128,
            *(bytes([i, kind]) * 16 for kind in range(4)),
        )
        for i in range(count)
    ]  # fmt: skip


def rollouts(groups: int = 2, seed: int = 0) -> Rollouts:
    """Rollouts of random form with valid padding."""
    chance = np.random.default_rng(seed)
    n, proof, width = groups * GROUP, 2 + 2 * TOP_K, -(-T // CHUNK)
    prompt_lengths = np.repeat([P, *chance.integers(1, P, groups - 1)], GROUP).astype(np.int16)
    lengths = np.array([T, *chance.integers(1, T + 1, n - 1)], np.int16)
    inside = np.arange(T) < lengths[:, None]
    proofs = chance.integers(0, 256, (n, width * proof)).astype(np.uint8)
    proofs[np.arange(width * proof) >= (-(-lengths.astype(int) // CHUNK) * proof)[:, None]] = 0
    prompt_proofs = chance.integers(0, 256, (groups, -(-P // CHUNK) * proof)).astype(np.uint8)
    used = -(-prompt_lengths[::GROUP].astype(int) // CHUNK) * proof
    prompt_proofs[np.arange(prompt_proofs.shape[1]) >= used[:, None]] = 0
    prompts = np.repeat(chance.integers(0, 10, (groups, P)), GROUP, axis=0).astype(np.int32)
    return Rollouts(
        prompt_texts=np.array([f"prompt {i // GROUP} é" for i in range(n)], np.object_),
        texts=np.array([f"text {i}" for i in range(n)], np.object_),
        problems=np.repeat(chance.integers(0, 1000, groups), GROUP),
        seeds=chance.integers(-(2**63), 2**63, n),
        rounds=np.full(n, 2, np.int32),
        prompts=np.where(np.arange(P) < prompt_lengths[:, None], prompts, -1).astype(np.int32),
        prompt_lengths=prompt_lengths,
        tokens=np.where(inside, chance.integers(0, 10, (n, T)), -1).astype(np.int32),
        lengths=lengths,
        rewards=chance.random(n).astype(np.float32),
        logprobs=np.where(inside, -chance.random((n, T)), 0).astype(np.float32),
        proofs=proofs,
        prompt_proofs=prompt_proofs,
    )


def spec() -> TaskSpec:
    """A task spec that fits `rollouts`."""
    start = parse_toml(TASK.read_text(encoding="utf-8"))
    return replace(
        start,
        rollout=replace(start.rollout, groups=2, group_size=GROUP, max_new_tokens=T),
        verification=replace(start.verification, chunk=CHUNK, top_k=TOP_K),
        rounds=replace(start.rounds, max_artifact_bytes=1_000_000),
    )
