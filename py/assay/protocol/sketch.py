"""A gradient's sketch: 64 sums of its values with pseudo-random signs, as float16 in 128 bytes.

Inner products of sketches estimate those of gradients (a CountSketch: value i goes to sum i mod 64; all values of one
row of 64 share a sign). So replayed gradients show before anything is opened. Knows no model. It proves nothing by
itself: the gradient's root does.

Source: research/toploc.md section 2.7.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

WIDTH: Final = 64
BYTES: Final = 2 * WIDTH
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_LARGEST: Final = float(np.finfo(np.float16).max)


class Sketch:
    """A sketch that grows: `add` takes the gradient in pieces of whole rows, in order; only the last may be ragged."""

    def __init__(self) -> None:
        self._sums = np.zeros(WIDTH)
        self._rows = 0

    def add(self, values: NDArray[np.float32]) -> None:
        """Take the next values, float32[n]."""
        whole = values.size // WIDTH
        rows = np.arange(self._rows, self._rows + whole + 1, dtype=np.uint64)
        signs = np.where((rows * _MIX) >> np.uint64(63), -1.0, 1.0)
        # A sum over the first axis adds row after row, so that every machine rounds alike.
        table = values[: whole * WIDTH].reshape(whole, WIDTH)
        self._sums += np.add.reduce(table * signs[:whole, None], axis=0, dtype=np.float64)
        rest = values[whole * WIDTH :]
        self._sums[: rest.size] += signs[whole] * rest
        self._rows += whole

    def bytes(self) -> bytes:
        """Return the sums as 64 little-endian float16, clipped to what those can hold."""
        return np.clip(self._sums, -_LARGEST, _LARGEST).astype("<f2").tobytes()


def cosine(one: bytes, other: bytes) -> float:
    """Return the cosine of two sketches, 0 where either is zero or not finite."""
    a, b = (np.frombuffer(sketch, "<f2").astype(np.float64) for sketch in (one, other))
    length = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / length if 0 < length < np.inf else 0.0
