from __future__ import annotations

import numpy as np
import pytest
import torch

from assay.errors import Refused
from assay.model import loss


def test_advantages__two_groups__reward_minus_group_mean() -> None:
    rewards = np.array([1, 0, 0.5, 0.5, 0.2, 0.2, 0.2, 0.2], np.float32)
    assert loss.advantages(rewards, 4).tolist() == pytest.approx([0.5, -0.5, 0, 0, 0, 0, 0, 0])


def test_advantages__scaled__unit_spread_in_each_group_that_varies() -> None:
    scaled = loss.advantages(np.array([1, 0, 0.6, 0.4], np.float32), 2, scaled=True)
    assert scaled.tolist() == pytest.approx([1, -1, 1, -1], rel=2e-3)


def test_advantages__rewards_that_dont_fill_groups__refused() -> None:
    with pytest.raises(Refused, match="don't fill"):
        loss.advantages(np.zeros(7, np.float32), 4)


def _value(ratio: float, advantage: float) -> tuple[float, float]:
    new = torch.tensor([[np.log(ratio)]], dtype=torch.float32, requires_grad=True)
    value = loss.grpo_loss(new, torch.zeros(1, 1), torch.tensor([advantage]), torch.ones(1, 1), 0.2, 0.28)
    value.backward()
    assert new.grad is not None
    return float(value.item()), float(new.grad[0, 0])


@pytest.mark.parametrize(
    ("ratio", "advantage", "objective", "moves"),
    [
        (1.1, 1.0, 1.1, True),
        (1.5, 1.0, 1.28, False),
        (0.5, 1.0, 0.5, True),
        (0.5, -1.0, -0.8, False),
        (1.5, -1.0, -1.5, True),
        (9.0, -1.0, -4.0, False),
    ],
)
def test_grpo_loss__ratio_and_advantage__clipped_on_both_sides(
    ratio: float, advantage: float, objective: float, moves: bool
) -> None:
    value, gradient = _value(ratio, advantage)
    assert -value == pytest.approx(objective, rel=1e-5)
    assert (gradient != 0) is moves


def test_grpo_loss__masked_places__count_for_nothing() -> None:
    new = torch.tensor([[0.1, 500.0]], requires_grad=True)
    mask, weight = torch.tensor([[1.0, 0.0]]), torch.tensor([1.0])
    value = loss.grpo_loss(new, torch.zeros(1, 2), weight, mask, 0.2, 0.28)
    value.backward()
    assert float(value.item()) == pytest.approx(-np.exp(0.1), rel=1e-6)
    assert new.grad is not None and torch.isfinite(new.grad).all() and new.grad[0, 1] == 0


def test_token_logprobs__temperature__softmax_of_scaled_logits() -> None:
    logits = torch.tensor([[[0.0, 2.0, 4.0]]])
    found = loss.token_logprobs(logits, torch.tensor([[2]]), 2.0)
    assert float(found[0, 0]) == pytest.approx(2 - np.log(1 + np.e + np.e**2), rel=1e-6)
