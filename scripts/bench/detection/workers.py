"""The attacks on rollouts: each returns a submission as a worker with that habit would make it.

Who changes the model computes in the profile's float type, as honest workers do. `training` has the attacks on steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from assay.artifact.rollouts import Rollouts
from assay.protocol import toploc
from detection.world import SIZE, Trial, World

Arrays = dict[str, Any]
Attack = Callable[[World, Trial], Rollouts]


def honest(world: World, trial: Trial, model: Any = None, **more: Any) -> Rollouts:
    """What a worker makes that samples from `model`, the present one if none is given."""
    given = world.assigned(trial)
    if model is None and not more:
        return world.assemble(trial, given, world.said(trial))
    sampled = world.sample(model or world.model_for(trial.index), world.prompts(given.seeds), given.keys, **more)
    return world.assemble(trial, given, sampled)


# --- another model


def rounded(bits: int, one_layer: bool = False) -> Callable[[World, np.random.Generator], Arrays]:
    """Weights in `bits` bits a channel (8), in groups of 32 (4), or as fp8 e4m3 (0)."""

    def change(world: World, rng: np.random.Generator) -> Arrays:
        layer = int(rng.integers(world.checkpoint.config["num_hidden_layers"]))
        return {
            name: _round(value, bits)
            if value.ndim == 2 and ("layers" in name) and (not one_layer or f"layers.{layer}." in name)
            else value
            for name, value in world.checkpoint.arrays.items()
        }

    return change


def _round(value: np.ndarray, bits: int) -> np.ndarray:
    if bits == 0:
        return torch.from_numpy(value).to(torch.float8_e4m3fn).to(torch.float32).numpy()
    group = 32 if bits == 4 else value.shape[1]
    rows = value.reshape(-1, group)
    top = 2 ** (bits - 1) - 1
    scale = np.abs(rows).max(axis=1, keepdims=True) / top
    return (np.rint(rows / np.maximum(scale, 1e-12)) * scale).astype(np.float32).reshape(value.shape)


def noisy(share: float) -> Callable[[World, np.random.Generator], Arrays]:
    return lambda world, rng: {
        name: (value * (1 + share * rng.standard_normal(value.shape))).astype(np.float32)
        for name, value in world.checkpoint.arrays.items()
    }


def pruned(world: World, rng: np.random.Generator) -> Arrays:
    """Without one layer: its outputs are zero."""
    layer = int(rng.integers(world.checkpoint.config["num_hidden_layers"]))
    names = (f"layers.{layer}.self_attn.o_proj", f"layers.{layer}.mlp.down_proj")
    return {k: np.zeros_like(v) if any(n in k for n in names) else v for k, v in world.checkpoint.arrays.items()}


def old(steps: int) -> Callable[[World, np.random.Generator], Arrays]:
    return lambda world, rng: world.history[-1 - steps]


def other_model(change: Callable[[World, np.random.Generator], Arrays]) -> Attack:
    return lambda world, trial: honest(world, trial, world.built(change(world, trial.rng), trial.index))


def draft(world: World, trial: Trial) -> Rollouts:
    """A smaller model writes, one prefill of the right one makes states and log-probs."""
    given = world.assigned(trial)
    prompts = world.prompts(given.seeds)
    said = world.sample(world.built(pruned(world, trial.rng), trial.index), prompts, given.keys)
    return world.assemble(trial, given, world.retold(world.model_for(trial.index), prompts, said.tokens, said.lengths))


# --- other prompts


def other_prompt(world: World, trial: Trial) -> Rollouts:
    given = world.assigned(trial)
    answered = world.prompts([seed // 2 for seed in given.seeds])
    return world.assemble(trial, given, world.sample(world.model_for(trial.index), answered, given.keys))


def system_prompt(world: World, trial: Trial) -> Rollouts:
    """A character that isn't the prompt's is read in place of its first."""
    given = world.assigned(trial)
    edited = [[(prompt[0] + 1) % 10, *prompt[1:]] for prompt in world.prompts(given.seeds)]
    return world.assemble(trial, given, world.sample(world.model_for(trial.index), edited, given.keys))


def cherry_picked(world: World, trial: Trial) -> Rollouts:
    given = world.assigned(trial, 16)
    said = world.sample(world.model_for(trial.index), world.prompts(given.seeds), given.keys)
    made = world.assemble(trial, given, said)
    best = np.sort(np.argsort(-made.rewards.reshape(-1, SIZE).mean(axis=1), kind="stable")[:8])
    rows = (best[:, None] * SIZE + np.arange(SIZE)).reshape(-1)
    columns = {n: getattr(made, n)[rows] for n in Rollouts.__dataclass_fields__ if n != "prompt_proofs"}
    return Rollouts(**columns, prompt_proofs=made.prompt_proofs[best]).trimmed(world.spec)


def reused(world: World, trial: Trial) -> Rollouts:
    return honest(world, replace(trial, beacon=bytes(32)))


def copied(world: World, trial: Trial) -> Rollouts:
    return honest(world, replace(trial, beacon=trial.beacon[::-1]))  # another's assignment


# --- other tokens


def written(change: Callable[[World, Trial, Any], tuple[Any, Any]]) -> Attack:
    """Honest texts, changed, with the right model's states and log-probs of the changed text."""

    def make(world: World, trial: Trial) -> Rollouts:
        given = world.assigned(trial)
        prompts, said = world.prompts(given.seeds), world.said(trial)
        tokens, lengths = change(world, trial, said)
        return world.assemble(trial, given, world.retold(world.model_for(trial.index), prompts, tokens, lengths))

    return make


