"""From an assignment to rollouts: prompts and noise as the protocol derives them, completions, rewards and proofs.

Knows nothing of inner steps and of files. Doesn't check whether the weights are the checkpoint's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from assay.artifact.rollouts import PAD, Rollouts
from assay.model import profile
from assay.model.env.base import Environment
from assay.model.load import CausalLM
from assay.model.reward import rewards
from assay.protocol import toploc
from assay.protocol.assignment import group_seed, noise_key, prompt_seed
from assay.protocol.profile import Profile, of_task
from assay.protocol.spec import TaskSpec
from assay.train import engines

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Assigned:
    """What a trainer must sample: an environment seed per group, a noise key per rollout, uint64[groups, size], and the
    round that it is for."""

    seeds: list[int]
    keys: NDArray[np.uint64]
    round: int


def assign(
    spec: TaskSpec, beacon: bytes, task: int, round_: int, trainer: str, first_group: int, groups: int
) -> Assigned:
    """Return the assignment of groups first_group … first_group + groups − 1 of a trainer's round."""
    seeds = [group_seed(beacon, task, round_, trainer, i) for i in range(first_group, first_group + groups)]
    keys = [[noise_key(seed, member) for member in range(spec.rollout.group_size)] for seed in seeds]
    chosen = [prompt_seed(seed, spec.environment.seed_count) for seed in seeds]
    return Assigned(chosen, np.array(keys, np.uint64).reshape(groups, spec.rollout.group_size), round_)


def sample(
    model: CausalLM,
    env: Environment,
    spec: TaskSpec,
    assigned: Assigned,
    progress: engines.Progress | None = None,
    rules: Profile | None = None,
) -> engines.Sampled:
    """Sample the assigned rollouts from `model`; with `rules`, proofs are kept in place of the states."""
    prompts = [env.prompt(seed) for seed in assigned.seeds]
    limit, temperature = spec.rollout.max_new_tokens, spec.rollout.temperature
    engine = engines.TransformersEngine(model, rules)
    return engine.sample(prompts, assigned.keys, limit, temperature, env.eos, progress)


def assemble(
    env: Environment,
    spec: TaskSpec,
    assigned: Assigned,
    sampled: engines.Sampled,
    rules: Profile,
    prompts: list[list[int]] | None = None,
) -> Rollouts:
    """Score the completions of an assignment and return them as columns, with their proofs under a profile; `prompts`
    are those of each group where they aren't the environment's."""
    size, seeds = spec.rollout.group_size, assigned.seeds
    if prompts is None:
        prompts = [env.prompt(seed) for seed in seeds]
    prompt_lengths = np.array([len(prompt) for prompt in prompts], np.int16)
    asked = _padded([np.array(prompt, np.int32) for prompt in prompts], PAD, np.int32)
    said = zip(sampled.tokens.tolist(), sampled.lengths.tolist(), strict=True)
    proofs = sampled.proofs or engines.Proofs(
        _proofs(sampled.hidden, sampled.lengths, rules), _proofs(sampled.prompts, prompt_lengths, rules)
    )
    made = Rollouts(
        prompts=np.repeat(asked, size, axis=0),
        prompt_lengths=np.repeat(prompt_lengths, size),
        tokens=sampled.tokens,
        lengths=sampled.lengths,
        rewards=rewards(env, seeds, size, sampled.tokens, sampled.lengths),
        logprobs=sampled.logprobs,
        proofs=proofs.rollouts,
        prompt_proofs=proofs.prompts,
        prompt_texts=np.repeat(_texts([env.describe(prompt) for prompt in prompts]), size),
        texts=_texts([env.describe(row[:length]) for row, length in said]),
        problems=np.repeat(np.array(seeds, np.int64), size),
        seeds=assigned.keys.reshape(-1).view(np.int64),
        rounds=np.full(len(seeds) * size, assigned.round, np.int32),
    )
    return made.trimmed(spec)


def make_rollouts(
    model: CausalLM,
    env: Environment,
    spec: TaskSpec,
    beacon: bytes,
    task: int,
    round_: int,
    trainer: str,
    first_group: int,
    groups: int,
    progress: engines.Progress | None = None,
) -> Rollouts:
    """Return a trainer's honest rollouts of a round, fingerprinted under the first profile of the task."""
    assigned = assign(spec, beacon, task, round_, trainer, first_group, groups)
    rules = of_task(spec.verification)
    return assemble(env, spec, assigned, sample(model, env, spec, assigned, progress, rules), rules)


def _proofs(states: NDArray[np.float32], lengths: NDArray[np.int16], rules: Profile) -> NDArray[np.uint8]:
    """Fingerprint states float32[n, tokens, h]: the proofs of each row one after another, 0 after the last."""
    made = toploc.build_many(profile.bits(states, rules.patterns), lengths.astype(np.int64), rules.chunk, rules.top_k)
    width = toploc.chunks_of(states.shape[1], rules.chunk) * toploc.proof_bytes(rules.top_k)
    whole = b"".join(b"".join(proofs).ljust(width, b"\0") for proofs in made)
    return np.frombuffer(whole, np.uint8).reshape(len(made), width).copy()


def _texts(texts: list[str]) -> NDArray[np.object_]:
    found = np.empty(len(texts), np.object_)
    found[:] = texts
    return found


def _padded(rows: list[NDArray[Scalar]], fill: int, dtype: type[Scalar]) -> NDArray[Scalar]:
    table = np.full((len(rows), max(len(row) for row in rows)), fill, dtype)
    for at, row in enumerate(rows):
        table[at, : len(row)] = row
    return table
