"""Sketches: the same in any pieces, and their products tell like gradients from unlike ones."""

from __future__ import annotations

import numpy as np
import pytest

from assay.protocol.sketch import BYTES, WIDTH, Sketch, cosine

ROWS = np.random.default_rng(3).standard_normal((3, 40 * WIDTH + 7)).astype(np.float32)


def sketched(values: np.ndarray, piece: int = 10**9) -> bytes:
    sketch = Sketch()
    for at in range(0, values.size, piece):
        sketch.add(values[at : at + piece])
    return sketch.bytes()


def test_sketch__in_pieces__is_the_sketch_of_the_whole() -> None:
    whole = np.frombuffer(sketched(ROWS[0]), "<f2").astype(float)
    pieces = np.frombuffer(sketched(ROWS[0], 4 * WIDTH), "<f2").astype(float)
    assert len(sketched(ROWS[0])) == BYTES
    assert np.abs(whole - pieces).max() <= 2**-9 * np.abs(whole).max()


def test_sketch__norm__is_near_the_gradients() -> None:
    sums = np.frombuffer(sketched(ROWS[0]), "<f2").astype(float)
    assert np.linalg.norm(sums) == pytest.approx(np.linalg.norm(ROWS[0]), rel=0.3)


def test_cosine__same_nearly_same_and_other__tells_them_apart() -> None:
    mine = sketched(ROWS[0])
    assert cosine(mine, mine) == pytest.approx(1.0)
    assert cosine(mine, sketched(ROWS[0] + np.float32(0.01) * ROWS[1])) > 0.99
    assert abs(cosine(mine, sketched(ROWS[2]))) < 0.5


def test_cosine__zero_or_endless__is_zero() -> None:
    assert cosine(bytes(BYTES), sketched(ROWS[0])) == 0.0
    assert cosine(b"\x00\x7c" * WIDTH, sketched(ROWS[0])) == 0.0
