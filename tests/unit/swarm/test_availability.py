"""Which chunk a seat draws."""

from __future__ import annotations

from collections import Counter

import pytest

from assay.errors import Refused
from assay.protocol.hashing import keccak
from assay.swarm.availability import Draw

SEED = bytes(range(16))


def test_chunk__is_keccak_of_tag_seed_submission_and_seat() -> None:
    expected = int.from_bytes(keccak(b"assay.chunk" + SEED + b"\x01\x02" + b"\x03"), "big") % 1000
    assert Draw(SEED, 0x0102, 3).chunk(1000) == expected


def test_chunk__many_draws__fall_everywhere() -> None:
    drawn = Counter(Draw(SEED, submission, seat).chunk(16) for submission in range(200) for seat in range(16))
    assert set(drawn) == set(range(16))
    assert max(drawn.values()) < 1.5 * min(drawn.values())


@pytest.mark.parametrize("draw", [Draw(bytes(32), 0, 0), Draw(SEED, 1 << 16, 0), Draw(SEED, 0, 256), Draw(SEED, -1, 0)])
def test_chunk__another_form__is_refused(draw: Draw) -> None:
    with pytest.raises(Refused):
        draw.chunk(5)


def test_chunk__no_chunks__is_refused() -> None:
    with pytest.raises(Refused):
        Draw(SEED, 0, 0).chunk(0)
