"""Whom a node tells its news."""

from __future__ import annotations

import random

from assay.swarm.contacts import LONGEST_SECONDS, REMEMBERED, Contacts

CHAIN = [f"http://firm{number}.example" for number in range(20)]
NAMED = [f"http://loose{number}.example" for number in range(500)]


def of(chain: list[str], named: list[str]) -> Contacts:
    return Contacts(lambda: chain, lambda: named, random.Random(7))  # noqa: S311  seeded on purpose


def test_choose__many_invented_nodes__half_of_the_choice_is_the_chains() -> None:
    contacts = of(CHAIN, NAMED)
    for _ in range(20):
        found = contacts.choose(6, 0.0)
        assert (len(set(found)), len(set(found) & set(CHAIN))) == (6, 3)


def test_choose__few_of_one_kind__the_other_fills_up() -> None:
    assert set(of(CHAIN[:1], NAMED).choose(6, 0.0)) & set(CHAIN)
    assert len(of(CHAIN[:1], NAMED).choose(6, 0.0)) == 6
    assert len(of(CHAIN, []).choose(6, 0.0)) == 6
    assert len(of(CHAIN, NAMED[:1]).choose(6, 0.0)) == 6
    assert of([], []).choose(6, 0.0) == []
    assert of(["", CHAIN[0]], [CHAIN[0] + "/", ""]).choose(6, 0.0) == [CHAIN[0]]


def test_choose__without__leaves_out_whom_it_came_from() -> None:
    assert of(CHAIN[:2], []).choose(6, 0.0, [CHAIN[0] + "/"]) == [CHAIN[1]]


def test_failed__again_and_again__rests_ever_longer_until_it_works() -> None:
    contacts, uri = of(CHAIN[:1], []), CHAIN[0]
    contacts.failed(uri, 0.0, "no answer")
    assert contacts.choose(1, 1.9) == []
    assert contacts.choose(1, 2.1) == [uri]
    contacts.failed(uri, 2.1, "no answer")
    assert contacts.choose(1, 6.0) == []
    assert contacts.snapshot(6.0)[0]["said"] == "no answer"
    for _ in range(20):
        contacts.failed(uri, 10.0, "no answer")
    assert contacts.choose(1, 11.0 + LONGEST_SECONDS) == [uri]
    contacts.worked(uri)
    contacts.failed(uri, 0.0, "once")
    assert contacts.choose(1, 2.1) == [uri]


def test_lied__once__rests_for_ten_minutes() -> None:
    contacts = of(CHAIN[:1], [])
    contacts.lied(CHAIN[0], 0.0, "another root")
    assert contacts.choose(1, LONGEST_SECONDS - 1) == []


def test_failed__very_many__memory_is_bounded() -> None:
    contacts = of([], [])
    for number in range(3 * REMEMBERED):
        contacts.failed(f"http://{number}.example", 0.0, "x" * 10_000)
    assert len(contacts._known) == REMEMBERED
    assert max(len(each.said) for each in contacts._known.values()) == 200
