from __future__ import annotations

import numpy as np
import pytest
import torch

from assay.errors import Refused
from assay.model import profile


def test_bits__bf16__round_to_nearest_even() -> None:
    values = np.array([1.0, -1.0, 1.00390625, 1.01171875, 0.0], np.float32)
    bits = profile.bits(values, "bf16")
    assert bits.dtype == np.uint16 and bits.tolist() == [0x3F80, 0xBF80, 0x3F80, 0x3F82, 0]


def test_bits__float32__are_the_values_own_also_strided_and_with_gradient() -> None:
    values = torch.tensor([[1.0, -0.5], [3.0, 0.1]], requires_grad=True).T
    bits = profile.bits(values, "float32")
    assert bits.dtype == np.uint32 and np.array_equal(bits.view(np.float32), values.detach().numpy())


def test_bits__unknown_patterns__refused() -> None:
    with pytest.raises(Refused, match="unknown patterns"):
        profile.bits(np.zeros(1, np.float32), "fp8")
