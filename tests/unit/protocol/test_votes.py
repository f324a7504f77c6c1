"""Packed votes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Refused
from assay.protocol.votes import Vote, pack, unpack
from assay.types import Reason, Verdict

VOTES = st.lists(
    st.builds(
        Vote,
        index=st.integers(0, 65535),
        seats=st.integers(1, 65535),
        verdict=st.sampled_from(Verdict),
        reason=st.integers(0, 255),
        leaf=st.integers(0, 65535),
    ),
    unique_by=lambda vote: vote.index,
).map(lambda votes: sorted(votes, key=lambda vote: vote.index))


@given(VOTES)
def test_pack__any_votes__come_back(votes: list[Vote]) -> None:
    assert unpack(pack(votes)) == votes


def test_pack__one_vote__is_eight_big_endian_bytes() -> None:
    assert pack([Vote(0x0102, 0b101, Verdict.INVALID, Reason.SAMPLING, 0x0304)]).hex() == "0102000502080304"


@pytest.mark.parametrize(
    "votes",
    [
        [Vote(1, 1, Verdict.VALID), Vote(1, 2, Verdict.VALID)],
        [Vote(2, 1, Verdict.VALID), Vote(1, 2, Verdict.VALID)],
        [Vote(0, 0, Verdict.VALID)],
        [Vote(65536, 1, Verdict.VALID)],
        [Vote(0, 65536, Verdict.VALID)],
        [Vote(0, 1, Verdict.VALID, leaf=65536)],
        [Vote(0, 1, Verdict.VALID, reason=256)],
    ],
)
def test_pack__malformed__is_refused(votes: list[Vote]) -> None:
    with pytest.raises(Refused):
        pack(votes)


@pytest.mark.parametrize(
    "text",
    [
        "00",
        "00000001010000000000",
        "0000000100000000",
        "0000000105000000",
        "0000000001000000",
        "00010001010000000001000101000000",
    ],
)
def test_unpack__malformed__is_refused(text: str) -> None:
    with pytest.raises(Refused):
        unpack(bytes.fromhex(text))


def test_reason_name__known_and_unknown() -> None:
    assert Vote(0, 1, Verdict.INVALID, Reason.SAMPLING).reason_name == "sampling"
    assert Vote(0, 1, Verdict.INVALID, 200).reason_name == "200"
