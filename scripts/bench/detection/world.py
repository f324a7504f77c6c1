"""What a trial needs: a model in the making, a task of 64 sequences, the shipped profiles, and submissions in memory.

The present checkpoint is the tiny base after ten inner steps of the task; older ones are kept for who is late.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.models.llama.modeling_llama import LlamaForCausalLM

from assay.artifact.rollouts import Rollouts
from assay.artifact.weights import Checkpoint, read_checkpoint
from assay.errors import Refused
from assay.model import forward, load
from assay.model.env import registry
from assay.model.loss import token_logprobs
from assay.model.steps import InnerLoop
from assay.protocol import templates
from assay.protocol.profile import Profile, profile_hash, shipped
from assay.protocol.spec import TaskSpec
from assay.train import engines, rollout
from assay.train.base import make_base
from assay.verify import schema
from assay.verify.assignment import check_assignment
from assay.verify.audit import check_activation, prefill
from assay.verify.bounds import check_bounds
from assay.verify.case import Case, Context
from assay.verify.reward import check_reward
from assay.verify.sampling import check_sampling
from assay.verify.sequential import WorkerState
from assay.verify.worker import check_worker, read_worker

TRAINER = "0x" + "ab" * 20
GROUPS, SIZE, STEPS = 8, 8, 10
PROFILES = ("float32", "bf16")


class MemoryCase(Case):
    """A submission that was never written: its rollouts are given, the model is shared."""

    def __init__(self, world: World, context: Context, index: int, made: Rollouts, model: LlamaForCausalLM) -> None:
        super().__init__(Path(), Path(), world.specs[index], context)
        self.__dict__ |= {
            "rollouts": made, "binding": SimpleNamespace(profile=0), "config": world.checkpoint.config,
        }  # fmt: skip
        self._model = model

    def model(self) -> LlamaForCausalLM:
        return self._model


@dataclass
class Trial:
    """One submission's place: the round's beacon, the audit seed, dice, and the index of the profile."""

    beacon: bytes
    audit_seed: bytes
    rng: np.random.Generator
    index: int


class World:
    """The tiny task."""

    def __init__(self, cache: Path) -> None:
        folder = cache / "tiny"
        if not folder.is_dir():
            make_base("digits", {}, folder)
        base = read_checkpoint(folder, 1 << 30)
        blank = templates.fill("digits", b"\1" * 32, rollout_hash())
        self._said: dict[tuple[bytes, int], engines.Sampled] = {}
        self.specs = [_task(blank, shipped_at(index)) for index in range(len(PROFILES))]
        self.spec = self.specs[0]
        self.env = registry.bound(self.spec, Path())
        self.history = [base.arrays, *self._advance(base)]
        self.checkpoint = Checkpoint(self.history[-1], None, base.config)

    def _advance(self, base: Checkpoint) -> list[dict[str, NDArray[np.float32]]]:
        model = load.build(base.config, base.arrays)
        spec = replace(
            self.spec,
            rollout=replace(self.spec.rollout, groups=32 * STEPS),
            inner=replace(self.spec.inner, steps=STEPS),
        )
        made = rollout.make_rollouts(model, self.env, spec, b"\7" * 32, 1, 1, TRAINER, 0, 32 * STEPS)
        loop, states = InnerLoop(model, made, spec), list[dict[str, NDArray[np.float32]]]()
        while loop.left:
            loop.pull()
            loop.push()
            states.append(load.arrays_of(model))
        return states

    def model_for(self, index: int) -> LlamaForCausalLM:
        """Return the present model in the float type of the profile at `index`."""
        return self._models[index]

    @cached_property
    def _models(self) -> list[LlamaForCausalLM]:
        return [self.built(self.checkpoint.arrays, index) for index in range(2)]

    def built(self, arrays: dict[str, NDArray[np.float32]], index: int) -> LlamaForCausalLM:
        return load.computed_in(load.build(self.checkpoint.config, arrays), shipped_at(index).dtype)

    def computed(self, attention: str, index: int) -> LlamaForCausalLM:
        """Return the present model with an attention kernel."""
        return self._computed[attention, index]

    @cached_property
    def _computed(self) -> dict[tuple[str, int], LlamaForCausalLM]:
        found = {(kernel, i): copy.deepcopy(self.model_for(i)) for kernel in ("sdpa", "eager") for i in range(2)}
        for (kernel, _), model in found.items():
            model.set_attn_implementation(kernel)
        return found

    def assigned(self, trial: Trial, groups: int = GROUPS) -> rollout.Assigned:
        return rollout.assign(self.spec, trial.beacon, 1, 2, TRAINER, 0, groups)

    def sample(self, model: LlamaForCausalLM, prompts: list[list[int]], keys: Any, **more: Any) -> engines.Sampled:
        limit, temperature = self.spec.rollout.max_new_tokens, more.pop("temperature", self.spec.rollout.temperature)
        return engines.sample(model, prompts, keys, limit, temperature, self.env.eos, **more)

    def said(self, trial: Trial) -> engines.Sampled:
        """Return honest texts of a trial; those of the last ones are kept, for several attacks begin with them."""
        key = trial.beacon, trial.index
        if key not in self._said:
            while len(self._said) >= 16:
                self._said.pop(next(iter(self._said)))
            given = self.assigned(trial)
            self._said[key] = self.sample(self.model_for(trial.index), self.prompts(given.seeds), given.keys)
        return self._said[key]

    def assemble(self, trial: Trial, assigned: rollout.Assigned, sampled: engines.Sampled) -> Rollouts:
        return rollout.assemble(self.env, self.specs[trial.index], assigned, sampled, shipped_at(trial.index))

    def prompts(self, seeds: list[int]) -> list[list[int]]:
        return [self.env.prompt(seed) for seed in seeds]

    def retold(
        self, model: LlamaForCausalLM, prompts: list[list[int]], tokens: NDArray[np.int32], lengths: NDArray[np.int16]
    ) -> engines.Sampled:
        """Return given texts with `model`'s states and log-probs: what one prefill lets a cheat claim."""
        asked = np.repeat(np.array(prompts, np.int32), SIZE, axis=0)
        widths = np.full(len(asked), asked.shape[1])
        logits, hidden, states = forward.prefill_groups(model, asked, widths, tokens, lengths, SIZE)
        inside = np.arange(tokens.shape[1])[None, :] < lengths[:, None]
        said = torch.from_numpy(np.where(inside, tokens, 0).astype(np.int64))
        logprobs = np.where(inside, token_logprobs(logits, said, 1.0).numpy(), 0).astype(np.float32)
        kept = np.where(inside[:, :, None], hidden.numpy(), 0).astype(np.float32)
        return engines.Sampled(np.where(inside, tokens, -1).astype(np.int32), lengths, logprobs, kept, states.numpy())

    def refused(self, trial: Trial, made: Rollouts, model: LlamaForCausalLM | None = None) -> str | None:
        """Run every check of rollouts, the test of a new worker included; return a refusal's reason, or None."""
        context = Context(
            31337, "0x" + "11" * 20, 1, 2, TRAINER, 0, 1, int(made.lengths.sum()), trial.beacon, trial.audit_seed, 0
        )
        case = MemoryCase(self, context, trial.index, made, model or self.model_for(trial.index))
        name = ""
        try:
            made.check(self.specs[trial.index])
            schema._proofs(case)
            check_assignment(case)
            check_bounds(case)
            check_reward(case)
            audit = prefill(case)
            check_activation(case, audit)
            check_sampling(case, audit)
            name = " (worker)"
            check_worker(read_worker(case, audit, WorkerState()))
        except Refused as fault:
            return (fault.reason.name.lower() if fault.reason else "form") + name
        return None


def shipped_at(index: int) -> Profile:
    """Return the shipped profile of a kind of patterns."""
    return shipped()[f"tiny-{PROFILES[index]}"]


def _task(blank: TaskSpec, rules: Profile) -> TaskSpec:
    """Return the task under one profile: 64 rollouts, all of which are drawn."""
    return replace(
        blank,
        rollout=replace(blank.rollout, groups=GROUPS, group_size=SIZE),
        verification=replace(
            blank.verification, profiles=(profile_hash(rules),), groups=GROUPS, chunk=rules.chunk, top_k=rules.top_k
        ),
    )


def rollout_hash() -> bytes:
    """Return the hash of the task's environment."""
    from assay.model.env import registry

    return registry.get("digits", {"digits": 6}).hash
