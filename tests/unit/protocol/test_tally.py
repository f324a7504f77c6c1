"""What a round comes to, by hand and by its invariants. The golden vectors hold the contract to the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_utils.address import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Refused
from assay.protocol.entries import Entry
from assay.protocol.hashing import keccak
from assay.protocol.pay import Payment, PayTerms, Penalty, Settlement
from assay.protocol.shares import canary_rank, canary_word
from assay.protocol.tally import Extra, Spoken, settle
from assay.protocol.typed_data import mark
from assay.protocol.votes import Vote
from assay.types import CutReason, MarkKind, Outcome, Role, Verdict

TERMS = PayTerms(
    price=10, seat_fee=100, attest_fee=7, pot=10**6, seats=3, bond=5000, cut=40, canary_fee=50, canary_rate=2000
)
ALICE, BOB, CAROL, DAVE, TINA, TOM = (str(to_checksum_address("0x" + f"{i:02x}" * 20)) for i in range(0xA1, 0xA7))
VALID, INVALID, MISSING = Verdict.VALID, Verdict.INVALID, Verdict.UNAVAILABLE
ALL = (1 << 256) - 1
SALT = keccak(b"salt")
CANARY = {0: canary_word(1, 9, 6)}


def work(trainer: str = TINA, units: int = 50) -> Entry:
    return Entry(trainer, units, 0, bytes(32), mark(MarkKind.WORK, SALT, 0, 0))


def said(who: str, *cast: tuple[int, int, Verdict], **more: Any) -> Spoken:
    votes = [Vote(index, seats, verdict, 6 if verdict is INVALID else 0, 9) for index, seats, verdict in cast]
    return Spoken(who, votes, **({"held": ALL, "stake": 10, "backing": 10**6} | more))


def one(*votes: tuple[str, int, Verdict], terms: PayTerms = TERMS, **more: Any) -> Settlement:
    """Settle a round of one submission by Tina, 50 units; every voter has 10 gwei and holds all."""
    reveals = [said(who, (0, seats, verdict)) for who, seats, verdict in votes]
    return settle(terms, [work()], reveals, **({"salts": {0: SALT}} | more))


def money(s: Settlement) -> tuple[int, int, int]:
    return s.from_escrow, s.from_stakes, s.burned


# --- outcomes and pay


def test_settle__valid_with_one_dissenter__pays_trainer_and_agreeing_seats() -> None:
    reveals = [
        said(ALICE, (0, 0b001, VALID)),
        said(BOB, (0, 0b010, VALID), attests=True),
        said(CAROL, (0, 0b100, INVALID)),
    ]
    s = settle(TERMS, [work()], reveals, [], [DAVE], {0: SALT})

    assert s.outcomes == [Outcome.PAID]
    assert s.payments == [
        Payment(TINA, Role.TRAINER, 1, 1, 500),
        Payment(ALICE, Role.VALIDATOR, 1, 1, 100),
        Payment(BOB, Role.VALIDATOR, 1, 1, 107),
        Payment(CAROL, Role.VALIDATOR, 1, 0, 0),
        Payment(DAVE, Role.VALIDATOR, 0, 0, 7),
    ]
    assert (money(s), s.slashes, s.due) == ((714, 0, 0), [], 714)


@pytest.mark.parametrize("verdict", [INVALID, MISSING, Verdict.MALFORMED])
def test_settle__any_refusal__burns_the_bond_and_pays_seats_from_the_trainer(verdict: Verdict) -> None:
    s = one((ALICE, 0b011, verdict), (BOB, 0b100, verdict))

    assert s.outcomes == [Outcome(int(verdict) + 1)]
    assert s.slashes == [Penalty(TINA, 0, 0, 5000, 300)]
    assert s.credits == [(ALICE, 200), (BOB, 100)]
    assert money(s) == (0, 300, 5000)


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
    s = one(*votes)

    assert s.outcomes == [Outcome.NO_QUORUM]
    assert (s.credits, s.slashes, money(s)) == ([], [], (0, 0, 0))


def test_settle__two_thirds_of_the_revealed__are_needed_beside_the_quorum() -> None:
    terms = replace(TERMS, seats=4)

    assert one((ALICE, 0b0011, VALID), (BOB, 0b0100, VALID), (CAROL, 0b1000, INVALID), terms=terms).outcomes == [1]
    assert one((ALICE, 0b0001, VALID), (BOB, 0b0010, VALID), (CAROL, 0b1000, INVALID), terms=terms).outcomes == [6]


@pytest.mark.parametrize(("missing", "outcome"), [(10, Outcome.PAID), (11, Outcome.NOT_HELD)])
def test_settle__held_by_less_than_two_thirds__pays_only_the_seats(missing: int, outcome: Outcome) -> None:
    reveals = [said(ALICE, (0, 1, VALID)), said(BOB, (0, 2, VALID)), said(CAROL, held=0, stake=missing)]
    s = settle(TERMS, [work()], reveals, salts={0: SALT})

    assert s.outcomes == [outcome]
    assert (s.earned(TINA), s.earned(ALICE), s.earned(CAROL)) == (500 if outcome is Outcome.PAID else 0, 100, 0)
    assert s.payments[-1] == Payment(CAROL, Role.VALIDATOR, 0, 0, 0)


def test_settle__more_due_than_the_pot__scales_escrow_but_not_stakes() -> None:
    entries = [work(), work(TOM), work(TINA, 51)]
    cast = [(0, VALID), (1, INVALID), (2, VALID)]
    reveals = [said(who, *((i, 1 << k, v) for i, v in cast), attests=k == 0) for k, who in enumerate((ALICE, BOB))]

    s = settle(replace(TERMS, pot=1000), entries, reveals, salts=dict.fromkeys(range(3), SALT))

    assert s.due == 1010 + 400 + 7
    assert s.outcomes == [Outcome.PAID, Outcome.INVALID, Outcome.PAID]
    assert s.earned(TINA) == 500 * 1000 // s.due + 510 * 1000 // s.due
    assert s.earned(ALICE) == 207 * 1000 // s.due + 100
    assert s.attest_pay == 7 * 1000 // s.due


def test_settle__not_sealed__is_void() -> None:
    s = settle(TERMS, [work(), work(TOM)], [], attesters=[ALICE], sealed=False)

    assert s.outcomes == [Outcome.VOID, Outcome.VOID]
    assert (s.credits, s.payments, money(s)) == ([], [], (0, 0, 0))


def test_settle__root_in_dispute__withholds_attesters_pay() -> None:
    reveals = [said(ALICE, (0, 1, VALID), attests=True), said(BOB, (0, 2, VALID))]
    s = settle(TERMS, [work()], reveals, [], [DAVE], {0: SALT}, root_disputed=True)

    assert (s.earned(ALICE), s.earned(DAVE), s.attest_pay) == (100, 0, 7)
    assert s.due == 700 + 14


# --- the extra draw


def test_extra__short_of_voices__completes_the_quorum_and_is_paid() -> None:
    s = settle(TERMS, [work()], [said(ALICE, (0, 1, VALID))], [Extra(BOB, [Vote(0, 0b110, VALID)])], salts={0: SALT})

    assert s.outcomes == [Outcome.PAID]
    assert (s.earned(ALICE), s.earned(BOB)) == (100, 200)


def test_extra__the_same_validator_in_both_draws__is_one_voter() -> None:
    s = settle(TERMS, [work()], [said(ALICE, (0, 1, VALID))], [Extra(ALICE, [Vote(0, 0b110, VALID)])], salts={0: SALT})

    assert s.outcomes == [Outcome.NO_QUORUM]


def test_extra__enough_spoke__counts_for_nothing() -> None:
    reveals = [said(ALICE, (0, 1, VALID)), said(BOB, (0, 2, INVALID))]
    s = settle(TERMS, [work()], reveals, [Extra(CAROL, [Vote(0, 0b111, VALID)])], salts={0: SALT})

    assert s.outcomes == [Outcome.NO_QUORUM]
    assert s.payments[-1] == Payment(CAROL, Role.VALIDATOR, 0, 0, 0)


# --- shares that wait, canaries


def test_settle__without_its_salt__is_set_aside_at_its_full_claim() -> None:
    s = one((ALICE, 0b001, VALID), (BOB, 0b010, VALID), salts={0: keccak(b"other")})

    assert s.outcomes == [Outcome.ASIDE]
    assert s.due == 500 + 200 == s.asides[0].due
    assert (s.asides[0].trainer, s.asides[0].units, s.asides[0].is_held) == (TINA, 50, True)
    assert [(b.validator, b.seats) for b in s.asides[0].ballots] == [(ALICE, 1), (BOB, 1)]
    assert (money(s), s.earned(ALICE)) == ((0, 0, 0), 0)


def test_settle__salts_unasked__takes_it_for_work() -> None:
    assert one((ALICE, 0b001, VALID), (BOB, 0b010, VALID), salts=None).outcomes == [Outcome.PAID]


def test_settle__refused_work_without_its_salt__is_slashed_at_once() -> None:
    assert one((ALICE, 0b001, INVALID), (BOB, 0b010, INVALID), salts={}).outcomes == [Outcome.INVALID]


def test_settle__disputed_refusal__is_set_aside() -> None:
    s = one((ALICE, 0b001, INVALID), (BOB, 0b010, INVALID), disputed={0})

    assert (s.outcomes, s.slashes) == ([Outcome.ASIDE], [])


def test_canary__passed_by_one__cuts_it_and_pays_who_refused() -> None:
    s = one((ALICE, 0b001, VALID), (BOB, 0b010, INVALID), (CAROL, 0b100, INVALID), opened=CANARY)

    assert s.outcomes == [Outcome.CANARY]
    assert s.cuts == [Penalty(ALICE, 0, CutReason.CANARY, 20, 20)]
    assert s.slashes == [Penalty(TINA, 0, 0, 0, 200)]
    shared = 20 * 3 // 4
    assert (s.earned(BOB), s.earned(CAROL)) == (100 + shared // 2, 100 + shared // 2)
    assert s.earned(TINA) == 50 + 20 - 2 * (shared // 2)
    assert money(s) == (50, 220, 20)


def test_canary__passed_by_all__burns_what_nobody_takes() -> None:
    s = one((ALICE, 0b001, VALID), (BOB, 0b110, VALID), opened=CANARY)

    assert (s.slashes, s.earned(ALICE), s.earned(BOB)) == ([], 0, 0)
    assert (s.from_stakes, s.burned) == (15, 105)
    assert s.earned(TINA) == 50 + 15


def test_canary__cut_beyond_the_lot__takes_what_is_left() -> None:
    reveals = [said(ALICE, (0, 1, VALID), (1, 1, VALID), backing=60), said(BOB, (0, 2, INVALID), (1, 2, INVALID))]
    s = settle(TERMS, [work(), work()], reveals, opened={0: canary_word(1, 9, 6), 1: canary_word(2, 9, 8)})

    assert [p.burned + p.paid for p in s.cuts] == [40, 20]


def test_canary__fee__goes_to_the_lowest_ranks_only() -> None:
    opened = {0: canary_word(5, 9, 8), 1: canary_word(3, 9, 8), 2: canary_word(4, 9, 8)}
    s = settle(TERMS, [work(), work(TOM), work()], [said(BOB, (0, 2, INVALID))], opened=opened)

    assert (s.earned(TINA), s.earned(TOM)) == (0, 50)
    assert s.due == 50


def test_canary__challenged__waits_with_its_word() -> None:
    s = one((ALICE, 0b001, VALID), (BOB, 0b010, VALID), opened=CANARY, disputed={0})

    assert s.outcomes == [Outcome.ASIDE]
    assert (s.asides[0].canary, s.asides[0].is_refunded, s.cuts) == (CANARY[0], True, [])


def test_canary_rank__is_the_top_half_of_the_hash() -> None:
    assert canary_rank(b"\1" * 16, SALT) == int.from_bytes(keccak(b"\1" * 16 + bytes(16) + SALT)[:16], "big")


# --- what the ledger can't have taken, and what always holds


@pytest.mark.parametrize(
    "reveals",
    [
        [said(ALICE, (1, 1, VALID))],
        [said(ALICE, (0, 0, VALID))],
        [said(ALICE, (0, 8, VALID))],
        [said(ALICE, (0, 1, VALID)), said(BOB, (0, 1, VALID))],
        [said(ALICE, (0, 1, VALID), (0, 2, VALID))],
        [said(ALICE, (0, 1, VALID)), said(ALICE.lower(), (0, 2, VALID))],
        [said("0x12", (0, 1, VALID))],
    ],
)
def test_settle__votes_the_ledger_cannot_have_taken__are_refused(reveals: list[Spoken]) -> None:
    with pytest.raises(Refused):
        settle(TERMS, [work()], reveals)


@st.composite
def rounds(draw: st.DrawFn) -> dict[str, Any]:
    seats, people = draw(st.integers(1, 6)), [ALICE, BOB, CAROL, DAVE]
    entries = [
        work(draw(st.sampled_from([TINA, TOM, ALICE])), draw(st.integers(1, 1000)))
        for _ in range(draw(st.integers(0, 5)))
    ]

    def votes(who: str, owners: list[list[str | None]]) -> list[Vote]:
        masks = [(i, sum(1 << j for j, owner in enumerate(row) if owner == who)) for i, row in enumerate(owners)]
        verdicts = st.sampled_from([VALID, VALID, INVALID, MISSING])
        return [Vote(i, mask, draw(verdicts), 8, 9) for i, mask in masks if mask]

    owner = st.lists(st.sampled_from([*people, None, None]), min_size=seats, max_size=seats)
    first, second = [draw(owner) for _ in entries], [draw(owner) for _ in entries]
    backing = {who: draw(st.integers(0, 200)) for who in people}
    return {
        "terms": PayTerms(
            draw(st.integers(0, 99)),
            draw(st.integers(0, 99)),
            7,
            draw(st.integers(0, 10**5)),
            seats,
            5000,
            40,
            50,
            3000,
        ),
        "entries": entries,
        "reveals": [
            Spoken(who, votes(who, first), draw(st.integers(0, 31)), draw(st.integers(1, 9)), backing[who], who == BOB)
            for who in people
        ],
        "extras": [Extra(who, votes(who, second), backing[who]) for who in people],
        "attesters": draw(st.lists(st.sampled_from([TOM, TINA]), unique=True)),
        "salts": {i: SALT for i in range(len(entries)) if draw(st.booleans())},
        "disputed": {i for i in range(len(entries)) if not draw(st.integers(0, 3))},
        "opened": {i: canary_word(i % 2, 9, 8) for i in range(len(entries)) if not draw(st.integers(0, 3))},
    }


@given(rounds())
def test_settle__any_round__adds_up(case: dict[str, Any]) -> None:
    s = settle(**case)

    assert len(s.outcomes) == len(case["entries"])
    assert sum(amount for _, amount in s.credits) == sum(p.amount for p in s.payments) == s.from_escrow + s.from_stakes
    assert s.from_escrow <= case["terms"].pot
    assert all(p.agreed <= p.seats or p.seats == 0 for p in s.payments)
    most = 5000 + case["terms"].seats * 2 * case["terms"].seat_fee
    assert all(p.burned + p.paid <= most for p in s.slashes)
    for reveal in case["reveals"]:
        cut = sum(p.burned + p.paid for p in s.cuts if p.account == reveal.validator)
        assert cut <= reveal.backing


# --- classes of a refusal


@pytest.mark.parametrize(
    ("reasons", "outcome", "burned"),
    [
        ((8, 7, 14), Outcome.DOUBTED, 0),
        ((6, 8, 14), Outcome.DOUBTED, 0),
        ((6, 8, 9), Outcome.INVALID, 5000),
        ((0, 255, 8), Outcome.INVALID, 5000),
    ],
)
def test_settle__refusal__slashes_where_exact_votes_alone_are_a_quorum(
    reasons: tuple[int, int, int], outcome: Outcome, burned: int
) -> None:
    votes = [Vote(0, 1 << n, INVALID, reason, 9) for n, reason in enumerate(reasons)]
    s = settle(TERMS, [work()], [Spoken(who, [v], ALL, 10) for who, v in zip((ALICE, BOB, CAROL), votes, strict=True)])

    assert s.outcomes == [outcome]
    assert s.slashes == [Penalty(TINA, 0, 0, burned, 300)]
    assert [s.earned(who) for who in (ALICE, BOB, CAROL)] == [100, 100, 100]


def test_settle__one_voter_with_a_quorum_of_exact_seats__is_no_slash() -> None:
    reveals = [Spoken(ALICE, [Vote(0, 3, INVALID, 6, 9)], ALL, 10), Spoken(BOB, [Vote(0, 4, INVALID, 8, 9)], ALL, 10)]

    assert settle(TERMS, [work()], reveals).outcomes == [Outcome.DOUBTED]
