"""AdamW as a chain of single IEEE float32 operations, so that every machine computes the same bits from equal input.

Add, subtract, multiply, divide and square root are correctly rounded in NumPy, and NumPy fuses none of them; β^t is
carried as a float64 product because `pow` isn't exact. Work goes block by block, so that all operands stay in cache.
Knows no model and no loss; it doesn't make gradients equal across machines. Source: research/mlreview.md section 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assay.errors import Refused

Floats = NDArray[np.float32]
BLOCK: Final = 32_768


@dataclass(frozen=True, slots=True)
class AdamWSettings:
    """Step size, decay of both moments, ε and decoupled weight decay; each is rounded to float32 before use."""

    lr: float
    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float


@dataclass(slots=True)
class AdamWState:
    """First and second moment float32[n], and β1^t, β2^t as float64 running products."""

    first: Floats
    second: Floats
    product1: float = 1.0
    product2: float = 1.0

    @classmethod
    def zero(cls, n: int) -> AdamWState:
        return cls(np.zeros(n, np.float32), np.zeros(n, np.float32))

    def products_at(self, step: int, settings: AdamWSettings) -> AdamWState:
        """Set the β products to those before step `step`, counted from 0; return the state."""
        self.product1 = self.product2 = 1.0
        for _ in range(step):
            self.product1 *= float(np.float32(settings.beta1))
            self.product2 *= float(np.float32(settings.beta2))
        return self


def norm(gradient: Floats) -> float:
    """Return the Euclidean norm of float32[n], summed in float64 by blocks and exactly across them."""
    sums = (np.square(gradient[at : at + BLOCK], dtype=np.float64).sum() for at in range(0, gradient.size, BLOCK))
    return math.sqrt(math.fsum(float(value) for value in sums))


def clip(gradient: Floats, max_norm: float) -> float:
    """Scale float32[n] in place to a norm of at most `max_norm`; return the norm before. Refused if not finite."""
    length = norm(gradient)
    if not math.isfinite(length):
        raise Refused("the gradient is not finite")
    if (factor := clip_factor(length, max_norm)) is not None:
        gradient *= factor
    return length


def clip_factor(length: float, max_norm: float) -> np.float32 | None:
    """Return what a gradient of this norm is multiplied by; None when it is left as it is."""
    return np.float32(max_norm / length) if length > max_norm else None


def step(theta: Floats, gradient: Floats, state: AdamWState, settings: AdamWSettings) -> None:
    """Take one AdamW step in place: theta float32[n] and the state change, the gradient doesn't."""
    lr, beta1, beta2 = np.float32(settings.lr), np.float32(settings.beta1), np.float32(settings.beta2)
    one, epsilon = np.float32(1.0), np.float32(settings.epsilon)
    keep = one - lr * np.float32(settings.weight_decay)
    fresh1, fresh2 = one - beta1, one - beta2
    state.product1 *= float(beta1)
    state.product2 *= float(beta2)
    bias1, bias2 = np.float32(1.0 - state.product1), np.float32(1.0 - state.product2)
    room, spare = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    for at in range(0, theta.size, BLOCK):
        g, m = gradient[at : at + BLOCK], state.first[at : at + BLOCK]
        v, p = state.second[at : at + BLOCK], theta[at : at + BLOCK]
        a, b = room[: g.size], spare[: g.size]
        m *= beta1
        np.multiply(g, fresh1, out=a)
        m += a
        np.multiply(g, g, out=a)
        a *= fresh2
        v *= beta2
        v += a
        np.divide(v, bias2, out=a)
        np.sqrt(a, out=a)
        a += epsilon
        np.divide(m, bias1, out=b)
        b /= a
        b *= lr
        p *= keep
        p -= b
