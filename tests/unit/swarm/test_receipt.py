"""Receipts: a copy is worthless, the newest replaces all before it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from assay.errors import Refused
from assay.swarm import receipt
from assay.swarm.receipt import RECEIPT_BYTES, Issued, Receipt, Received, claimable
from assay.swarm.signed import Network, Stale
from unit.swarm.words import HERE, key

SERVER, RECEIVER, ROOT, OTHER = key(1).account, key(2).account, b"\7" * 32, b"\6" * 32


def issuer(number: int = 2) -> Issued:
    return Issued(HERE, key(number).account, key(number).sign, {})


@pytest.fixture
def book() -> Received:
    return Received(HERE, SERVER, lambda account: account != key(9).account)


def test_take__totals_that_grow__raise_by_the_difference(book: Received) -> None:
    made = issuer()
    assert book.take(made.add(SERVER, ROOT, 100)) == 100
    assert book.take(made.add(SERVER, ROOT, 50)) == 50
    assert book.take(made.add(SERVER, OTHER, 7)) == 7
    assert sorted(each.total for each in book.newest()) == [7, 150]


def test_take__copy_or_older__is_stale_and_counts_nothing(book: Received) -> None:
    made = issuer()
    first, second = made.add(SERVER, ROOT, 100), made.add(SERVER, ROOT, 50)
    book.take(second)
    for each in (first, second, receipt.parse(second.to_json())):
        with pytest.raises(Stale):
            book.take(each)
    assert book.newest() == [second]


def test_take__total_falls__is_refused(book: Received) -> None:
    book.take(issuer().add(SERVER, ROOT, 100))
    bare = Receipt(SERVER, RECEIVER, ROOT, 99, 2)
    with pytest.raises(Refused, match="below"):
        book.take(replace(bare, signature=key(2).sign(bare.digest(HERE))))


@pytest.mark.parametrize(
    "changed", [{"total": 101}, {"artifact": OTHER}, {"receiver": key(3).account}, {"sequence": 2}]
)
def test_take__field_changed__is_refused(book: Received, changed: dict[str, object]) -> None:
    with pytest.raises(Refused, match="isn't signed"):
        book.take(replace(issuer().add(SERVER, ROOT, 100), **changed))  # type: ignore[arg-type]
    assert book.newest() == []


def test_take__for_another_server_oneself_another_chain_or_without_stake__is_not_taken(book: Received) -> None:
    with pytest.raises(Refused, match="another server"):
        book.take(issuer().add(key(3).account, ROOT, 1))
    with pytest.raises(Refused, match="oneself"):
        book.take(issuer(1).add(SERVER, ROOT, 1))
    with pytest.raises(Refused, match="isn't signed"):
        book.take(Issued(Network(1, HERE.ledger), RECEIVER, key(2).sign, {}).add(SERVER, ROOT, 1))
    with pytest.raises(Stale, match="doesn't count"):
        book.take(issuer(9).add(SERVER, ROOT, 1))


def test_add__after_a_restart__goes_on_from_the_last_receipt(book: Received) -> None:
    last = issuer().add(SERVER, ROOT, 100)
    book.take(last)
    again = Issued(HERE, RECEIVER, key(2).sign, {last.key: last})
    assert book.take(again.add(SERVER.upper().replace("0X", "0x"), ROOT, 11)) == 11


def test_claimable__in_any_order_with_copies__is_the_same_and_at_most_the_size() -> None:
    one, two, nine = issuer(2), issuer(3), issuer(9)
    made = [one.add(SERVER, ROOT, 60) for _ in range(3)] + [two.add(SERVER, ROOT, 30), two.add(SERVER, OTHER, 5)]
    made += [nine.add(SERVER, ROOT, 100), one.add(key(4).account, ROOT, 1)]
    due = {SERVER: 100 + 30, key(4).account: 1}
    for seed in range(20):
        mixed = made * 2
        random.Random(seed).shuffle(mixed)  # noqa: S311  seeded on purpose
        assert claimable(mixed, {ROOT: 100}, lambda account: account != key(9).account) == due


def test_parse__what_to_json_wrote__is_the_same_and_garbage_is_refused() -> None:
    made = issuer().add(SERVER, ROOT, 1)
    assert receipt.parse(made.to_json()) == made
    for data in (b"", b"[]", b"\xff", b" " * (RECEIPT_BYTES + 1), made.to_json().replace(b'"total":1', b'"total":0')):
        with pytest.raises(Refused):
            receipt.parse(data)
