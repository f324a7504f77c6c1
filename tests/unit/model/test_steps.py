from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from assay.artifact.weights import flatten
from assay.errors import Refused
from assay.model import load, steps
from assay.protocol.spec import TaskSpec
from unit.model import tiny
from unit.protocol.example import example


def _spec(count: int = 2) -> TaskSpec:
    spec = example()
    return replace(spec, rollout=replace(spec.rollout, group_size=4), inner=replace(spec.inner, steps=count))


def _taken(model, made: tiny.Columns, spec: TaskSpec) -> list[steps.StepReport]:
    loop, reports = steps.InnerLoop(model, made, spec), []
    while loop.left:
        reports.append(loop.pull())
        loop.push()
    return reports


def test_inner_steps__run_twice__bit_equal_reports_and_weights() -> None:
    runs = []
    for _ in range(2):
        model = tiny.model()
        reports = _taken(model, tiny.columns(), _spec())
        runs.append((reports, flatten(load.arrays_of(model)).tobytes()))
    assert runs[0] == runs[1]
    assert [report.step for report in runs[0][0]] == [0, 1]


def test_inner_steps__first_step_by_torch__same_loss_and_direction() -> None:
    model, made = tiny.model(), tiny.columns(8)
    before = flatten(load.arrays_of(model))
    (report,) = _taken(model, made, _spec(1))
    moved = flatten(load.arrays_of(model)) - before
    # At the policy that made the log-probs every ratio is 1: the loss is minus the mean advantage over tokens.
    weight = made.rewards.reshape(-1, 4) - made.rewards.reshape(-1, 4).mean(axis=1, keepdims=True)
    expected = -(weight.reshape(-1) * made.lengths).sum() / made.lengths.sum()
    assert report.loss == pytest.approx(float(expected), abs=1e-6)
    assert 0 < np.abs(moved).max() <= 1.01e-4


def test_inner_steps__a_reward_changes__batch_hash_and_weights_change() -> None:
    made = tiny.columns()
    rewards = made.rewards.copy()
    rewards[0] += 0.5
    models = tiny.model(), tiny.model()
    honest = _taken(models[0], made, _spec())
    faked = _taken(models[1], replace(made, rewards=rewards), _spec())
    assert honest[0].batch_hash != faked[0].batch_hash and honest[1].batch_hash == faked[1].batch_hash
    assert not np.array_equal(*(flatten(load.arrays_of(model)) for model in models))


def test_inner_loop__resumed_from_a_kept_state__goes_on_to_the_same_bits() -> None:
    whole = steps.InnerLoop(tiny.model(), tiny.columns(), _spec())
    whole.pull()
    whole.push()
    resumed = steps.InnerLoop(tiny.model(1), tiny.columns(), _spec())
    resumed.flat.theta[:] = whole.flat.theta
    resumed.moments.first[:], resumed.moments.second[:] = whole.moments.first, whole.moments.second
    resumed.resume(1)
    reports = [loop.pull() for loop in (whole, resumed)]
    whole.push()
    resumed.push()
    assert reports[0] == reports[1] and not resumed.left
    assert np.array_equal(whole.flat.theta, resumed.flat.theta) and whole.moments.product2 == resumed.moments.product2


def test_inner_steps__second_group_of_rows__only_second_step_reads_it() -> None:
    assert steps.batches(16, 4, 2) == [slice(0, 8), slice(8, 16)]


@pytest.mark.parametrize(("rows", "size", "count"), [(16, 4, 3), (15, 4, 2), (0, 4, 1), (16, 4, 0)])
def test_batches__groups_that_dont_divide__refused(rows: int, size: int, count: int) -> None:
    with pytest.raises(Refused, match="don't divide"):
        steps.batches(rows, size, count)


def test_inner_steps__logprobs_that_overflow__refused() -> None:
    made = tiny.columns()
    made.logprobs[:] = np.nan
    with pytest.raises(Refused, match="not finite"):
        _taken(tiny.model(), made, _spec())


def test_flat__theta_changes__model_sees_it_and_order_is_by_name() -> None:
    model = tiny.model()
    flat = steps.Flat(model)
    assert np.array_equal(flat.theta, flatten(load.arrays_of(model)))
    flat.theta[:] = 0.25
    assert all(torch.equal(p, torch.full_like(p, 0.25)) for p in model.parameters())
