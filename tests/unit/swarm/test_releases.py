"""Which releases the book takes, and how large it can become."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from assay.errors import Refused
from assay.protocol.hashing import keccak
from assay.swarm import release
from assay.swarm.release import LONGEST_SECONDS, MAX_ROUND, NOTHING, Release
from assay.swarm.releases import BACK, OF_SEEDER, OF_VERSION, VERSIONS, WAITING, WAITING_SECONDS, Releases, Taken
from assay.swarm.signed import Stale
from assay.types import Reason
from unit.swarm import words
from unit.swarm.words import HERE, NOW, a_chain, a_delta, a_release, key, resigned, root_of


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signatures take milliseconds each, and bounds are tested with many."""
    monkeypatch.setattr(Release, "check", lambda self, network, now: None)
    monkeypatch.setattr(words, "key", unsigned)


def unsigned(number: int) -> SimpleNamespace:
    """An account whose signatures are worth nothing."""
    return SimpleNamespace(account="0x" + number.to_bytes(20, "big").hex(), sign=lambda digest: digest + bytes(33))


class Book(Releases):
    """A book with a clock that stands, and a chain whose newest version can be set."""

    def __init__(self, newest: int = 5, **chain: Any) -> None:
        self.now, self.tip = NOW, newest
        known = {"root": lambda task, version: root_of(task, version) if version <= self.tip else None}
        super().__init__(HERE, a_chain(**known | chain), lambda: self.now)


def test_offer__true_and_new__is_taken_once() -> None:
    book = Book()
    before = book.serial
    assert book.offer(a_release()) is Taken.NEW
    assert book.offer(a_release()) is Taken.KNOWN
    assert (book.newest(1), book.of(1, 5)) == (5, [a_release()])
    assert [number for number, _ in book.after(before)] == [book.serial]
    assert book.knows(root_of(1, 5))
    assert not book.knows(root_of(1, 4))


def test_read__what_plain_wrote__is_the_same() -> None:
    for made in (a_release(), a_delta(), a_release(version=MAX_ROUND)):
        assert release.read(made.plain()) == made


@pytest.mark.parametrize(
    "changed",
    [
        {"expires": int(NOW) + 60},
        {"size": 999},
        {"seeder": key(2).account},
        {"signature": bytes(65)},
        {"signature": a_delta().signature},
    ],
)
def test_offer__any_field_changed_after_signing__is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        Book().offer(replace(a_release(), **changed))
    assert caught.value.reason is Reason.BINDING


def test_offer__another_root_than_the_chains__is_refused() -> None:
    wrong = keccak(b"other")
    with pytest.raises(Refused, match="another root") as caught:
        Book().offer(a_release(root=wrong, artifact=wrong))
    assert not isinstance(caught.value, Stale)


def test_offer__too_large__is_refused() -> None:
    with pytest.raises(Refused, match="allows 10000") as caught:
        Book().offer(a_release(size=10_001))
    assert caught.value.reason is Reason.SIZE


def test_offer__expired_or_good_for_too_long() -> None:
    book = Book()
    with pytest.raises(Stale, match="expired"):
        book.offer(a_release(expires=int(NOW)))
    with pytest.raises(Refused, match="longer than"):
        book.offer(a_release(expires=int(NOW) + LONGEST_SECONDS + 1))


def test_offer__older_than_the_newest__is_stale_unless_it_is_a_base() -> None:
    book = Book(wanted=lambda task, root: root == root_of(1, 2))
    book.offer(a_delta(5, base=4))
    with pytest.raises(Stale, match="older"):
        book.offer(a_release(3))
    assert book.offer(a_delta(4, base=3)) is Taken.NEW  # the delta starts from it
    assert book.offer(a_release(3)) is Taken.NEW  # and that one from this
    assert book.offer(a_release(2)) is Taken.NEW  # this node wants it
    with pytest.raises(Stale):
        book.offer(a_release(1))
    assert book.newest(1) == 5


def test_offer__older_than_what_was_held_before_a_restart__is_stale() -> None:
    book = Book(held=lambda task: 5)
    with pytest.raises(Stale, match="older"):
        book.offer(a_release(4))
    assert book.offer(a_release(5)) is Taken.NEW


