"""What a round pays, by hand and by its invariants."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.address import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Refused
from assay.protocol.pay import Ballot, Claim, Payment, PayTerms, RoundPay, Slash, settle
from assay.types import Outcome, Role, Verdict

TERMS_OF = {"price": 10, "seat_fee": 100, "attest_fee": 7, "pot": 10**6, "seats": 3, "bond": 5000}
TERMS = PayTerms(**TERMS_OF)
ALICE, BOB, CAROL, DAVE, TINA, TOM = (str(to_checksum_address("0x" + f"{i:02x}" * 20)) for i in range(0xA1, 0xA7))
VALID, INVALID, MISSING = Verdict.VALID, Verdict.INVALID, Verdict.UNAVAILABLE


def one(
    *votes: tuple[str, int, Verdict], terms: PayTerms = TERMS, holders: Any = None, attesters: Any = ()
) -> RoundPay:
    """Settle a round of one submission by Tina, 50 units; every voter has 10 gwei."""
    stakes = {who: 10 for who, _, _ in votes}
    held = dict.fromkeys(stakes if holders is None else holders, 1)
    return settle(terms, [(TINA, 50)], [Ballot(w, 0, s, v) for w, s, v in votes], held, stakes, attesters)


def test_settle__valid_with_one_dissenter__pays_trainer_and_agreeing_seats() -> None:
    pay = one((ALICE, 0b001, VALID), (BOB, 0b010, VALID), (CAROL, 0b100, INVALID), attesters=[BOB, DAVE])

    assert pay.outcomes == [Outcome.PAID]
    assert pay.payments == [
        Payment(TINA, Role.TRAINER, 1, 1, 500),
        Payment(ALICE, Role.VALIDATOR, 1, 1, 100),
        Payment(BOB, Role.VALIDATOR, 1, 1, 107),
        Payment(CAROL, Role.VALIDATOR, 1, 0, 0),
        Payment(DAVE, Role.VALIDATOR, 0, 0, 7),
    ]
    assert pay.credits == {TINA: 500, ALICE: 100, BOB: 107, DAVE: 7}
    assert (pay.from_escrow, pay.from_bonds, pay.burned, pay.slashes) == (714, 0, 0, [])


def test_settle__invalid__burns_the_bond_and_pays_seats_from_it() -> None:
    pay = one((ALICE, 0b011, INVALID), (BOB, 0b100, INVALID))

    assert pay.outcomes == [Outcome.INVALID]
    assert pay.slashes == [Slash(TINA, 0, 5000, 300)]
    assert pay.credits == {ALICE: 200, BOB: 100}
    assert (pay.from_escrow, pay.from_bonds, pay.burned) == (0, 300, 5000)


@pytest.mark.parametrize(
    ("verdict", "outcome"), [(MISSING, Outcome.UNAVAILABLE), (Verdict.MALFORMED, Outcome.MALFORMED)]
)
def test_settle__soft_refusal__takes_only_the_fees(verdict: Verdict, outcome: Outcome) -> None:
    pay = one((ALICE, 0b001, verdict), (BOB, 0b010, verdict))

    assert pay.outcomes == [outcome]
    assert pay.slashes == [Slash(TINA, 0, 0, 200)]
    assert (pay.from_escrow, pay.from_bonds, pay.burned) == (0, 200, 0)


@pytest.mark.parametrize(
    "votes",
    [
        [],
        [(ALICE, 0b001, VALID)],
        [(ALICE, 0b111, VALID)],
        [(ALICE, 0b001, VALID), (BOB, 0b010, INVALID)],
        [(ALICE, 0b001, VALID), (BOB, 0b010, INVALID), (CAROL, 0b100, MISSING)],
    ],
)
def test_settle__no_quorum__pays_and_slashes_nobody(votes: list[tuple[str, int, Verdict]]) -> None:
    pay = one(*votes)

    assert pay.outcomes == [Outcome.NO_QUORUM]
    assert (pay.credits, pay.slashes, pay.from_escrow, pay.from_bonds, pay.burned) == ({}, [], 0, 0, 0)


def test_settle__two_thirds_of_the_revealed__are_needed_beside_the_quorum() -> None:
    terms = PayTerms(**(TERMS_OF | {"seats": 4}))

    assert one((ALICE, 0b0011, VALID), (BOB, 0b0100, VALID), (CAROL, 0b1000, INVALID), terms=terms).outcomes == [1]
    assert one((ALICE, 0b0001, VALID), (BOB, 0b0010, VALID), (CAROL, 0b1000, INVALID), terms=terms).outcomes == [6]


def test_settle__not_held_by_two_thirds__leaves_the_trainer_unpaid_and_pays_seats() -> None:
    votes = ((ALICE, 0b001, VALID), (BOB, 0b010, VALID), (CAROL, 0b100, VALID))

    assert one(*votes, holders=[ALICE, BOB]).outcomes == [Outcome.PAID]
    pay = one(*votes, holders=[ALICE, DAVE])

    assert pay.outcomes == [Outcome.NOT_HELD]
    assert pay.credits == {ALICE: 100, BOB: 100, CAROL: 100}
    assert pay.slashes == []


def test_settle__holder_without_seats__counts_by_its_stake() -> None:
    votes = [(ALICE, 0, 1, VALID), (BOB, 0, 2, VALID)]

    pay = settle(TERMS, [(TINA, 50)], votes, {ALICE: 1, BOB: 1}, {ALICE: 10, BOB: 10, CAROL: 11}, [])

    assert pay.outcomes == [Outcome.NOT_HELD]
    assert pay.payments[-1] == Payment(CAROL, Role.VALIDATOR, 0, 0, 0)


def test_settle__more_due_than_the_pot__scales_escrow_but_not_bonds() -> None:
    terms = PayTerms(**(TERMS_OF | {"pot": 1000}))
    claims = [Claim(TINA, 50), Claim(TOM, 50), Claim(TINA, 51)]
    votes = [
        Ballot(who, i, 1 << k, VALID if i != 1 else INVALID) for k, who in enumerate((ALICE, BOB)) for i in range(3)
    ]

    pay = settle(terms, claims, votes, {ALICE: 0b111, BOB: 0b111}, {ALICE: 1, BOB: 1}, [ALICE])

    due = 1010 + 200 + 200 + 7
    assert pay.outcomes == [Outcome.PAID, Outcome.INVALID, Outcome.PAID]
    assert pay.credits == {TINA: 1010 * 1000 // due, ALICE: 207 * 1000 // due + 100, BOB: 200 * 1000 // due + 100}
    assert pay.from_escrow == 1010 * 1000 // due + 207 * 1000 // due + 200 * 1000 // due
    assert pay.payments[0] == Payment(TINA, Role.TRAINER, 2, 2, 1010 * 1000 // due)


def test_settle__one_account_in_both_roles__is_credited_once_and_listed_twice() -> None:
    votes = [(ALICE, 0, 1, VALID), (BOB, 0, 2, VALID)]

    pay = settle(TERMS, [(ALICE.lower(), 50)], votes, {ALICE: 1, BOB: 1}, {ALICE.lower(): 1, BOB: 1}, [])

    assert pay.credits == {ALICE: 600, BOB: 100}
    assert [(p.account, p.role) for p in pay.payments[:2]] == [(ALICE, Role.TRAINER), (ALICE, Role.VALIDATOR)]


def test_settle__not_sealed__is_void() -> None:
    pay = settle(TERMS, [(TINA, 50), (TOM, 1)], [], {}, {}, [ALICE], sealed=False)

    assert pay.outcomes == [Outcome.VOID, Outcome.VOID]
    assert (pay.credits, pay.payments, pay.from_escrow) == ({}, [], 0)


@pytest.mark.parametrize(
    "votes",
    [
        [(ALICE, 1, 1, VALID)],
        [(ALICE, 0, 0, VALID)],
        [(ALICE, 0, 8, VALID)],
        [(ALICE, 0, 1, VALID), (BOB, 0, 1, VALID)],
        [(ALICE, 0, 1, VALID), (ALICE, 0, 2, VALID)],
        [(CAROL, 0, 1, VALID)],
        [("0x12", 0, 1, VALID)],
    ],
)
def test_settle__votes_the_ledger_cannot_have_taken__are_refused(votes: list[tuple[str, int, int, Verdict]]) -> None:
    with pytest.raises(Refused):
        settle(TERMS, [(TINA, 50)], votes, {}, {ALICE: 1, BOB: 1}, [])


@st.composite
def rounds(draw: st.DrawFn) -> dict[str, Any]:
    seats, people = draw(st.integers(1, 6)), [ALICE, BOB, CAROL, DAVE]
    claims = draw(st.lists(st.tuples(st.sampled_from([TINA, TOM, ALICE]), st.integers(1, 1000)), max_size=5))
    votes = []
    for i in range(len(claims)):
        owners = draw(st.lists(st.sampled_from([*people, None]), min_size=seats, max_size=seats))
        for who in people:
            mask = sum(1 << j for j, owner in enumerate(owners) if owner == who)
            if mask:
                votes.append((who, i, mask, draw(st.sampled_from([VALID, VALID, INVALID, MISSING]))))
    return {
        "terms": PayTerms(
            draw(st.integers(0, 99)), draw(st.integers(0, 99)), 7, draw(st.integers(0, 10**5)), seats, 5000
        ),
        "submissions": claims,
        "votes": votes,
        "held": {who: draw(st.integers(0, 31)) for who in people},
        "stakes": {who: draw(st.integers(1, 9)) for who in people},
        "attesters": draw(st.lists(st.sampled_from([ALICE, TOM]), unique=True)),
    }


@given(rounds())
def test_settle__any_round__adds_up(case: dict[str, Any]) -> None:
    pay = settle(**case)

    assert len(pay.outcomes) == len(case["submissions"])
    assert sum(pay.credits.values()) == sum(p.amount for p in pay.payments) == pay.from_escrow + pay.from_bonds
    assert pay.from_escrow <= case["terms"].pot
    assert pay.burned == 5000 * pay.outcomes.count(Outcome.INVALID)
    assert all(p.agreed <= p.seats for p in pay.payments)
    assert all(slash.fees <= case["terms"].seats * case["terms"].seat_fee for slash in pay.slashes)
