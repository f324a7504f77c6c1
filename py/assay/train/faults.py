"""Ways to cheat, for the demo and for tests: each is what a lazy or greedy trainer would do, and no more.

| fault | what it does | which check must see it |
|---|---|---|
| model | samples from weights that are each off by a few percent | activations (TOPLOC) |
| tokens | puts right answers over sampled ones, states and log-probs recomputed | sampling replay |
| reward | claims higher rewards than the environment gives | reward |
| prompts | samples twice the groups and keeps those that went best | assignment |
| update | submits a random update of the honest one's size | inner steps |

Knows nothing of being caught. `silent`, not submitting at all, is the role's.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from assay.artifact.rollouts import Rollouts
from assay.errors import Refused
from assay.model import forward, load
from assay.model.env.base import Environment
from assay.model.load import CausalLM
from assay.model.loss import token_logprobs
from assay.protocol.profile import Profile
from assay.protocol.spec import TaskSpec
from assay.train import engines, rollout

FAULTS: Final = ("model", "tokens", "reward", "prompts", "update")
DRIFT: Final = 0.05
RAISED: Final = 0.25


def check_fault(fault: str | None) -> None:
    """Refuse a name that no fault has."""
    if fault is not None and fault not in FAULTS:
        raise Refused(f"unknown fault {fault!r}; known: {', '.join(FAULTS)}")


def dice(beacon: bytes, trainer: str) -> np.random.Generator:
    """Return a generator that follows from the round and the trainer, so that a cheat can be replayed."""
    return np.random.Generator(np.random.PCG64(list(hashlib.sha256(beacon + trainer.lower().encode()).digest())))


def swapped(
    config: dict[str, object], arrays: load.Arrays, rng: np.random.Generator, near: Path | None = None
) -> CausalLM:
    """Return the model with each weight w moved to w·(1 + 0.05·z)."""
    moved = {
        name: (value * (1.0 + DRIFT * rng.standard_normal(value.shape))).astype(np.float32)
        for name, value in sorted(arrays.items())
    }
    return load.build(config, moved, near)


def better_tokens(
    model: CausalLM,
    env: Environment,
    spec: TaskSpec,
    seeds: list[int],
    sampled: engines.Sampled,
    rng: np.random.Generator,
) -> engines.Sampled:
    """Write the right tokens over a quarter of the rollouts, with the states and log-probs of the new text."""
    size, tokens = spec.rollout.group_size, sampled.tokens.copy()
    for row in np.flatnonzero(rng.random(tokens.shape[0]) < 0.25):
        right = env.warm_up_target(seeds[row // size])
        end = min(int(sampled.lengths[row]) - 1, len(right) - 1)
        tokens[row, :end] = right[:end]
    prompts = [env.prompt(seed) for seed in seeds for _ in range(size)]
    lengths = np.array([len(prompt) for prompt in prompts])
    asked = np.array([prompt + [env.pad] * (int(lengths.max()) - len(prompt)) for prompt in prompts])
    logits, hidden = forward.prefill(model, asked, lengths, tokens, sampled.lengths)
    inside = np.arange(tokens.shape[1])[None, :] < sampled.lengths[:, None]
    said = torch.from_numpy(np.where(inside, tokens, 0).astype(np.int64))
    logprobs = token_logprobs(logits, said, spec.rollout.temperature).numpy()
    return replace(
        sampled,
        tokens=tokens,
        logprobs=np.where(inside, logprobs, np.float32(0)).astype(np.float32),
        hidden=np.where(inside[:, :, None], hidden.numpy(), np.float32(0)).astype(np.float32),
    )


def raised(rollouts: Rollouts, rng: np.random.Generator) -> Rollouts:
    """Add 0.25, up to 1, to the rewards of about half of the rollouts; take it off where all have 1 already, as right
    answers that are given do.
    """
    lift = np.where(rng.random(len(rollouts)) < 0.5, RAISED, 0.0)
    found = np.minimum(rollouts.rewards + lift, 1.0).astype(np.float32)
    if np.array_equal(found, rollouts.rewards):
        found = (rollouts.rewards - RAISED).clip(0.0, 1.0).astype(np.float32)
    return replace(rollouts, rewards=found)


def picked(
    model: CausalLM, env: Environment, spec: TaskSpec, assigned: rollout.Assigned, groups: int, rules: Profile
) -> Rollouts:
    """Sample all assigned groups and keep the `groups` with the best mean reward, as if they had been assigned."""
    made = rollout.assemble(env, spec, assigned, rollout.sample(model, env, spec, assigned), rules)
    size = spec.rollout.group_size
    best = np.sort(np.argsort(-made.rewards.reshape(-1, size).mean(axis=1), kind="stable")[:groups])
    rows = (best[:, None] * size + np.arange(size)[None, :]).reshape(-1)
    names = [name for name in Rollouts.__dataclass_fields__ if name != "prompt_proofs"]
    columns = {name: getattr(made, name)[rows] for name in names}
    return Rollouts(**columns, prompt_proofs=made.prompt_proofs[best]).trimmed(spec)


def random_update(honest: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a random direction, float32[n], as long as the honest pseudo-gradient."""
    noise = rng.standard_normal(honest.size)
    return (noise * (np.linalg.norm(honest.astype(np.float64)) / np.linalg.norm(noise))).astype(np.float32)
