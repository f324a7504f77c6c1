from __future__ import annotations

from assay.api.earnings import Line, State, lines
from assay.api.judging import Ballot, why_unpaid
from assay.store import Store
from assay.store.rows import ClaimRow
from assay.types import Outcome, Role, Verdict
from unit.api.records import (
    ALICE,
    ASY,
    BOB,
    CAROL,
    DAVE,
    MALLORY,
    PEER,
    PERIOD,
    START,
    TERMS,
    drawn,
    filled,
)

ROUND_2_REVEALED = START + PERIOD + 22  # reveal ended at +21, final from +26


def of(store: Store, account: str, number: int, now: int = ROUND_2_REVEALED) -> Line:
    found = [line for line in lines(store, now, account) if line.round == number]
    assert len(found) == 1
    return found[0]


def test_lines__paid_and_not_claimed__claimable() -> None:
    line = of(filled(), CAROL, 1)
    assert (line.state, line.earned, line.shown(0)) == (State.CLAIMABLE, 2 * ASY, "claimable")
    assert line.seats == line.agreed == len(drawn(1, 0).carol) + len(drawn(1, 1).carol)


def test_lines__claimed_after_the_payment__claimed() -> None:
    assert of(filled(), BOB, 1).state is State.CLAIMED


def test_lines__claim_before_the_payment__still_claimable() -> None:
    store = filled()
    with store.batch() as batch:
        batch.put(ClaimRow(CAROL, CAROL, ASY, 3, 1))
    assert of(store, CAROL, 1).state is State.CLAIMABLE


def test_lines__refused_submission__names_check_leaf_and_slash() -> None:
    line = of(filled(), MALLORY, 1)
    assert (line.state, line.earned) == (State.UNPAID, 0)
    assert line.shown(0) == "unpaid: sampling, leaf 417 (slashed 10.00)"


def test_lines__no_seat_fell_into_the_lot__not_drawn_with_zero_seats() -> None:
    line = of(filled(), DAVE, 2)
    assert (line.state, line.seats, line.earned, line.shown(0)) == (State.NOT_DRAWN, 0, 0, "not drawn")


def test_lines__trainer_without_submission_after_work__says_nothing_submitted() -> None:
    line = of(filled(), MALLORY, 2)
    assert line.shown(0) == "unpaid: nothing submitted"


def test_lines__revealed_and_agreed_but_not_final__promises_the_seat_fees() -> None:
    line = of(filled(), CAROL, 2)
    seats = len(drawn(2, 0).carol)
    assert (line.state, line.seats, line.agreed, line.earned) == (State.PENDING, seats, seats, seats * TERMS["seatFee"])
    assert line.shown(ROUND_2_REVEALED) == "final in 4 s"


def test_lines__trainer_accepted_but_not_final__promises_the_price() -> None:
    assert of(filled(), BOB, 2).earned == 1792 * TERMS["price"]


def test_lines__reveals_still_open__promises_nothing_yet() -> None:
    line = of(filled(), CAROL, 2, now=START + PERIOD + 18)
    assert (line.state, line.earned, line.agreed) == (State.PENDING, None, None)


def test_lines__drawn_but_never_revealed__unpaid_says_so() -> None:
    store = filled(silent=CAROL)
    line = of(store, CAROL, 2)
    assert (line.state, line.seats, line.earned) == (State.UNPAID, len(drawn(2, 0).carol), 0)
    assert line.shown(0) == "unpaid: not revealed"


def test_lines__too_few_seats_spoke__unpaid_for_want_of_a_quorum() -> None:
    line = of(filled(silent=CAROL), PEER, 2)
    assert (line.agreed, line.shown(0)) == (0, "unpaid: no quorum")


def test_lines__round_without_seal_after_commit__void_for_both_roles() -> None:
    store = filled()
    now = START + 2 * PERIOD + 25
    assert of(store, CAROL, 3, now).shown(now) == "unpaid: no submissions"
    assert of(store, BOB, 3, now).shown(now) == "unpaid: nothing submitted"


def test_lines__round_in_work__says_when_it_closes_and_when_the_seal_comes() -> None:
    now = START + 2 * PERIOD + 2
    store = filled()
    assert of(store, BOB, 3, now).shown(now) == "work closes in 7 s"
    assert of(store, CAROL, 3, now).shown(now) == "seal in 8 s"


def test_lines__every_zero_pay__has_a_reason() -> None:
    for now in range(START, START + 7 * PERIOD, 3):
        for line in lines(filled_once, now):
            if not line.earned:
                assert line.shown(now).strip()
                assert line.state in {State.PENDING, State.OPEN, State.UNPAID, State.NOT_DRAWN}


def test_lines__task_not_started__none() -> None:
    assert lines(filled(start=0), START) == []


def test_lines__other_task_or_account__none() -> None:
    store = filled()
    assert lines(store, ROUND_2_REVEALED, ALICE) == []
    assert lines(store, ROUND_2_REVEALED, task=2) == []


def test_lines__all_accounts__sorted_by_round_and_role() -> None:
    found = lines(filled(), ROUND_2_REVEALED)
    assert [(line.round, line.role) for line in found] == sorted((line.round, line.role) for line in found)
    assert {line.account for line in found if line.role is Role.VALIDATOR} == {CAROL, PEER, DAVE}


filled_once = filled()


def test_why_unpaid__doubted__says_that_no_bond_was_taken() -> None:
    votes = [Ballot(CAROL, 2, Verdict.INVALID, 8, "sampling", 417), Ballot(DAVE, 1, Verdict.VALID, 0, "none", 0)]
    assert why_unpaid(Outcome.DOUBTED, votes) == "refused, and not slashed: sampling, leaf 417"
    assert why_unpaid(Outcome.INVALID, votes) == "sampling, leaf 417"
