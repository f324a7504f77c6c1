from __future__ import annotations

import numpy as np
import pytest

from assay.errors import Refused
from assay.model import profile


def test_patterns__bf16__rounds_to_nearest_even() -> None:
    values = np.array([1.0, -1.0, 1.00390625, 1.01171875, 0.0], np.float32)
    assert profile.patterns(values, "bf16").tolist() == [0x3F80, 0xBF80, 0x3F80, 0x3F82, 0]


def test_patterns__float32__mantissa_bits_22_to_8() -> None:
    bits = np.array([0x3F800000, 0xBFFFFFFF, 0x3F8000FF, 0x3F800100], np.uint32)
    assert profile.patterns(bits.view(np.float32), "float32").tolist() == [0, 0x7FFF, 0, 1]


def test_ranks__both_profiles__order_by_magnitude() -> None:
    values = np.array([[-3.0, 0.5], [2.0, -0.001]], np.float32)
    for name in profile.PROFILES:
        ranks = profile.ranks(values, name)
        assert ranks.dtype == np.uint32 and ranks.shape == (2, 2)
        assert np.array_equal(np.argsort(ranks.reshape(-1)), np.argsort(np.abs(values).reshape(-1)))


def test_ranks__bf16__of_the_rounded_value() -> None:
    assert profile.ranks(np.array([1.00390625], np.float32), "bf16").tolist() == [0x3F800000]


def test_patterns__unknown_profile__refused() -> None:
    for function in (profile.patterns, profile.ranks):
        with pytest.raises(Refused, match="unknown profile"):
            function(np.zeros(1, np.float32), "fp8")
