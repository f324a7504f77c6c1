"""Whoever doesn't take the token that the assigned noise gives is refused, with states and log-probs of the true model.

Each attack is the strongest of its kind: the text is made by a cheaper or kinder way, then one prefill of the true
model makes its log-probs and proofs, so that nothing but the race of the tokens can tell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from assay.artifact.rollouts import Rollouts
from assay.artifact.weights import read_checkpoint
from assay.model import forward
from assay.model.loss import token_logprobs
from assay.train import faults, rollout
from assay.train.engines import Sampled
from assay.types import Reason, Verdict
from assay.verify import sampling
from assay.verify.audit import prefill
from assay.verify.sampling import replay
from unit.verify.conftest import rehashed

Change = Callable[[np.ndarray, np.ndarray], None]


def assigned(bench) -> rollout.Assigned:
    at, groups = bench.context, bench.spec.rollout.groups
    return rollout.assign(bench.spec, at.beacon, at.task, at.round, at.trainer, at.first_group, groups)


def retold(bench, sampled: Sampled) -> Rollouts:
    """Give a text the log-probs, states, rewards and proofs that the true model has of it."""
    case, work = bench.case(), assigned(bench)
    size, tokens = bench.spec.rollout.group_size, sampled.tokens
    prompts = [case.environment.prompt(seed) for seed in work.seeds for _ in range(size)]
    lengths = np.array([len(prompt) for prompt in prompts])
    logits, hidden, asked = forward.prefill_groups(
        case.model(), np.array(prompts), lengths, tokens, sampled.lengths, size
    )
    inside = np.arange(tokens.shape[1])[None, :] < sampled.lengths[:, None]
    said = torch.from_numpy(np.where(inside, tokens, 0).astype(np.int64))
    logprobs = np.where(inside, token_logprobs(logits, said, bench.spec.rollout.temperature).numpy(), 0)
    states = np.where(inside[:, :, None], hidden.numpy(), 0).astype(np.float32)
    whole = replace(sampled, logprobs=logprobs.astype(np.float32), hidden=states, prompts=asked.numpy())
    return rollout.assemble(case.environment, bench.spec, work, whole, case.profile)


def submitted(bench, sampled: Sampled):
    made = retold(bench, sampled)
    return bench.forged(rollouts=lambda _: made, steps=rehashed(bench, made)).check()


def honest_text(bench) -> Sampled:
    return rollout.sample(bench.case().model(), bench.case().environment, bench.spec, assigned(bench))


def changed(bench, change: Change) -> Sampled:
    sampled = honest_text(bench)
    tokens, lengths = sampled.tokens.copy(), sampled.lengths.copy()
    change(tokens, lengths)
    tokens[np.arange(tokens.shape[1])[None, :] >= lengths[:, None]] = -1
    return replace(sampled, tokens=tokens, lengths=lengths)


def test_sampling__honest_text_told_again__passes(honest) -> None:
    finding = submitted(honest, honest_text(honest))

    assert finding.verdict is Verdict.VALID  # its log-probs differ in their last bits only


def test_sampling__draft_of_another_model__is_refused(honest) -> None:
    whole = read_checkpoint(honest.base, 1 << 30)
    draft = faults.swapped(whole.config, whole.arrays, np.random.default_rng(1))
    text = rollout.sample(draft, honest.case().environment, honest.spec, assigned(honest))

    assert submitted(honest, text).reason is Reason.SAMPLING


@pytest.mark.parametrize("temperature", [0.7, 1.4])
def test_sampling__other_temperature__is_refused(honest, temperature: float) -> None:
    other = replace(honest.spec, rollout=replace(honest.spec.rollout, temperature=temperature))
    text = rollout.sample(honest.case().model(), honest.case().environment, other, assigned(honest))

    assert submitted(honest, text).reason is Reason.SAMPLING


def test_sampling__other_seed__is_refused(honest) -> None:
    work = assigned(honest)
    other = replace(work, keys=work.keys + np.uint64(1))
    text = rollout.sample(honest.case().model(), honest.case().environment, honest.spec, other)

    assert submitted(honest, text).reason is Reason.SAMPLING


def _swap_last(tokens: np.ndarray, lengths: np.ndarray) -> None:
    rows = np.flatnonzero(lengths == tokens.shape[1])
    tokens[rows, lengths[rows] - 1] = (tokens[rows, lengths[rows] - 1] + 1) % 10


def _stop_early(tokens: np.ndarray, lengths: np.ndarray) -> None:
    tokens[:, 2] = 11
    lengths[:] = np.minimum(lengths, 3)


def _cut(tokens: np.ndarray, lengths: np.ndarray) -> None:
    lengths[:] = np.minimum(lengths, 3)


def _go_on(tokens: np.ndarray, lengths: np.ndarray) -> None:
    ended = np.flatnonzero(lengths < tokens.shape[1])
    tokens[ended] = np.where(tokens[ended] < 0, 3, tokens[ended])
    lengths[ended] = tokens.shape[1]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_swap_last, Reason.SAMPLING),  # never fed back, so no proof shows it
        (_stop_early, Reason.SAMPLING),  # the end token didn't win its race
        (_cut, Reason.TERMINATION),
        (_go_on, Reason.TERMINATION),
    ],
)
def test_sampling__end_that_wasnt_due__is_refused(honest, change: Change, reason: Reason) -> None:
    text = changed(honest, change)
    assert (text.tokens != honest_text(honest).tokens).any()

    assert submitted(honest, text).reason is reason


def test_assignment__rollouts_of_another_round_reused__are_refused(honest) -> None:
    own = honest.case()
    moved = replace(honest, context=replace(honest.context, round=3))
    forged = moved.forged(rollouts=lambda _: replace(own.rollouts, rounds=own.rollouts.rounds + 1), round=3)

    finding = forged.check()

    assert finding.verdict is Verdict.INVALID
    assert finding.reason in {Reason.ASSIGNMENT, Reason.BINDING}


@pytest.mark.parametrize("which", ["skipped", "repeated"])
def test_assignment__counter_with_a_gap__is_refused(honest, which: str) -> None:
    # The chain counts a trainer's groups; one that takes later, kinder prompts names another first group.
    first = honest.context.first_group + (4 if which == "skipped" else -4)

    assert honest.forged(first_group=first).check().reason is Reason.BINDING


def test_assignment__one_group_answered_twice__is_refused(honest) -> None:
    size = honest.spec.rollout.group_size

    def twice(rollouts: Rollouts) -> Rollouts:
        rows = np.arange(len(rollouts))
        rows[size : 2 * size] = rows[:size]
        columns = {n: getattr(rollouts, n)[rows] for n in rollouts.__dataclass_fields__ if n != "prompt_proofs"}
        return replace(rollouts, **columns)

    assert honest.forged(rollouts=twice).check().reason is Reason.ASSIGNMENT


def test_reward__one_reward_raised_in_a_group_that_isnt_drawn__is_refused(honest) -> None:
    size, drawn = honest.spec.rollout.group_size, honest.case().plan.groups
    hidden = next(group for group in range(honest.spec.rollout.groups) if group not in drawn)

    def raised(rollouts: Rollouts) -> Rollouts:
        rewards = rollouts.rewards.copy()
        rewards[hidden * size] = 0.75 if rewards[hidden * size] != 0.75 else 0.5
        return replace(rollouts, rewards=rewards)

    finding = honest.forged(rollouts=raised).check()

    assert (finding.reason, finding.leaf) == (Reason.REWARD, hidden * size)


def test_bounds__log_prob_that_no_race_could_leave__is_refused_in_any_group(honest, tmp_path: Path) -> None:
    def far(rollouts: Rollouts) -> Rollouts:
        logprobs = rollouts.logprobs.copy()
        logprobs[-1, 0] = -40.0
        return replace(rollouts, logprobs=logprobs)

    finding = honest.forged(rollouts=far).check()

    assert (finding.reason, finding.leaf) == (Reason.BOUNDS, len(honest.case().rollouts) - 1)


def test_replay__token_by_token__is_what_the_whole_race_gives(honest, monkeypatch: pytest.MonkeyPatch) -> None:
    audit = prefill(honest.case())
    whole = replay(honest.case(), audit)
    monkeypatch.setattr(sampling, "SMALL", 0)
    single = replay(honest.case(), audit)

    assert (single.margins == whole.margins).all()
    assert (single.due == whole.due)[whole.inside].all()
