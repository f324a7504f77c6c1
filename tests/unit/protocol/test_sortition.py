"""Seeds, seats and drawn leaves."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Refused
from assay.protocol.hashing import keccak
from assay.protocol.sortition import (
    Lot,
    audit_seed,
    beacon,
    draw,
    extra_seats_of,
    jury_seats_of,
    jury_seed,
    quorum,
    seat_point,
    seats_of,
)

LEDGER = "0x" + "c0" * 20
RANDAO = keccak(b"randao")
SEED = keccak(b"seed")[:16]


def test_audit_seed__its_words_are_abi_encoded() -> None:
    words = keccak(b"assay.audit") + (31337).to_bytes(32, "big") + bytes.fromhex("c0" * 20).rjust(32, b"\0")
    words += (7).to_bytes(32, "big") + (2).to_bytes(32, "big") + RANDAO

    assert audit_seed(31337, LEDGER, 7, 2, RANDAO) == keccak(words)[:16]


def test_seeds__any_input_changed__change() -> None:
    other = "0x" + "c1" * 20
    inputs = [(1, LEDGER, 1, 1), (2, LEDGER, 1, 1), (1, other, 1, 1), (1, LEDGER, 2, 1), (1, LEDGER, 1, 2)]
    seeds = {beacon(*args, RANDAO) for args in inputs} | {beacon(1, LEDGER, 1, 1, SEED * 2)}

    assert len(seeds) == 6
    assert audit_seed(1, LEDGER, 1, 1, RANDAO) not in {seed[:16] for seed in seeds}


def test_beacon__short_prevrandao__is_refused() -> None:
    with pytest.raises(Refused):
        beacon(1, LEDGER, 1, 1, b"\1" * 31)


def test_seat_point__packed_bytes() -> None:
    expected = int.from_bytes(keccak(SEED + b"\x01\x02" + b"\x03"), "big") % 1_000_003

    assert seat_point(SEED, 0x0102, 3, 1_000_003) == expected


@pytest.mark.parametrize(("seed", "line"), [(SEED, 0), (SEED + b"\0", 5)])
def test_seat_point__no_line_or_wrong_seed__is_refused(seed: bytes, line: int) -> None:
    with pytest.raises(Refused):
        seat_point(seed, 0, 0, line)


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=8), st.integers(0, 255), st.integers(1, 16))
def test_seats_of__lots_that_cover_the_line__share_every_seat_once(widths: list[int], index: int, seats: int) -> None:
    line, lots, lo = sum(widths), [], 0
    for width in widths:
        lots.append(Lot("0x", lo, lo + width, 1))
        lo += width

    drawn = [seat for lot in lots for seat in seats_of(SEED, index, seats, line, lot)]

    assert sorted(drawn) == list(range(seats))


def test_extra_seats__of_a_lot__are_those_after_the_first_draw() -> None:
    half = Lot("0x", 0, 50, 1)

    both = seats_of(SEED, 3, 14, 100, half)

    assert extra_seats_of(SEED, 3, 7, 100, half) == [seat - 7 for seat in both if seat >= 7]


def test_jury_seed__its_words_are_abi_encoded() -> None:
    words = keccak(b"assay.jury") + (31337).to_bytes(32, "big") + bytes.fromhex("c0" * 20).rjust(32, b"\0")
    words += (7).to_bytes(32, "big") + RANDAO

    assert jury_seed(31337, LEDGER, 7, RANDAO) == keccak(words)[:16]


def test_jury_seats__of_the_whole_line__are_nine() -> None:
    assert jury_seats_of(SEED, 10, Lot("0x", 0, 10, 1)) == list(range(9))


def test_seats_of__many_submissions__are_linear_in_stake() -> None:
    quarter = Lot("0x", 0, 25, 1)

    seats = sum(len(seats_of(SEED, index, 4, 100, quarter)) for index in range(1000))

    assert 900 < seats < 1100


def test_counts_in__half_open() -> None:
    lot = Lot("0x", 0, 1, 3, 5)

    assert [lot.counts_in(r) for r in (2, 3, 4, 5)] == [False, True, True, False]
    assert Lot("0x", 0, 1, 3).counts_in(10**6)


@given(st.binary(min_size=16, max_size=32), st.integers(0, 60), st.integers(0, 60))
def test_draw__any__is_distinct_sorted_and_in_range(seed: bytes, count: int, n: int) -> None:
    drawn = draw(seed, "rollouts", count, n)

    assert len(drawn) == min(count, n)
    assert drawn == sorted(set(drawn))
    assert all(0 <= leaf < n for leaf in drawn)


def test_draw__other_tag_or_seed__draws_others() -> None:
    assert len({tuple(draw(s, tag, 5, 1000)) for s in (SEED, RANDAO) for tag in ("rollouts", "steps")}) == 4


def test_draw__many_seeds__hits_every_leaf_alike() -> None:
    hits = Counter(leaf for k in range(3000) for leaf in draw(k.to_bytes(16, "big"), "x", 3, 9))

    assert all(850 < hits[leaf] < 1150 for leaf in range(9))


@pytest.mark.parametrize(
    ("seats", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 4), (6, 4), (7, 5), (15, 10), (16, 11)]
)
def test_quorum__seats__is_two_thirds_rounded_up(seats: int, needed: int) -> None:
    assert quorum(seats) == needed
