from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from assay.errors import Refused
from assay.model import optimizer

SETTINGS = optimizer.AdamWSettings(lr=3e-4, beta1=0.9, beta2=0.95, epsilon=1e-8, weight_decay=0.01)
SIZE = optimizer.BLOCK * 2 + 77
F = np.float32


def _gradients(steps: int) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(1)
    return [(rng.standard_normal(SIZE) * 10.0 ** rng.integers(-20, 1, SIZE)).astype(F) for _ in range(steps)]


def test_step__whole_arrays_one_operation_at_a_time__bit_equal() -> None:
    theta = np.random.default_rng(0).standard_normal(SIZE).astype(F)
    reference, first, second = theta.copy(), np.zeros(SIZE, F), np.zeros(SIZE, F)
    state = optimizer.AdamWState.zero(SIZE)
    power1 = power2 = 1.0
    for gradient in _gradients(5):
        optimizer.step(theta, gradient, state, SETTINGS)
        power1, power2 = power1 * float(F(0.9)), power2 * float(F(0.95))
        first = first * F(0.9) + gradient * (F(1) - F(0.9))
        second = second * F(0.95) + gradient * gradient * (F(1) - F(0.95))
        # A square root in float64, rounded once, is the correctly rounded float32 one.
        root = np.sqrt((second / F(1.0 - power2)).astype(np.float64)).astype(F)
        move = first / F(1.0 - power1) / (root + F(1e-8)) * F(3e-4)
        reference = reference * (F(1) - F(3e-4) * F(0.01)) - move
    assert theta.tobytes() == reference.tobytes()
    assert state.first.tobytes() == first.tobytes() and state.second.tobytes() == second.tobytes()
    assert (state.product1, state.product2) == (power1, power2)


def test_step__torch_adamw__close() -> None:
    theta = np.random.default_rng(0).standard_normal(SIZE).astype(F)
    parameter = torch.nn.Parameter(torch.from_numpy(theta.copy()))
    adamw = torch.optim.AdamW([parameter], lr=3e-4, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.01)
    state = optimizer.AdamWState.zero(SIZE)
    for gradient in _gradients(5):
        optimizer.step(theta, gradient, state, SETTINGS)
        parameter.grad = torch.from_numpy(gradient)
        adamw.step()
    np.testing.assert_allclose(theta, parameter.detach().numpy(), atol=5e-7)


def test_step__denormal_gradient__moments_stay_denormal() -> None:
    theta, state = np.ones(4, F), optimizer.AdamWState.zero(4)
    optimizer.step(theta, np.full(4, 1e-40, F), state, SETTINGS)
    assert 0 < state.first[0] < np.finfo(F).tiny


def test_clip__long_and_short_gradient__only_the_long_one_is_scaled() -> None:
    gradient = np.full(SIZE, 2.0, F)
    assert optimizer.clip(gradient, 1.0) == pytest.approx(2 * SIZE**0.5)
    assert optimizer.norm(gradient) == pytest.approx(1.0, rel=1e-6)
    before = gradient.copy()
    optimizer.clip(gradient, 5.0)
    assert np.array_equal(gradient, before)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_clip__not_finite__refused(bad: float) -> None:
    with pytest.raises(Refused, match="not finite"):
        optimizer.clip(np.array([1.0, bad], F), 1.0)