@pytest.mark.parametrize(
    ("chain", "made"),
    [
        ({"limit": lambda task: None}, a_release()),
        ({"admits": lambda task, account: account != key(1).account}, a_release()),
        ({}, a_delta(5, base=7)),
        ({}, resigned(a_delta(5, base=4), base=keccak(b"nowhere"))),
    ],
)
def test_offer__task_seeder_or_base_unknown__is_stale(chain: dict[str, Any], made: Release) -> None:
    with pytest.raises(Stale):
        Book(**chain).offer(made)


def test_offer__base_too_far_back__is_stale() -> None:
    book = Book(newest=40)
    assert book.offer(a_delta(40, base=24)) is Taken.NEW
    with pytest.raises(Stale, match="none of the 16"):
        book.offer(a_delta(40, base=23))


def test_offer__version_before_its_block__waits_and_is_taken_when_the_chain_knows_it() -> None:
    book = Book(newest=4)
    assert book.offer(a_release()) is Taken.WAITING
    assert book.offer(a_release()) is Taken.KNOWN
    assert book.settle() == []
    assert book.newest(1) == -1
    book.tip = 5
    assert book.settle() == [a_release()]
    assert book.settle() == []
    assert book.newest(1) == 5


def test_settle__chain_decided_otherwise_or_never__is_dropped() -> None:
    book = Book(newest=4)
    wrong = keccak(b"other")
    book.offer(a_release(root=wrong, artifact=wrong))
    book.tip = 5
    assert book.settle() == []
    assert not book.knows(wrong)
    book.offer(a_release(6))
    book.now += WAITING_SECONDS
    assert book.settle() == []
    assert not book.knows(root_of(1, 6))


def test_offer__forged_before_its_block__does_not_wait() -> None:
    with pytest.raises(Refused):
        Book(newest=4).offer(replace(a_release(), signature=a_delta().signature))


@pytest.mark.usefixtures("unchecked")
def test_offer__many_that_wait__are_bounded_and_a_seeder_pushes_out_his_own() -> None:
    book = Book(newest=0)
    honest = a_release(1, number=2)
    book.offer(honest)
    for version in range(1, 20):
        book.offer(a_release(version, number=1))
    assert book.knows(root_of(1, 1))
    for number in range(3, 3 + WAITING):
        book.offer(a_release(2, number=number))
    assert len(book._waiting) == WAITING


@pytest.mark.usefixtures("unchecked")
def test_offer__too_many_of_one_version__are_refused() -> None:
    book = Book()
    for number in range(OF_SEEDER):
        book.offer(a_delta(salt=b"%d" % number))
    with pytest.raises(Refused, match="too many") as caught:
        book.offer(a_delta(salt=b"more"))
    assert not isinstance(caught.value, Stale)
    for number in range(2, 2 + OF_VERSION - OF_SEEDER):
        book.offer(a_release(number=number))
    with pytest.raises(Stale, match="enough"):
        book.offer(a_release(number=99))


@pytest.mark.usefixtures("unchecked")
def test_offer__many_versions__only_the_newest_and_their_bases_stay() -> None:
    book = Book(newest=100)
    for version in range(1, 60):
        book.offer(a_release(version))
        if version > 4:
            book.offer(a_delta(version, base=version - 1))
    kept = {each.version for _, each in book.after(0)}
    assert max(kept) == 59
    assert VERSIONS <= len(kept) <= BACK + 1
    numbers = [number for number, _ in book.after(0)]
    assert numbers == sorted(set(numbers))
    book.now += 10_000
    assert book.after(0) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"codec": "zip"},
        {"codec": None},
        {"artifact": keccak(b"x")},
        {"base": root_of(1, 4)},
        {"codec": "delta"},
        {"codec": "delta", "artifact": keccak(b"x"), "base": NOTHING},
        {"size": 0},
        {"version": MAX_ROUND + 1},
        {"task": -1},
        {"task": 1 << 60},
        {"seeder": "me"},
        {"root": "0x1"},
        {"more": 1},
    ],
)
def test_read__wrong_form_or_fields_that_contradict__is_refused(changed: dict[str, Any]) -> None:
    plain = {name: "0x" + value.hex() if isinstance(value, bytes) else value for name, value in changed.items()}
    with pytest.raises(Refused):
        release.read(a_release().plain() | plain)


def test_serial__new_book__goes_on_above_the_old_ones_numbers() -> None:
    old = Book()
    for version in range(1, 6):
        old.offer(a_release(version))
    new = Book()
    new.now += 1
    assert Releases(HERE, a_chain(), lambda: NOW + 1).serial > old.serial