def some_tokens(world: World, trial: Trial, said: Any) -> tuple[Any, Any]:
    inside = np.arange(said.tokens.shape[1]) < said.lengths[:, None] - 1
    hit = (trial.rng.random(said.tokens.shape) < 1 / 32) & inside
    return np.where(hit, (said.tokens + 1) % 10, said.tokens), said.lengths


def last_token(world: World, trial: Trial, said: Any) -> tuple[Any, Any]:
    tokens, full = said.tokens.copy(), np.flatnonzero(said.lengths == said.tokens.shape[1])
    tokens[full, -1] = np.where(tokens[full, -1] == world.env.eos, 0, world.env.eos)
    return tokens, said.lengths


def early_stop(world: World, trial: Trial, said: Any) -> tuple[Any, Any]:
    tokens, lengths = said.tokens.copy(), np.minimum(said.lengths, 4).astype(np.int16)
    tokens[np.arange(len(tokens)), lengths - 1] = world.env.eos
    return tokens, lengths


def temperature(world: World, trial: Trial) -> Rollouts:
    given = world.assigned(trial)
    prompts = world.prompts(given.seeds)
    said = world.sample(world.model_for(trial.index), prompts, given.keys, temperature=0.7)
    return world.assemble(trial, given, world.retold(world.model_for(trial.index), prompts, said.tokens, said.lengths))


def seed(world: World, trial: Trial) -> Rollouts:
    given = world.assigned(trial)
    return world.assemble(
        trial,
        given,
        world.sample(world.model_for(trial.index), world.prompts(given.seeds), given.keys + np.uint64(1)),
    )


# --- false claims


def reward(world: World, trial: Trial) -> Rollouts:
    made = honest(world, trial)
    lift = np.where(trial.rng.random(len(made)) < 0.5, 0.25, 0)
    return replace(made, rewards=np.minimum(made.rewards + lift, 1).astype(np.float32))


def forged(world: World, trial: Trial) -> Rollouts:
    """Proofs of the states of other texts: the right form, typical channels and sizes, no run of the model."""
    made = honest(world, trial)
    order = np.roll(np.arange(len(made)), SIZE)
    return replace(made, proofs=made.proofs[order], prompt_proofs=np.roll(made.prompt_proofs, 1, axis=0))


def bytes_of(change: Callable[[Any], Any]) -> Attack:
    def make(world: World, trial: Trial) -> Rollouts:
        made = honest(world, trial)
        return replace(made, proofs=change(made.proofs))

    return make


def nan(proofs: Any) -> Any:
    words = proofs.copy()
    words[:, 2:] = 0xFF  # every coefficient 65535, outside the field: what a NaN pattern would need
    return words


ATTACKS: dict[str, Attack] = {
    "int8": other_model(rounded(8)),
    "int8_one_layer": other_model(rounded(8, True)),
    "fp8": other_model(rounded(0)),
    "fp8_one_layer": other_model(rounded(0, True)),
    "int4": other_model(rounded(4)),
    "int4_one_layer": other_model(rounded(4, True)),
    "pruned_layer": other_model(pruned),
    "noise_1e-2": other_model(noisy(1e-2)),
    "noise_1e-3": other_model(noisy(1e-3)),
    "checkpoint_1_step_old": other_model(old(1)),
    "checkpoint_10_steps_old": other_model(old(10)),
    "other_prompt": other_prompt,
    "system_prompt": system_prompt,
    "one_token_in_32": written(some_tokens),
    "last_token": written(last_token),
    "draft": draft,
    "temperature": temperature,
    "seed": seed,
    "early_stop": written(early_stop),
    "cherry_picked": cherry_picked,
    "reused": reused,
    "copied": copied,
    "reward": reward,
    "forged_proof": forged,
    "null_proof": bytes_of(np.zeros_like),
    "short_proof": bytes_of(lambda proofs: proofs[:, : -toploc.proof_bytes(32) // 2]),
    "extra_proof": bytes_of(lambda proofs: np.concatenate([proofs, proofs], axis=1)),
    "nan_proof": bytes_of(nan),
}
