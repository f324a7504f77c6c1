"""The next checkpoint from the included pseudo-gradients, in exact integers: the same bits everywhere, in any order.

Every contribution is read as integers in units of 2^-40, weighted by its share of the units, summed, and rounded once;
the outer momentum is an integer too. Knows nothing of files, votes or who trained. Doesn't protect against a bad
gradient that was accepted; it bounds what one can hold, and refuses sums that could overflow.

Source: the aggregation rule of the protocol (research/mlreview.md section 2): g = rdiv(Σ w·x, Σ w), Nesterov momentum,
θ' = float32(float64(θ) − float64(step) · 2^-40).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.errors import Refused
from assay.protocol import codec
from assay.types import Reason

UNIT = 4096  # learning rate and momentum are integers over this
MAX_LR = 4096
MAX_MOMENTUM = 3891  # 0.95: above it the momentum could leave 64 bits
WEIGHT_BITS = 16
MAX_MEAN = 1 << 43  # no dequantised value reaches it
MAX_MOMENT = 1 << 48  # 2^43 / (1 − 0.95) < 2^48
BLOCK = 1 << 15  # values worked on together: stays in the cache, and bounds the memory

I64 = NDArray[np.int64]
F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Part:
    """An included pseudo-gradient (base − after): q int8[n], bf16 scales uint16[⌈n/256⌉], verified units > 0."""

    q: NDArray[np.int8]
    scale: NDArray[np.uint16]
    units: int


@dataclass(frozen=True, slots=True)
class Revision:
    """The parts of an earlier round that were merged, and those that ought to have been; either may be empty."""

    before: Sequence[Part]
    after: Sequence[Part]


def _refuse(message: str) -> Refused:
    return Refused(message, Reason.UPDATE)


def rdiv(dividend: I64, divisor: int) -> I64:
    """Return ⌊(a + ⌊d/2⌋) / d⌋: division rounded to nearest, halves up."""
    return (dividend + np.int64(divisor // 2)) // np.int64(divisor)


def weights(units: Sequence[int]) -> list[int]:
    """Return ⌊units_i · 2^16 / Σ units⌋ per part. Raises Refused if there is none, one isn't positive, or all get 0."""
    if not units or min(units) <= 0:
        raise _refuse("A merge needs at least one part, each with more than 0 units.")
    total = sum(units)
    shares = [(u << WEIGHT_BITS) // total for u in units]
    if sum(shares) == 0:
        raise _refuse("There are too many parts to weigh: every share is below 2^-16.")
    return shares


def merge(
    theta: F32,
    momentum: I64 | None,
    parts: Sequence[Part],
    outer_lr_4096: int,
    momentum_4096: int,
    revisions: Sequence[Revision] = (),
) -> tuple[F32, I64 | None]:
    """Return (next weights float32[n], next momentum int64[n] or None if momentum_4096 is 0).

    theta: float32[n], finite; momentum: int64[n] in units of 2^-40, None for zeros; parts and revisions in any order.
    A revision adds the mean of its parts after less that before, and only then may `parts` be empty.
    outer_lr_4096 in [0, 4096] and momentum_4096 in [0, 3891] are in 1/4096. Raises Refused on anything out of bounds.
    """
    revised = [part for revision in revisions for part in (*revision.before, *revision.after)]
    _check(theta, momentum, [*parts, *revised], outer_lr_4096, momentum_4096)
    if not parts and not revisions:
        raise _refuse("A merge needs at least one part, or something to revise.")
    means = [(1, _Mean(parts))]
    means += [(sign, _Mean(side)) for r in revisions for sign, side in ((1, r.after), (-1, r.before))]
    after = np.empty_like(theta)
    moved = np.empty(theta.shape, dtype=np.int64) if momentum_4096 else None
    for at in range(0, len(theta), BLOCK):
        cut = slice(at, min(at + BLOCK, len(theta)))
        mean = sum((sign * part.block(cut) for sign, part in means), np.zeros(cut.stop - cut.start, dtype=np.int64))
        if revisions:  # what one gradient can be, so that the momentum stays within 64 bits
            mean = np.clip(mean, -MAX_MEAN, MAX_MEAN)
        if moved is not None:
            before = momentum[cut] if momentum is not None else np.zeros(len(mean), dtype=np.int64)
            moved[cut] = rdiv(before * np.int64(momentum_4096), UNIT) + mean
            mean += rdiv(moved[cut] * np.int64(momentum_4096), UNIT)
        step = rdiv(mean * np.int64(outer_lr_4096), UNIT)
        after[cut] = theta[cut].astype(np.float64) - step.astype(np.float64) * 2.0**-codec.FRACTION_BITS
    if not bool(np.isfinite(after).all()):
        raise _refuse("The merged weights have a value that isn't finite.")
    return after, moved


class _Mean:
    """The mean of some parts, weighted by their units, block by block; zeros where there are none."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._shares = weights([part.units for part in parts]) if parts else []

    def block(self, cut: slice) -> I64:
        """Return one block of values: |x| < 2^43 and Σ w ≤ 2^16 keep the sum below 2^59."""
        total = np.zeros(cut.stop - cut.start, dtype=np.int64)
        scales = slice(cut.start // codec.BLOCK, codec.blocks_of(cut.stop))
        for part, share in zip(self._parts, self._shares, strict=True):
            total += np.int64(share) * codec.dequantise_fixed(part.q[cut], part.scale[scales])
        return rdiv(total, sum(self._shares)) if self._parts else total


def _check(theta: F32, momentum: I64 | None, parts: Sequence[Part], outer_lr_4096: int, momentum_4096: int) -> None:
    if theta.dtype != np.float32 or theta.ndim != 1 or not bool(np.isfinite(theta).all()):
        raise _refuse("The weights must be a flat float32 array of finite values.")
    if not 0 <= outer_lr_4096 <= MAX_LR:
        raise _refuse(f"The outer learning rate must lie in 0 to {MAX_LR} (of {UNIT}).")
    if not 0 <= momentum_4096 <= MAX_MOMENTUM:
        raise _refuse(f"The outer momentum must lie in 0 to {MAX_MOMENTUM} (of {UNIT}).")
    if momentum is not None:
        if momentum.dtype != np.int64 or momentum.shape != theta.shape:
            raise _refuse("The momentum must be int64 of the shape of the weights.")
        if len(momentum) and (int(momentum.max()) >= MAX_MOMENT or int(momentum.min()) <= -MAX_MOMENT):
            raise _refuse("The momentum is out of bounds.")
    for part in parts:
        if part.q.shape != theta.shape or part.scale.shape != (codec.blocks_of(len(theta)),):
            raise _refuse("A part doesn't have the size of the weights.")
