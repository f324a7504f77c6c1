"""The losses against formulas written out: those of trl's trainers, and INTELLECT-2's two-sided clipping."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from assay.model import loss
from assay.protocol.sections import LossSpec


def _value(ratio: float, advantage: float, **rules: Any) -> tuple[float, float]:
    new = torch.tensor([np.log(ratio)], dtype=torch.float32, requires_grad=True)
    value = loss.grpo(new, torch.zeros(1), torch.tensor([advantage]), LossSpec(clip_high=0.28, **rules)).sum()
    value.backward()
    assert new.grad is not None
    return float(value.item()), float(new.grad[0])


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
def test_grpo__ratio_and_advantage__clipped_on_both_sides(
    ratio: float, advantage: float, objective: float, moves: bool
) -> None:
    value, gradient = _value(ratio, advantage)
    assert -value == pytest.approx(objective, rel=1e-5)
    assert (gradient != 0) is moves


def test_grpo__random_tokens__value_and_gradient_of_trls_two_sided_loss() -> None:
    rng = np.random.default_rng(0)
    old, start = (torch.from_numpy(-rng.random(400).astype(np.float32) * 3) for _ in range(2))
    advantage = torch.from_numpy(rng.standard_normal(400).astype(np.float32))
    own, theirs = start.clone().requires_grad_(), start.clone().requires_grad_()
    rules = LossSpec(clip_low=0.2, clip_high=0.28, cap=4.0, kl=0.04)
    loss.grpo(own, old, advantage, rules).mean().backward()
    # trl's GRPOTrainer._compute_loss with delta, epsilon, epsilon_high and beta; the reference is what sampled
    coef_1 = torch.exp(theirs - old)
    coef_2 = torch.clamp(coef_1, 1 - 0.2, 1 + 0.28)
    coef_1 = torch.clamp(coef_1, max=4.0)
    per_token_loss = -torch.min(coef_1 * advantage, coef_2 * advantage)
    per_token_kl = torch.exp(old - theirs) - (old - theirs) - 1
    (per_token_loss + 0.04 * per_token_kl).mean().backward()
    assert torch.allclose(loss.grpo(start, old, advantage, rules), per_token_loss + 0.04 * per_token_kl, atol=1e-6)
    assert own.grad is not None and theirs.grad is not None and torch.allclose(own.grad, theirs.grad, atol=1e-8)


def test_grpo__log_probs_far_apart__finite_value_and_gradient() -> None:
    new = torch.tensor([-1.0, -300.0], requires_grad=True)
    value = loss.grpo(new, torch.tensor([-300.0, -1.0]), torch.tensor([-1.0, 1.0]), LossSpec(kl=1.0)).sum()
    value.backward()
    assert torch.isfinite(value) and new.grad is not None and torch.isfinite(new.grad).all()


def test_grpo__policies_agree__no_divergence() -> None:
    same = torch.linspace(-5, 0, 11)
    assert torch.equal(loss.grpo(same, same, torch.zeros(11), LossSpec(kl=1.0)), torch.zeros(11))


def test_dpo__random_pairs__value_and_gradient_of_trls_sigmoid_loss() -> None:
    rng = np.random.default_rng(1)
    reference, start = (torch.from_numpy(-20 * rng.random((30, 2)).astype(np.float32)) for _ in range(2))
    own, theirs = start.clone().requires_grad_(), start.clone().requires_grad_()
    loss.dpo(own, reference, 0.1).mean().backward()
    # trl's DPOTrainer.dpo_loss, loss_type "sigmoid"
    logits = (theirs[:, 0] - theirs[:, 1]) - (reference[:, 0] - reference[:, 1])
    losses = -torch.nn.functional.logsigmoid(0.1 * logits)
    losses.mean().backward()
    assert torch.allclose(loss.dpo(start, reference, 0.1), losses, rtol=1e-5)
    assert own.grad is not None and theirs.grad is not None and torch.allclose(own.grad, theirs.grad, rtol=1e-4)


def test_token_logprobs__temperature__softmax_of_scaled_logits() -> None:
    logits = torch.tensor([[[0.0, 2.0, 4.0]]])
    found = loss.token_logprobs(logits, torch.tensor([[2]]), 2.0)
    assert float(found[0, 0]) == pytest.approx(2 - np.log(1 + np.e + np.e**2), rel=1e-6)
