"""How a pseudo-gradient travels: blocks of 256 values as int8 with one bf16 scale each, and its exact integer reading.

`dequantise_fixed` is the reading that counts: integers in units of 2^-40, the same on every machine. Knows nothing of
files or of models. Doesn't protect against a wrong gradient; it only bounds a stranger's one (every |value| < 8).

Source: the aggregation rule of the protocol (blocks of 256, q in [−127, 127], scale ≥ 0, one rounding at k = 40).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.errors import Refused
from assay.types import Reason

BLOCK = 256
LEVELS = 127
FRACTION_BITS = 40
BOUND = 8.0
_INFINITY = 0x7F80  # the first bf16 pattern that isn't finite; with the sign bit set every pattern is larger


def blocks_of(size: int) -> int:
    """Return how many scales `size` values have."""
    return -(-size // BLOCK)


def _refuse(message: str, value: float | None = None, threshold: float | None = None) -> Refused:
    return Refused(message, Reason.UPDATE, None, value, threshold)


def _scale_up(peaks: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Return the least bf16 pattern s with 127 · s ≥ peak, so that no value leaves [−127, 127]."""
    exact = peaks / LEVELS
    near = exact.astype(np.float32)
    near = np.where(near < exact, np.nextafter(near, np.float32(np.inf)), near)
    patterns: NDArray[np.uint16] = ((near.view(np.uint32) + np.uint32(0xFFFF)) >> np.uint32(16)).astype(np.uint16)
    return patterns


def scales(pattern: NDArray[np.uint16]) -> NDArray[np.float64]:
    """Return bf16 bit patterns as exact float64 values."""
    return (pattern.astype(np.uint32) << np.uint32(16)).view(np.float32).astype(np.float64)


def quantise(values: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.uint16]]:
    """Quantise float32[n] to (q int8[n], scale bf16 patterns uint16[⌈n/256⌉]), each value to within half a scale.

    Raises Refused if a value isn't finite or would read back at 8 or more.
    """
    if not bool(np.isfinite(values).all()):
        raise _refuse("The update has a value that isn't finite.")
    count = blocks_of(len(values))
    padded = np.zeros(count * BLOCK, dtype=np.float64)
    padded[: len(values)] = values
    grid = padded.reshape(count, BLOCK)
    peaks = np.abs(grid).max(axis=1) if count else np.zeros(0)
    if count and peaks.max() >= BOUND:
        raise _refuse("The update has a value of 8 or more.", float(peaks.max()), BOUND)
    pattern = _scale_up(peaks)
    step = scales(pattern)[:, None]
    q = np.rint(np.divide(grid, step, out=np.zeros_like(grid), where=step > 0))
    packed = q.astype(np.int8).reshape(-1)[: len(values)].copy()
    check_bounds(packed, pattern)
    return packed, pattern


def check_bounds(q: NDArray[np.int8], scale: NDArray[np.uint16]) -> None:
    """Raise Refused unless (q, scale) is a bounded update: sizes fit, finite scale ≥ 0, q ≠ −128, |q · s| < 8."""
    if q.dtype != np.int8 or scale.dtype != np.uint16 or q.ndim != 1 or scale.shape != (blocks_of(len(q)),):
        raise _refuse(f"The update needs int8 values and one uint16 scale for each {BLOCK} of them.")
    if bool((scale >= _INFINITY).any()):
        raise _refuse("The update has a scale that is negative or not finite.")
    if len(q) and int(q.min()) < -LEVELS:
        raise _refuse("The update has the value -128.", -128.0, -float(LEVELS))
    if len(q):
        largest = np.maximum.reduceat(np.abs(q), np.arange(0, len(q), BLOCK)).astype(np.float64)
        peak = float((largest * scales(scale)).max())
        if peak >= BOUND:
            raise _refuse("The update has a value of 8 or more.", peak, BOUND)


def dequantise(q: NDArray[np.int8], scale: NDArray[np.uint16]) -> NDArray[np.float64]:
    """Return q · scale as float64[n], exact (15 significant bits at most). Raises Refused if out of bounds."""
    check_bounds(q, scale)
    return q.astype(np.float64) * np.repeat(scales(scale), BLOCK)[: len(q)]


def dequantise_fixed(q: NDArray[np.int8], scale: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Return rint(q · scale · 2^40) as int64[n], |x| < 2^43: one rounding, half to even. Refused if out of bounds."""
    values = dequantise(q, scale)
    values *= 2.0**FRACTION_BITS
    return np.rint(values, out=values).astype(np.int64)
