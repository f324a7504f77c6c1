"""The fold of events into rows, event by event."""

from __future__ import annotations

from typing import Any

import pytest

from assay.chain.fold import fold
from assay.errors import Broken
from assay.store import Store, open_store
from assay.store.rows import EventRow
from assay.types import Outcome, Role

GWEI = 10**9
A, B, C = (f"0x{n:040x}" for n in (1, 2, 3))
VALIDATOR, TRAINER = int(Role.VALIDATOR), int(Role.TRAINER)


class Feed:
    """Gives events places, and folds them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.block = 0

    def __call__(self, name: str, of_task: Any = 1, /, **args: Any) -> None:
        self.block += 1
        with self.store.batch() as batch:
            whole = args if of_task is None else {"task": of_task, **args}
            fold(batch, EventRow(self.block, 0, bytes(32), C, name, of_task, whole))

    def publish(self) -> None:
        terms = {"rounds": 4, "genesis": "0x" + "11" * 32}
        self("TaskPublished", initiator=A, specHash="0x" + "22" * 32, terms=terms, budget=100, uri="u")

    def enlist(self, who: str, gwei: int, role: int = VALIDATOR) -> None:
        self("Enlisted", account=who, role=role, amount=gwei * GWEI, fromRound=1, uri="u")

    def submit(self, who: str, index: int) -> None:
        hashes = {"root": "0x" + "33" * 32, "mark": "0x" + "44" * 32}
        self("Submitted", round=1, trainer=who, index=index, units=9, base=0, uri="u", **hashes)


@pytest.fixture
def feed() -> Feed:
    found = Feed(open_store("sqlite://"))
    found.publish()
    return found


def lots(feed: Feed) -> dict[str, tuple[int, int]]:
    return {row.account: (row.lo, row.hi) for row in feed.store.enlistments(1, VALIDATOR) if not row.released}


def test_escrow__funded_paid_refunded__adds_up(feed: Feed) -> None:
    feed("TaskFunded", **{"from": B, "amount": 7})
    feed("RoundPaid", amount=30)
    feed("RoundPaid", amount=20)
    feed("TaskRefunded", initiator=A, amount=57)
    task = feed.store.task(1)
    assert task is not None
    assert (task.budget, task.paid, task.refunded, task.escrow) == (107, 50, 57, 0)
    assert task.state == "refunded"


def test_start__and_stop__move_the_clock(feed: Feed) -> None:
    genesis = feed.store.checkpoint(1, 0)
    assert genesis is not None
    assert not genesis.final
    feed("TaskStarted", start=1_000)
    feed("CheckpointFinal", round=2, root="0x" + "55" * 32)
    feed("TaskStopped", lastRound=3)
    task = feed.store.task(1)
    assert task is not None
    assert (task.start, task.last_round, task.head, task.head_root) == (1_000, 3, 2, b"\x55" * 32)
    assert [(row.round, row.final) for row in feed.store.checkpoints(1)] == [(0, True), (2, True)]


def test_lots__in_the_order_of_enlisting__lie_side_by_side(feed: Feed) -> None:
    feed.enlist(A, 5)
    feed.enlist(B, 7)
    assert lots(feed) == {A: (0, 5), B: (5, 12)}


def test_lots__last_one_released__shortens_the_line(feed: Feed) -> None:
    feed.enlist(A, 5)
    feed.enlist(B, 7)
    feed("Left", account=B, role=VALIDATOR, untilRound=2)
    feed("Released", account=B, role=VALIDATOR, amount=7 * GWEI)
    feed.enlist(C, 3)
    assert lots(feed) == {A: (0, 5), C: (5, 8)}


def test_lots__hole_in_the_middle__is_filled_when_it_fits(feed: Feed) -> None:
    for who, size in ((A, 5), (B, 7)):
        feed.enlist(who, size)
    feed("Released", account=A, role=VALIDATOR, amount=5 * GWEI)
    feed.enlist(C, 6)
    assert lots(feed) == {B: (5, 12), C: (12, 18)}
    feed.enlist(A, 4)
    assert lots(feed) == {A: (0, 4), B: (5, 12), C: (12, 18)}
    task = feed.store.task(1)
    assert task is not None
    assert (task.line, task.holes) == (18, [[4, 5]])


def test_trainer__enlists_again__adds_and_a_slash_takes(feed: Feed) -> None:
    feed.enlist(A, 5, TRAINER)
    feed.enlist(A, 6, TRAINER)
    feed.submit(A, 0)
    feed("Slashed", account=A, round=1, index=0, burned=2 * GWEI, fees=GWEI)
    assert [row.amount for row in feed.store.enlistments(1, TRAINER)] == [8 * GWEI]
    assert [(row.burned, row.fees) for row in feed.store.slashes(A)] == [(2 * GWEI, GWEI)]


def test_submissions__of_two_trainers__count_each_ones_own(feed: Feed) -> None:
    for index, who in enumerate((A, B, A, A)):
        feed.submit(who, index)
    assert [(row.trainer[-1], row.n) for row in feed.store.submissions(1, 1)] == [
        ("1", 0),
        ("2", 0),
        ("1", 1),
        ("1", 2),
    ]


def test_round_final__outcome_bytes__reach_each_submission(feed: Feed) -> None:
    feed.submit(A, 0)
    feed.submit(B, 1)
    feed("RoundFinal", round=1, outcomes="0x0103", fromEscrow=5, fromBonds=6, burned=7)
    assert [row.outcome for row in feed.store.submissions(1, 1)] == [Outcome.PAID, Outcome.INVALID]
    final = feed.store.round(1, 1)
    assert final is not None
    assert (final.outcomes, final.from_escrow, final.from_bonds, final.burned) == (b"\x01\x03", 5, 6, 7)


def test_reveals__and_attestations__keep_the_order_of_their_events(feed: Feed) -> None:
    opened = {"salt": "0x" + "00" * 32, "evidence": "0x" + "00" * 32, "held": 1 << 255, "votes": "0x0102"}
    for who in (C, A, B):
        feed("Committed", round=1, validator=who)
    for who in (B, A):
        feed("Revealed", round=1, validator=who, **opened)
        feed("CheckpointAttested", round=1, validator=who, root="0x" + "66" * 32)
    assert [row.validator[-1] for row in feed.store.commits(1, 1)] == ["3", "1", "2"]
    assert [(row.validator[-1], row.order, row.held) for row in feed.store.votes(1, 1)] == [
        ("2", 0, 1 << 255),
        ("1", 1, 1 << 255),
    ]
    assert [row.validator[-1] for row in feed.store.attests(1, 1)] == ["2", "1"]


def test_vault__movements__are_kept_by_account(feed: Feed) -> None:
    feed("Staked", None, account=A, amount=5)
    feed("Unbonding", None, account=A, amount=3, readyAt=99)
    feed("PayoutSet", None, account=A, payout=B)
    feed("Claimed", None, account=A, payout=B, amount=2)
    kinds = [(row.kind, row.amount, row.ready_at) for row in feed.store.stakes(A)]
    assert kinds == [("staked", 5, None), ("unbonding", 3, 99), ("payout", 0, None)]
    assert [row.amount for row in feed.store.claims(A)] == [2]


def test_event__of_a_task_never_published__is_broken(feed: Feed) -> None:
    with pytest.raises(Broken, match="tasks"):
        feed("TaskStarted", 9, start=1)
