"""Shares that were set aside, under every kind of ruling. The golden vectors hold the contract to the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from assay.protocol.entries import Entry
from assay.protocol.pay import PayTerms, Penalty, Settlement
from assay.protocol.shares import Aside, Ballot, Good, Ruling, canary_word, resolve
from assay.types import CutReason, Outcome, Role, Verdict

TERMS = PayTerms(price=10, seat_fee=100, attest_fee=7, pot=10**6, seats=3, bond=5001, cut=40, canary_fee=50)
ALICE, BOB, CAROL, DAVE, TINA = (str(to_checksum_address("0x" + f"{i:02x}" * 20)) for i in range(0xA1, 0xA6))
VALID, INVALID, MISSING = Verdict.VALID, Verdict.INVALID, Verdict.UNAVAILABLE
GOOD = Ruling(goods=(Good(6, 9, DAVE),))
BAD = Ruling(is_bad=True, bad_by=DAVE)


def aside(*ballots: Ballot, **more: Any) -> Aside:
    fields = {"canary": 0, "is_refunded": False, "is_held": True, "due": 1000} | more
    return Aside(3, Entry(TINA, 50, 0, b"", b"").who, bytes(32), ballots=ballots, **fields)


def ruled(share: Aside, ruling: Ruling, opened: bool = True, backing: int = 10**6) -> Settlement:
    return resolve(TERMS, share, [backing] * len(share.ballots), ruling, opened)


PASSED = aside(Ballot(ALICE, 1, VALID), Ballot(BOB, 2, VALID))
REFUSED = aside(Ballot(ALICE, 1, INVALID, 6, 9), Ballot(BOB, 1, INVALID, 6, 9), Ballot(CAROL, 1, VALID))


def test_resolve__salt_shown__pays_trainer_and_seats() -> None:
    s = ruled(PASSED, Ruling())

    assert s.outcomes == [Outcome.PAID]
    assert (s.earned(TINA, Role.TRAINER), s.earned(ALICE), s.earned(BOB), s.from_escrow) == (500, 100, 200, 800)


def test_resolve__salt_never_shown__pays_the_seats_only() -> None:
    s = ruled(PASSED, Ruling(), opened=False)

    assert s.outcomes == [Outcome.UNOPENED]
    assert (s.earned(TINA), s.from_escrow, s.slashes) == (0, 300, [])


def test_resolve__round_asked_for_more_than_its_pot__pays_the_same_share() -> None:
    s = ruled(replace(PASSED, due=2 * 10**6), Ruling())

    assert (s.earned(TINA), s.earned(ALICE), s.earned(BOB)) == (250, 50, 100)


def test_resolve__refusal_that_stands__slashes() -> None:
    s = ruled(REFUSED, Ruling())

    assert s.outcomes == [Outcome.INVALID]
    assert s.slashes == [Penalty(TINA, 3, 0, 5001, 200)]


def test_resolve__bad_leaf__slashes_the_trainer_and_cuts_who_passed_it() -> None:
    s = ruled(PASSED, BAD)

    assert s.outcomes == [Outcome.INVALID]
    assert s.slashes == [Penalty(TINA, 3, 0, 2501, 2500)]
    assert s.cuts == [
        Penalty(ALICE, 3, CutReason.OVERRULED, 20, 20),
        Penalty(BOB, 3, CutReason.OVERRULED, 40, 40),
    ]
    assert dict(s.credits) == {DAVE: 2560}


def test_resolve__bad_leaf__pays_seats_that_refused_it() -> None:
    s = ruled(REFUSED, BAD)

    assert (s.earned(ALICE), s.earned(BOB), s.earned(CAROL)) == (100, 100, 0)
    assert s.slashes == [Penalty(TINA, 3, 0, 2501, 2700)]


def test_resolve__good_leaf__turns_the_seats_that_named_it_and_cuts_them() -> None:
    s = ruled(REFUSED, GOOD)

    assert s.outcomes == [Outcome.PAID]
    assert [p.account for p in s.cuts] == [ALICE, BOB]
    assert s.credits[:2] == [(DAVE, 20), (DAVE, 20)]
    assert (s.earned(TINA), s.earned(ALICE), s.earned(CAROL), s.slashes) == (500, 0, 100, [])


def test_resolve__cured_withholding__turns_the_seats_and_cuts_nobody() -> None:
    share = aside(Ballot(ALICE, 1, MISSING, 6, 9), Ballot(BOB, 1, MISSING, 6, 9), Ballot(CAROL, 1, VALID))
    s = ruled(share, GOOD)

    assert (s.outcomes, s.cuts) == ([Outcome.PAID], [])
    assert DAVE not in dict(s.credits)


@pytest.mark.parametrize(("check", "leaf"), [(6, 10), (7, 9)])
def test_resolve__another_leaf_is_good__changes_nothing(check: int, leaf: int) -> None:
    s = ruled(REFUSED, Ruling(goods=(Good(check, leaf, DAVE),)))

    assert (s.outcomes, s.cuts) == ([Outcome.INVALID], [])


def test_resolve__two_leaves_are_good__each_challenger_gets_its_cuts() -> None:
    share = aside(Ballot(ALICE, 1, INVALID, 6, 9), Ballot(BOB, 1, INVALID, 7, 1), Ballot(CAROL, 1, INVALID, 1, 1))
    s = ruled(share, Ruling(goods=(Good(6, 9, DAVE), Good(7, 1, TINA))))

    assert [p.account for p in s.cuts] == [ALICE, BOB]
    assert s.credits[:2] == [(DAVE, 20), (TINA, 20)]


def test_resolve__bad_and_good__bad_counts() -> None:
    assert ruled(REFUSED, replace(GOOD, is_bad=True, bad_by=DAVE)).outcomes == [Outcome.INVALID]


def test_resolve__cut_beyond_the_lot__takes_what_is_left_over_both_draws() -> None:
    share = aside(Ballot(ALICE, 1, VALID), Ballot(BOB, 1, VALID), Ballot(ALICE, 2, VALID))
    s = ruled(share, BAD, backing=50)

    assert [(p.account, p.burned + p.paid) for p in s.cuts] == [(ALICE, 40), (BOB, 40), (ALICE, 10)]


def test_resolve__canary_whose_leaf_is_good__costs_its_maker_the_bond() -> None:
    share = aside(Ballot(ALICE, 1, VALID), Ballot(BOB, 1, INVALID, 6, 9), canary=canary_word(1, 9, 6))
    s = ruled(share, GOOD)

    assert s.outcomes == [Outcome.FALSE_CANARY]
    assert s.slashes == [Penalty(TINA, 3, 0, 2501, 2600)]
    assert (dict(s.credits), s.cuts) == ({DAVE: 2500, ALICE: 100}, [])


def test_resolve__canary_whose_other_leaf_is_good__is_a_canary() -> None:
    share = aside(Ballot(ALICE, 1, VALID), Ballot(BOB, 1, INVALID, 6, 9), canary=canary_word(1, 10, 6))
    s = ruled(share, GOOD)

    assert s.outcomes == [Outcome.CANARY]
    assert [p.account for p in s.cuts] == [ALICE]


def test_aside__as_its_event_gives_it__is_read_back() -> None:
    words = {
        "index": 3, "who": PASSED.who, "mark": "0x" + "00" * 32, "canary": 0, "isRefunded": False, "isHeld": True,
        "due": 1000,
        "ballots": [
            {"validator": b.validator, "seats": b.seats, "verdict": int(b.verdict), "reason": 0, "leaf": 0}
            for b in PASSED.ballots
        ],
    }  # fmt: skip
    assert Aside.of(words) == PASSED


# --- classes of a refusal

DOUBTED = aside(Ballot(ALICE, 1, INVALID, 8, 9), Ballot(BOB, 1, INVALID, 7, 9), Ballot(CAROL, 1, INVALID, 14, 9))


def test_resolve__refused_on_tolerances_only__loses_the_fees_and_no_bond() -> None:
    s = ruled(DOUBTED, Ruling())

    assert s.outcomes == [Outcome.DOUBTED]
    assert s.slashes == [Penalty(TINA, 3, 0, 0, 300)]
    assert (s.earned(ALICE), s.burned) == (100, 0)


def test_resolve__doubted_and_a_jury_finds_it_bad__slashed_as_a_bad_leaf() -> None:
    s = ruled(DOUBTED, BAD)

    assert s.outcomes == [Outcome.INVALID]
    assert s.slashes == [Penalty(TINA, 3, 0, 2501, 2800)]
    assert [credit for credit in s.credits if credit[0] == DAVE] == [(DAVE, 2500)]
    assert [s.earned(who) for who in (ALICE, BOB, CAROL)] == [100, 100, 100]


def test_resolve__exact_vote_overruled__rest_of_the_refusal_is_no_exact_quorum() -> None:
    share = aside(Ballot(ALICE, 1, INVALID, 6, 9), Ballot(BOB, 1, INVALID, 6, 4), Ballot(CAROL, 1, INVALID, 8, 9))
    assert ruled(share, Ruling()).outcomes == [Outcome.INVALID]
    s = ruled(share, GOOD)

    assert s.outcomes == [Outcome.DOUBTED]
    assert s.slashes == [Penalty(TINA, 3, 0, 0, 200)]
    assert dict(s.credits)[DAVE] == 20
