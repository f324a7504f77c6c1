from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import Refused
from assay.protocol import codec, merge
from assay.protocol.merge import Part
from assay.types import Reason

SIZE = 300
SEEDS = st.integers(0, 2**32 - 1)
UNITS = st.lists(st.integers(1, 10**6), min_size=1, max_size=5)


def part(seed: int, units: int, size: int = SIZE, spread: float = 0.01) -> Part:
    values = np.random.default_rng(seed).normal(0, spread, size).astype(np.float32)
    return Part(*codec.quantise(values), units)


def theta_of(seed: int, size: int = SIZE) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.05, size).astype(np.float32)


def exact(theta: float, moment: int, xs: list[int], units: list[int], lr: int, beta: int) -> tuple[np.float32, int]:
    """The rule with Python's integers."""

    def rdiv(a: int, d: int) -> int:
        return floor(Fraction(a + d // 2, d))

    shares = [u * 2**16 // sum(units) for u in units]
    g = rdiv(sum(w * x for w, x in zip(shares, xs, strict=True)), sum(shares))
    moment = rdiv(beta * moment, 4096) + g if beta else 0
    step = rdiv(lr * (g + (rdiv(beta * moment, 4096) if beta else 0)), 4096)
    return np.float32(np.float64(theta) - np.float64(step) * 2.0**-40), moment


@given(SEEDS, UNITS, st.integers(0, 4096), st.integers(0, 3891))
@settings(max_examples=40, deadline=None)
def test_merge__any_parts__equals_the_rule_in_python_integers(seed: int, units: list[int], lr: int, beta: int) -> None:
    parts = [part(seed + i, u, 40) for i, u in enumerate(units)]
    theta = theta_of(seed, 40)
    momentum = np.random.default_rng(seed).integers(-(2**40), 2**40, 40)
    after, moved = merge.merge(theta, momentum, parts, lr, beta)
    fixed = [codec.dequantise_fixed(p.q, p.scale) for p in parts]
    for i in range(40):
        want, moment = exact(float(theta[i]), int(momentum[i]), [int(x[i]) for x in fixed], units, lr, beta)
        assert after[i] == want
        assert moved is None if beta == 0 else moved is not None and int(moved[i]) == moment


@given(SEEDS, UNITS, st.randoms(use_true_random=False), st.sampled_from([0, 3686]))
@settings(max_examples=40, deadline=None)
def test_merge__any_order__gives_the_same_bits(seed: int, units: list[int], random: object, beta: int) -> None:
    parts = [part(seed + i, u) for i, u in enumerate(units)]
    shuffled = list(parts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    theta, momentum = theta_of(seed), np.random.default_rng(seed).integers(-(2**40), 2**40, SIZE)
    first, second = (merge.merge(theta, momentum, some, 2868, beta) for some in (parts, shuffled))
    assert first[0].tobytes() == second[0].tobytes()
    assert (first[1] is None and second[1] is None) or np.array_equal(first[1], second[1])


def test_merge__one_part_at_rate_one__moves_to_what_the_trainer_reached() -> None:
    before, after = theta_of(1), theta_of(1) + np.float32(1e-3)
    q, scale = codec.quantise(before - after)
    merged, momentum = merge.merge(before, None, [Part(q, scale, 5)], 4096, 0)
    assert momentum is None
    assert np.abs(merged - after).max() < 1e-3 / 127 + 1e-7


def test_merge__equal_units__is_the_mean() -> None:
    parts = [Part(*codec.quantise(np.full(256, v, np.float32)), 7) for v in (127 * 2.0**-10, 127 * 2.0**-9)]
    merged, _ = merge.merge(np.zeros(256, np.float32), None, parts, 4096, 0)
    assert np.allclose(merged, -127 * 1.5 * 2.0**-10, rtol=1e-7)


def test_merge__blocks__change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    theta, momentum = theta_of(3, 2000), np.arange(2000, dtype=np.int64) << 20
    parts = [part(i, i + 1, 2000) for i in range(3)]
    whole = merge.merge(theta, momentum, parts, 4096, 3686)
    monkeypatch.setattr(merge, "BLOCK", 512)
    cut = merge.merge(theta, momentum, parts, 4096, 3686)
    assert whole[0].tobytes() == cut[0].tobytes() and np.array_equal(whole[1], cut[1])


def test_merge__largest_values_for_ever__momentum_stays_in_bounds() -> None:
    q, scale = np.full(256, 127, np.int8), np.array([0x3D80], np.uint16)  # 127 / 16 = 7.94
    theta, momentum = np.zeros(256, np.float32), None
    for _ in range(400):
        theta, momentum = merge.merge(theta, momentum, [Part(q, scale, 1)], 4096, merge.MAX_MOMENTUM)
    assert momentum is not None and 0 < int(momentum.max()) < merge.MAX_MOMENT
    value = 127 / 16 / (1 - merge.MAX_MOMENTUM / 4096)
    assert abs(int(momentum[0]) * 2.0**-40 / value - 1) < 1e-3


def test_weights__shares__are_floors_of_two_to_the_sixteen() -> None:
    assert merge.weights([1, 1, 1]) == [21845] * 3
    assert merge.weights([3, 1]) == [49152, 16384]
    assert merge.weights([10**30, 1]) == [65535, 0]


GOOD = part(0, 4)


@pytest.mark.parametrize(
    ("theta", "momentum", "parts", "lr", "beta"),
    [
        (theta_of(0), None, [], 4096, 0),
        (theta_of(0), None, [Part(GOOD.q, GOOD.scale, 0)], 4096, 0),
        (theta_of(0), None, [Part(GOOD.q, GOOD.scale, -3)], 4096, 0),
        (theta_of(0), None, [GOOD], 4097, 0),
        (theta_of(0), None, [GOOD], -1, 0),
        (theta_of(0), None, [GOOD], 4096, 3892),
        (theta_of(0), None, [GOOD], 4096, -1),
        (theta_of(0)[:-1], None, [GOOD], 4096, 0),
        (theta_of(0).astype(np.float64), None, [GOOD], 4096, 0),
        (np.full(SIZE, np.nan, np.float32), None, [GOOD], 4096, 0),
        (theta_of(0), np.full(SIZE, merge.MAX_MOMENT, np.int64), [GOOD], 4096, 3686),
        (theta_of(0), np.full(SIZE, -(2**63), np.int64), [GOOD], 4096, 3686),
        (theta_of(0), np.zeros(SIZE, np.int32), [GOOD], 4096, 3686),
        (theta_of(0), np.zeros(SIZE - 1, np.int64), [GOOD], 4096, 3686),
        (theta_of(0), None, [GOOD, part(1, 4, SIZE + 1)], 4096, 0),
        (theta_of(0), None, [Part(np.full(SIZE, -128, np.int8), GOOD.scale, 4)], 4096, 0),
        (theta_of(0), None, [Part(GOOD.q, np.full(2, 0x7FC0, np.uint16), 4)], 4096, 0),
        (theta_of(0), None, [Part(GOOD.q, GOOD.scale[:1], 4)], 4096, 0),
        (theta_of(0), None, [part(1, 1)] * (2**16 + 1), 4096, 0),
    ],
)
def test_merge__out_of_bounds__is_refused(
    theta: np.ndarray, momentum: np.ndarray | None, parts: list[Part], lr: int, beta: int
) -> None:
    with pytest.raises(Refused) as refused:
        merge.merge(theta, momentum, parts, lr, beta)
    assert refused.value.reason == Reason.UPDATE
