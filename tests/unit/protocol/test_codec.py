from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Refused
from assay.protocol import codec
from assay.types import Reason

VALUES = st.lists(st.floats(-7.984375, 7.984375, width=32, allow_nan=False), min_size=0, max_size=600)


@given(VALUES)
def test_quantise__any_values__reads_back_within_half_a_scale(values: list[float]) -> None:
    x = np.array(values, np.float32)
    try:
        q, scale = codec.quantise(x)
    except Refused as refused:  # a peak near 8 may round up to it
        assert refused.value is not None and refused.value >= codec.BOUND
        return
    back = codec.dequantise(q, scale)
    step = np.repeat(codec.scales(scale), codec.BLOCK)[: len(x)]
    assert (np.abs(back - x.astype(np.float64)) <= step / 2).all()
    assert q.dtype == np.int8 and scale.shape == (codec.blocks_of(len(x)),)


@given(st.lists(st.integers(-127, 127), min_size=1, max_size=300), st.integers(0, 0x3D80))
def test_dequantise_fixed__any_block__is_the_exact_product_rounded_once(q: list[int], pattern: int) -> None:
    scale = np.full(codec.blocks_of(len(q)), pattern, np.uint16)
    fixed = codec.dequantise_fixed(np.array(q, np.int8), scale)
    unit = Fraction(float(codec.scales(scale)[0])) * 2**40
    assert fixed.tolist() == [round(value * unit) for value in q]


def test_quantise__zeros__have_scale_zero() -> None:
    q, scale = codec.quantise(np.zeros(257, np.float32))
    assert not q.any() and scale.tolist() == [0, 0]


def test_quantise__peak__uses_nearly_all_levels() -> None:
    q, _ = codec.quantise(np.linspace(-0.003, 0.003, 256, dtype=np.float32))
    assert 125 <= int(q.max()) <= 127


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 8.0, -9.0])
def test_quantise__not_finite_or_too_large__is_refused(bad: float) -> None:
    with pytest.raises(Refused) as refused:
        codec.quantise(np.array([0.1, bad], np.float32))
    assert refused.value.reason == Reason.UPDATE


@pytest.mark.parametrize(
    ("q", "scale"),
    [
        (np.array([-128], np.int8), np.array([0x3C00], np.uint16)),
        (np.array([1], np.int8), np.array([0x7F80], np.uint16)),  # infinity
        (np.array([1], np.int8), np.array([0x7FC0], np.uint16)),  # not a number
        (np.array([1], np.int8), np.array([0xBC00], np.uint16)),  # negative
        (np.array([127], np.int8), np.array([0x3D82], np.uint16)),  # 127 · s > 8
        (np.zeros(257, np.int8), np.zeros(1, np.uint16)),
        (np.zeros(5, np.int16), np.zeros(1, np.uint16)),
    ],
)
def test_dequantise_fixed__hostile_update__is_refused(q: np.ndarray, scale: np.ndarray) -> None:
    with pytest.raises(Refused) as refused:
        codec.dequantise_fixed(q, scale)
    assert refused.value.reason == Reason.UPDATE
