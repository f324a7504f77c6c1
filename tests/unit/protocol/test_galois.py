from __future__ import annotations

import numpy as np
import pytest

from assay.protocol import galois

P = galois.PRIME


def horner(coefficients: np.ndarray, x: np.ndarray) -> np.ndarray:
    value = np.zeros_like(x, dtype=np.int64)
    for row in coefficients.T[::-1]:
        value = (value * x + row[:, None]) % P
    return value


def points(count: int, batch: int, seed: int = 0) -> np.ndarray:
    chance = np.random.default_rng(seed)
    return np.stack([chance.choice(P, count, replace=False) for _ in range(batch)]).astype(np.uint32)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 16, 17, 31, 64, 100, 128, 200])
def test_interpolate__any_points__gives_the_polynomial_through_them(count: int) -> None:
    x = points(count, 5, count)
    y = np.random.default_rng(count).integers(0, P, x.shape).astype(np.uint32)
    y[0], y[1, ::2] = P - 1, 0
    coefficients = galois.interpolate(x, y)
    assert coefficients.dtype == np.uint32 and int(coefficients.max()) < P
    assert np.array_equal(horner(coefficients, x.astype(np.int64)), y)


@pytest.mark.parametrize(("terms", "count"), [(1, 1), (1, 9), (5, 2), (16, 16), (17, 3), (128, 128), (129, 4)])
def test_evaluate__any_polynomial__equals_horner(terms: int, count: int) -> None:
    chance = np.random.default_rng(terms)
    coefficients = chance.integers(0, P, (6, terms)).astype(np.uint32)
    coefficients[0] = P - 1
    x = chance.integers(0, P, (6, count)).astype(np.uint32)
    x[:, 0] = [0, 1, P - 1, P, P + 1, 0xFFFF]
    assert np.array_equal(galois.evaluate(coefficients, x), horner(coefficients, x.astype(np.int64)))


@pytest.mark.parametrize("value", [0, 1, P // 2, P // 2 + 1, P - 1])
def test_interpolate__most_points_and_extreme_values__stays_exact(value: int) -> None:
    x = np.arange(galois.MAX_POINTS, dtype=np.uint32)[None] * 15 + 7
    y = np.full(x.shape, value, np.uint32)
    y[0, -1] = P // 2
    coefficients = galois.interpolate(x, y)
    some = slice(None, None, 97)
    assert np.array_equal(horner(coefficients, x[:, some].astype(np.int64)), y[:, some])
    assert np.array_equal(galois.evaluate(coefficients, x), y)


def test_multiply__longest_factors_of_the_largest_values__rounds_to_the_exact_product() -> None:
    for left, right in ((P // 2, P // 2), (-(P // 2), P // 2), (1, -(P // 2))):
        pair = np.array([[left], [right]], float).repeat(galois.MAX_POINTS, axis=1)
        found = galois._multiply(pair)
        terms = np.minimum(np.arange(1, 2 * galois.MAX_POINTS), np.arange(1, 2 * galois.MAX_POINTS)[::-1])
        expected = [(int(n) * left * right) % P for n in terms]
        assert (found % P).tolist() == expected


def test_interpolate__many_polynomials__equals_one_by_one() -> None:
    x = points(128, 70)
    y = np.random.default_rng(1).integers(0, P, x.shape).astype(np.uint32)
    whole = galois.interpolate(x, y)
    assert all(np.array_equal(galois.interpolate(x[i : i + 1], y[i : i + 1])[0], whole[i]) for i in range(0, 70, 9))
    assert galois.interpolate(x[:0], y[:0]).shape == (0, 128)
