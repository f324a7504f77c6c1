"""What nodes say about what they hold."""

from __future__ import annotations

import numpy as np
import pytest

from assay.errors import Refused
from assay.swarm.sources import read_bits


def test_read_bits__most_significant_first__is_one_truth_a_chunk() -> None:
    assert read_bits(b"\xa0\x80", 9).tolist() == [True, False, True, False, False, False, False, False, True]
    assert read_bits(b"", 0).tolist() == []
    assert read_bits(b"\xff", 8).dtype == np.bool_


@pytest.mark.parametrize(("data", "chunks"), [(b"", 1), (b"\x00\x00", 8), (b"\x01", 7), (b"\xff", 9), (b"\x80", 0)])
def test_read_bits__other_length_or_padding__is_refused(data: bytes, chunks: int) -> None:
    with pytest.raises(Refused, match="bitfield"):
        read_bits(data, chunks)
