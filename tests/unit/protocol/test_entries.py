"""Entries of the round's running hash."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Refused
from assay.protocol.entries import Entry

ROOT, MARK = b"\x01" * 32, b"\x02" * 32
TRAINER = "0x" + "11" * 20


def test_who__fields_lie_from_the_top() -> None:
    assert f"{Entry(TRAINER, 0x22222222, 0x3333, ROOT, MARK).who:064x}" == "11" * 20 + "22" * 4 + "33" * 2 + "00" * 6


@given(st.binary(min_size=20, max_size=20), st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1))
def test_from_words__any_entry__comes_back(trainer: bytes, units: int, base: int) -> None:
    entry = Entry("0x" + trainer.hex(), units, base, ROOT, MARK)

    back = Entry.from_words(*entry.words())

    assert (back.trainer.lower(), back.units, back.base, back.root, back.mark) == (
        entry.trainer,
        units,
        base,
        ROOT,
        MARK,
    )


@pytest.mark.parametrize("who", [1, 2**256, -(2**48)])
def test_from_words__stray_bits__are_refused(who: int) -> None:
    with pytest.raises(Refused):
        Entry.from_words(who, ROOT, MARK)


@pytest.mark.parametrize(("units", "base"), [(2**32, 0), (-1, 0), (0, 2**16)])
def test_who__out_of_range__is_refused(units: int, base: int) -> None:
    with pytest.raises(Refused):
        _ = Entry(TRAINER, units, base, ROOT, MARK).who
