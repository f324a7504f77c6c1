"""Payments as bytes, and the sheet that settlements are written on."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.address import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Refused
from assay.protocol.pay import Payment, PayTerms, Penalty, Settlement, exposure, pack_payments, unpack_payments
from assay.types import Role

ALICE = str(to_checksum_address("0x" + "a1" * 20))
TERMS: dict[str, Any] = {"bond": 100, "seats": 3, "seatFee": 7, "extraWindow": 0}

payments = st.builds(
    Payment,
    st.binary(min_size=20, max_size=20).map(lambda raw: str(to_checksum_address(raw))),
    st.sampled_from(Role),
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**88 - 1),
)


def test_pack_payments__fields__lie_where_the_event_says() -> None:
    packed = pack_payments([Payment(ALICE, Role.VALIDATOR, 0x0102, 0x0304, 5)])
    assert packed == bytes.fromhex("a1" * 20 + "02" + "0102" + "0304" + "00" * 10 + "05")


@given(st.lists(payments, max_size=5))
def test_unpack_payments__what_was_packed__comes_back(listed: list[Payment]) -> None:
    assert unpack_payments(pack_payments(listed)) == listed


@pytest.mark.parametrize("data", [bytes(35), bytes(36), bytes(20) + b"\3" + bytes(15)])
def test_unpack_payments__length_or_role_is_wrong__is_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        unpack_payments(data)


def test_exposure__with_an_extra_draw__counts_its_seats_too() -> None:
    assert exposure(TERMS) == 121
    assert exposure(TERMS | {"extraWindow": 1}) == 142


def test_terms__from_the_contract__by_their_names() -> None:
    names = ("price", "seatFee", "attestFee", "pot", "seats", "bond", "cut", "canaryFee", "canaryRate")
    assert PayTerms.of({name: n for n, name in enumerate(names)} | {"more": 1}) == PayTerms(*range(9))


def test_cut__odd_amount__burns_the_larger_half() -> None:
    sheet = Settlement()
    assert sheet.cut(ALICE, 1, 2, 7) == 3
    assert sheet.cut(ALICE, 1, 2, 0) == 0
    assert sheet.cuts == [Penalty(ALICE, 1, 2, 4, 3)]


def test_burn__over_several_cuts__takes_from_the_last_ones_first() -> None:
    sheet = Settlement()
    for amount in (10, 20, 30):
        sheet.cut(ALICE, 0, 1, amount)
    sheet.burn(17)
    assert [(p.burned, p.paid) for p in sheet.cuts] == [(5, 5), (12, 8), (30, 0)]
    assert (sheet.burned, sheet.from_stakes) == (47, 13)


@pytest.mark.parametrize(("due", "paid"), [(99, 50), (100, 50), (101, 49), (1000, 5)])
def test_escrowed__more_due_than_the_pot__is_a_share_rounded_down(due: int, paid: int) -> None:
    sheet = Settlement()
    assert sheet.escrowed(50, due, 100) == paid == sheet.from_escrow


def test_pay__of_nothing__is_told_and_not_credited() -> None:
    sheet = Settlement()
    sheet.pay(ALICE, Role.VALIDATOR, 2, 0, 0)
    sheet.pay(ALICE, Role.TRAINER, 1, 1, 5)
    assert sheet.credits == [(ALICE, 5)]
    assert (sheet.earned(ALICE), sheet.earned(ALICE, Role.VALIDATOR)) == (5, 0)
    assert len(sheet.payments) == 2
