"""Proofs of prompts: what they catch that completions' proofs would show late or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from assay.artifact.rollouts import Rollouts
from assay.train import engines, rollout
from assay.types import Reason, Verdict
from assay.verify.audit import drawn_groups
from unit.verify.conftest import BEACON, BOUND, Bench

GROUPS = 8


def with_proof(group: int, words: object, place: object = slice(None)) -> Callable[[Rollouts], Rollouts]:
    def apply(rollouts: Rollouts) -> Rollouts:
        proofs = rollouts.prompt_proofs.copy()
        proofs[group, place] = words
        return replace(rollouts, prompt_proofs=proofs)

    return apply


def test_check__proof_of_another_prompt__is_invalid_activation_at_the_groups_first_rollout(honest: Bench) -> None:
    group = drawn_groups(honest.case())[1]
    other = honest.case().rollouts.prompt_proofs[group - 1]
    finding = honest.forged(rollouts=with_proof(group, other)).check()
    leaf = group * honest.spec.rollout.group_size
    assert (finding.verdict, finding.reason, finding.leaf) == (Verdict.INVALID, Reason.ACTIVATION, leaf)
    assert finding.message.startswith(f"prompt of rollout {leaf}")


@pytest.mark.parametrize("profile", [0, 1])
def test_check__made_under_a_hidden_instruction__is_caught_by_the_prompts_proofs_alone(
    submit: Callable[..., Bench], profile: int
) -> None:
    bench = submit(None, profile)
    case = bench.case()
    env, spec = case.environment, bench.spec
    assigned = rollout.assign(
        spec, BEACON, BOUND["task"], BOUND["round"], BOUND["trainer"], BOUND["first_group"], GROUPS
    )
    hidden = [[3, *env.prompt(seed)[1:]] for seed in assigned.seeds]  # another first character than the assigned one
    sampled = engines.sample(case.model(), hidden, assigned.keys, spec.rollout.max_new_tokens, 1.0, env.eos)
    cheat = rollout.assemble(env, spec, assigned, sampled, case.profile)
    # completions, their proofs and all else are honest
    finding = bench.forged(rollouts=lambda same: replace(same, prompt_proofs=cheat.prompt_proofs)).check()
    assert (finding.reason, finding.checks[-1].name) == (Reason.ACTIVATION, "activation")
    assert finding.message.startswith("prompt of rollout")


def test_check__malformed_proof_of_a_prompt_that_isnt_drawn__is_malformed(honest: Bench) -> None:
    undrawn = next(group for group in range(GROUPS) if group not in drawn_groups(honest.case()))
    finding = honest.forged(rollouts=with_proof(undrawn, 0xFF, np.s_[2:4])).check()
    leaf = undrawn * honest.spec.rollout.group_size
    assert (finding.verdict, finding.leaf) == (Verdict.MALFORMED, leaf)
