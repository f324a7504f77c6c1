from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assay.errors import Refused
from assay.protocol import advantages
from assay.protocol.spec import TaskSpec
from unit.protocol.example import example

LENGTHS = np.array([3, 4, 5, 6, 3, 3, 3, 3], np.int16)


def _spec(size: int = 4, kind: str = "grpo", **loss: object) -> TaskSpec:
    spec = example()
    return replace(spec, kind=kind, rollout=replace(spec.rollout, group_size=size), loss=replace(spec.loss, **loss))


def test_advantages__two_groups__reward_minus_group_mean() -> None:
    rewards = np.array([1, 0, 0.5, 0.5, 0.2, 0.2, 0.2, 0.2], np.float32)
    assert advantages.advantages(rewards, LENGTHS, _spec()).tolist() == pytest.approx([0.5, -0.5, 0, 0, 0, 0, 0, 0])


def test_advantages__equal_rewards_whose_mean_is_rounded__exactly_zero_and_filtered() -> None:
    rewards = np.array([0.1, 0.1, 0.1, 0.9, 0.9, 0.9], np.float32)
    lengths = np.full(6, 2, np.int16)
    assert np.array_equal(advantages.advantages(rewards, lengths, _spec(3)), np.zeros(6, np.float32))
    assert advantages.units(rewards, lengths, _spec(3)) == 0


def test_advantages__scaled__as_trl_divides_by_the_sample_deviation() -> None:
    torch = pytest.importorskip("torch")
    rewards = np.random.default_rng(0).random(24).astype(np.float32)
    grouped = torch.from_numpy(rewards).double().view(-1, 8)
    due = (grouped - grouped.mean(1, keepdim=True)) / (grouped.std(1, keepdim=True) + 1e-4)
    found = advantages.advantages(rewards, np.ones(24, np.int16), _spec(8, scaled=True))
    assert np.allclose(found, due.view(-1).numpy(), rtol=1e-6, atol=1e-7)


def test_advantages__length_penalty__costs_the_share_that_a_length_is_off() -> None:
    spec = _spec(length_penalty=0.5, target_length=4)
    found = advantages.shaped(np.ones(8, np.float32), LENGTHS, spec)
    assert found.tolist() == [1 - 0.125, 1.0, 1 - 0.125, 0.75, 0.875, 0.875, 0.875, 0.875]
    assert advantages.kept(np.ones(8, np.float32), LENGTHS, spec).tolist() == [True] * 4 + [False] * 4
    assert advantages.units(np.ones(8, np.float32), LENGTHS, spec) == 18


def test_shaped__no_target__is_the_length_cap() -> None:
    spec = _spec(length_penalty=1.0)
    cap = spec.rollout.max_new_tokens
    assert advantages.shaped(np.ones(1, np.float32), np.array([cap], np.int16), spec).tolist() == [1.0]


@pytest.mark.parametrize(("kind", "size", "filtered"), [("grpo", 4, False), ("dpo", 2, True), ("sft", 1, True)])
def test_kept__no_filter_or_another_kind__everything(kind: str, size: int, filtered: bool) -> None:
    spec = _spec(size, kind, filter_equal=filtered)
    assert advantages.units(np.zeros(8, np.float32), LENGTHS, spec) == int(LENGTHS.sum())


def test_advantages__rewards_that_dont_fill_groups__refused() -> None:
    with pytest.raises(Refused, match="don't fill"):
        advantages.advantages(np.zeros(7, np.float32), np.ones(7, np.int16), _spec())
