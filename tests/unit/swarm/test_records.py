"""The book of node records: what replaces what, and how large it can become."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assay.errors import Refused
from assay.swarm import records
from assay.swarm.crowd import Entry, victim
from assay.swarm.record import Record
from assay.swarm.records import ARTIFACTS, LISTED, LISTED_SECONDS, Records
from assay.swarm.signed import Stale
from unit.swarm.words import HERE, NOW, a_record, key

ROOT = b"\7" * 32


def fake(number: int, uri: str = "http://node.example") -> Record:
    """A record whose signature nobody looks at."""
    return Record("0x" + number.to_bytes(20, "big").hex(), uri, 1, int(NOW) + 3600, bytes(65))


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signatures take milliseconds each, and bounds are tested with thousands."""
    monkeypatch.setattr(records.Record, "check", lambda self, network, now: None)


def test_take__newer_sequence__replaces_and_an_older_one_does_not_come_back() -> None:
    book, old, new = Records(HERE), a_record(), a_record(uri="http://moved.example", sequence=2)
    assert book.take(old, "s", NOW)
    assert not book.take(old, "s", NOW)
    assert book.take(new, "s", NOW)
    with pytest.raises(Stale, match="newer"):
        book.take(old, "s", NOW)
    with pytest.raises(Stale, match="newer"):
        book.take(a_record(uri="http://two.example", sequence=2), "s", NOW)
    assert book.of(new.account, NOW) == new
    assert len(book) == 1


def test_take__forged__is_refused_and_the_true_one_is_still_taken() -> None:
    book, true = Records(HERE), a_record()
    with pytest.raises(Refused):
        book.take(replace(true, signature=a_record(2).signature), "s", NOW)
    assert book.take(true, "s", NOW)
    with pytest.raises(Refused):
        book.take(replace(true, sequence=9), "s", NOW)
    assert book.of(true.account, NOW) == true


def test_take__record_has_expired__another_one_may_follow_whatever_its_sequence() -> None:
    book = Records(HERE)
    book.take(a_record(sequence=9, life=10), "s", NOW)
    assert book.of(key(1).account, NOW + 11) is None
    assert book.take(a_record(sequence=1), "s", NOW + 11)


def test_holders__nodes_that_cannot_be_reached_expired_or_silent__are_left_out() -> None:
    book = Records(HERE)
    for number, uri, life in ((1, "http://a.example", 7200), (2, "", 7200), (3, "http://c.example", 10)):
        book.take(a_record(number, uri, life=life), "s", NOW)
        book.note(ROOT, key(number).account, "s", NOW)
    assert [each.uri for each in book.holders(ROOT, NOW)] == ["http://c.example", "http://a.example"]
    assert [each.uri for each in book.holders(ROOT, NOW + 11)] == ["http://a.example"]
    assert book.holders(ROOT, NOW + LISTED_SECONDS + 1) == []
    assert book.holders(b"\1" * 32, NOW) == []


@pytest.mark.usefixtures("unchecked")
def test_take__flood_from_one_source__pushes_out_its_own_and_no_one_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "ACCOUNTS", 100)
    book = Records(HERE, staked=lambda account: account == fake(1).account)
    book.take(fake(1), "flooder", NOW)
    for number in range(2, 12):
        book.take(fake(number), f"honest {number}", NOW)
    for number in range(100, 1100):
        book.take(fake(number), "flooder", NOW)
    assert len(book) == 100
    assert all(book.of(fake(number).account, NOW) for number in range(1, 12))


@pytest.mark.usefixtures("unchecked")
def test_note__flood_for_one_artifact_and_of_many_artifacts__is_bounded() -> None:
    book = Records(HERE)
    for number in range(1, 4):
        book.take(fake(number), "honest", NOW)
        book.note(ROOT, fake(number).account, "honest", NOW)
    for number in range(100, 100 + 4 * LISTED):
        book.take(fake(number), "flooder", NOW)
        book.note(ROOT, fake(number).account, "flooder", NOW)
    listed = {each.account for each in book.holders(ROOT, NOW)}
    assert len(listed) == LISTED
    assert {fake(number).account for number in range(1, 4)} <= listed
    for number in range(3 * ARTIFACTS):
        book.note(number.to_bytes(32, "big"), fake(1).account, "flooder", NOW)
    assert len(book._holders) == ARTIFACTS


def test_victim__staked_go_last_and_the_oldest_of_the_busiest_source_first() -> None:
    entries = [Entry("a", "x", True), Entry("b", "y", False), Entry("c", "x", False), Entry("d", "x", False)]
    assert victim(entries) == "c"
    assert victim([Entry("a", "x", True), Entry("b", "y", False)]) == "b"
    assert victim([Entry("a", "x", True), Entry("b", "x", True)]) == "a"
