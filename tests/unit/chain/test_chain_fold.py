"""The fold of events into rows, event by event."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from assay.chain.fold import fold, task_of_case
from assay.errors import Broken
from assay.protocol.pay import Payment, pack_payments
from assay.store import Store, open_store
from assay.store.rows import BlockRow, EventRow
from assay.types import CutReason, Outcome, Role, Ruling

GWEI = 10**9
A, B, C = (f"0x{n:040x}" for n in (1, 2, 3))
VALIDATOR, TRAINER = int(Role.VALIDATOR), int(Role.TRAINER)
RISK = {"bond": 7 * GWEI, "seats": 3, "seatFee": GWEI, "extraWindow": 0}  # 10 gwei a submission
ZERO = "0x" + "00" * 32


class Feed:
    """Gives events places, and folds them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.block = 0

    def __call__(self, name: str, of_task: Any = 1, /, **args: Any) -> None:
        self.block += 1
        with self.store.batch() as batch:
            batch.put(BlockRow(self.block, bytes(32), 1_000 + self.block))
            whole = args if of_task is None else {"task": of_task, **args}
            event = EventRow(self.block, 0, bytes(32), C, name, of_task, whole)
            fold(batch, task_of_case(batch, event))

    def publish(self) -> None:
        terms = {"rounds": 4, "genesis": "0x" + "11" * 32, **RISK}
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
    feed("Slashed", account=A, round=1, index=0, burned=2 * GWEI, paid=GWEI)
    assert [row.amount for row in feed.store.enlistments(1, TRAINER)] == [8 * GWEI]
    assert [(row.burned, row.paid) for row in feed.store.slashes(A)] == [(2 * GWEI, GWEI)]


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
    feed("RoundFinal", round=1, outcomes="0x0103", fromEscrow=5, fromStakes=6, burned=7)
    assert [row.outcome for row in feed.store.submissions(1, 1)] == [Outcome.PAID, Outcome.INVALID]
    final = feed.store.round(1, 1)
    assert final is not None
    assert (final.outcomes, final.from_escrow, final.from_stakes, final.burned) == (b"\x01\x03", 5, 6, 7)


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


def test_vault__stake_taken_back_or_taken__is_kept(feed: Feed) -> None:
    feed("Rebonded", None, account=A, amount=4)
    feed("Taken", None, account=A, burned=5, paid=2, unbonding=1)
    kinds = [(row.kind, row.amount, row.of_unbonding) for row in feed.store.stakes(A)]
    assert kinds == [("rebonded", 4, 0), ("taken", 7, 1)]


def test_payments__packed__become_a_row_each(feed: Feed) -> None:
    paid = [
        Payment(to_checksum_address(A), Role.TRAINER, 1, 1, 9),
        Payment(to_checksum_address(B), Role.VALIDATOR, 4, 3, 2**87),
    ]
    feed("Payments", round=2, payments="0x" + pack_payments(paid + paid[:1]).hex())
    rows = feed.store.payments(task=1)
    assert [(row.account, row.role, row.seats, row.agreed, row.amount, row.n) for row in rows] == [
        (paid[0].account, TRAINER, 1, 1, 9, 0),
        (paid[1].account, VALIDATOR, 4, 3, 2**87, 1),
        (paid[0].account, TRAINER, 1, 1, 9, 2),
    ]
    assert len(feed.store.payments(account=A)) == 2


def test_cut__of_a_lot__adds_up_and_may_end_it(feed: Feed) -> None:
    feed.enlist(A, 16)
    for reason in (CutReason.SILENT, CutReason.CANARY):
        feed("Cut", validator=A, round=1, index=65535, reason=int(reason), burned=GWEI, paid=GWEI)
    feed("Left", account=A, role=VALIDATOR, untilRound=2)
    (lot,) = feed.store.enlistments(1, VALIDATOR)
    assert (lot.amount, lot.cut, lot.until_round) == (16 * GWEI, 4 * GWEI, 2)
    assert [(row.reason, row.burned, row.paid) for row in feed.store.cuts(A)] == [(3, GWEI, GWEI), (1, GWEI, GWEI)]


def set_aside(feed: Feed) -> None:
    feed.enlist(A, 25, TRAINER)
    feed.submit(A, 0)
    share = {"index": 0, "who": int(A, 16) << 96, "mark": ZERO, "ballots": []}
    feed("SetAside", round=1, index=0, aside=share)
    feed("RoundFinal", round=1, outcomes="0x0a", fromEscrow=0, fromStakes=0, burned=0)


def test_aside__set_and_resolved__risks_its_exposure_meanwhile(feed: Feed) -> None:
    set_aside(feed)
    assert [row.amount for row in feed.store.enlistments(1, TRAINER)] == [15 * GWEI]
    assert [row.outcome for row in feed.store.submissions(1, 1)] == [Outcome.ASIDE]
    feed("Slashed", account=A, round=1, index=0, burned=3 * GWEI, paid=GWEI)
    assert [row.amount for row in feed.store.enlistments(1, TRAINER)] == [15 * GWEI]
    feed("Resolved", round=1, index=0, outcome=3, fromEscrow=0, fromStakes=GWEI, burned=3 * GWEI)
    assert [row.amount for row in feed.store.enlistments(1, TRAINER)] == [21 * GWEI]
    (row,) = feed.store.asides(1, 1)
    assert (row.outcome, row.from_stakes, row.burned, row.json["mark"]) == (3, GWEI, 3 * GWEI, ZERO)
    assert [row.outcome for row in feed.store.submissions(1, 1)] == [Outcome.INVALID]


def test_aside__trainer_released_meanwhile__enlistment_stays_as_it_was(feed: Feed) -> None:
    set_aside(feed)
    feed("Released", account=A, role=TRAINER, amount=15 * GWEI)
    feed("Resolved", round=1, index=0, outcome=1, fromEscrow=9, fromStakes=0, burned=0)
    assert [(row.amount, row.released) for row in feed.store.enlistments(1, TRAINER)] == [(15 * GWEI, True)]


def test_canaries__and_extra_votes__are_kept_in_their_order(feed: Feed) -> None:
    feed("CanaryOpened", round=1, index=3, salt="0x" + "07" * 32, leaf=2**32 - 1, check=8)
    for who in (C, A):
        feed("ExtraVoted", round=1, validator=who, evidence=ZERO, votes="0x0102")
    (canary,) = feed.store.canaries(1, 1)
    assert (canary.index, canary.salt, canary.leaf, canary.check) == (3, b"\x07" * 32, 2**32 - 1, 8)
    assert [(row.validator[-1], row.order, row.votes) for row in feed.store.extras(1, 1)] == [
        ("3", 0, b"\1\2"),
        ("1", 1, b"\1\2"),
    ]


def test_root__disputed_and_ruled__is_told_on_the_checkpoint(feed: Feed) -> None:
    feed("CheckpointFinal", round=1, root="0x" + "55" * 32)
    feed("RootDisputed", round=1, root="0x" + "55" * 32)
    row = feed.store.checkpoint(1, 1)
    assert row is not None
    assert (row.disputed, row.ruling) == (True, None)
    feed("RootRuled", round=1, ruling=1)
    row = feed.store.checkpoint(1, 1)
    assert row is not None
    assert (row.disputed, row.ruling) == (False, Ruling.UPHELD)


def challenge(feed: Feed) -> None:
    what = {"index": 4, "claim": 1, "check": 8, "leaf": 417, "digest": "0x" + "66" * 32, "bond": 10**19, "uri": "u"}
    feed("Challenged", id=5, round=1, challenger=B, **what)


def test_case__from_challenge_to_end__is_kept(feed: Feed) -> None:
    challenge(feed)
    opened = 1_000 + feed.block
    feed("JurySummoned", None, id=5, seed="0x" + "09" * 16, line=77, source=12)
    for who in (C, A):
        feed("JurorCommitted", None, id=5, juror=who)
    feed("JurorRevealed", None, id=5, juror=A, seats=4, vote=1, evidence=ZERO)
    feed("Appealed", None, id=5, appellant=C, bond=2 * 10**19)
    feed("AppealVoted", None, id=5, account=A, vote=2, weight=50)
    feed("CaseClosed", None, id=5, ruling=2, burned=9)
    row = feed.store.case(5)
    assert row is not None
    assert (row.task, row.round, row.index, row.claim, row.check, row.leaf) == (1, 1, 4, 1, 8, 417)
    assert (row.opened_at, row.seed, row.line, row.source) == (opened, b"\x09" * 16, 77, 12)
    assert (row.appellant, row.appeal_bond, row.ruling, row.burned) == (to_checksum_address(C), 2 * 10**19, 2, 9)
    assert [(j.juror[-1], j.seats, j.vote) for j in feed.store.jurors(5)] == [("1", 4, 1), ("3", None, None)]
    assert [(v.account[-1], v.vote, v.weight) for v in feed.store.appeal_votes(5)] == [("1", 2, 50)]
    assert [case.id for case in feed.store.cases(1, 1)] == [5]
    assert feed.store.cases(1, 2) == feed.store.cases(2) == []


def test_case__never_opened__is_broken(feed: Feed) -> None:
    with pytest.raises(Broken, match="no case 6"):
        feed("CaseClosed", None, id=6, ruling=2, burned=9)


def test_rewind__over_a_case__takes_its_whole_task_back(feed: Feed) -> None:
    challenge(feed)
    with feed.store.batch() as batch:
        event = EventRow(50, 0, bytes(32), C, "CaseClosed", None, {"id": 5, "ruling": 1, "burned": 0})
        batch.put(task_of_case(batch, event))
        fold(batch, task_of_case(batch, event))
        assert batch.rewind(49) == []
    assert feed.store.case(5) is None


def test_invites__and_nonces__that_are_used_up__are_kept(feed: Feed) -> None:
    feed("Admitted", account=A, nonce=2**255)
    feed("InviteRevoked", nonce=7)
    feed("Relayed", None, account=A, nonce=3, relayer=B)
    feed("NonceCancelled", None, account=A, nonce=4)
    invites = [(row.nonce, row.account and row.account[-1]) for row in feed.store.invites(1)]
    assert invites == [(2**255, "1"), (7, None)]
    nonces = [(row.nonce, row.relayer and row.relayer[-1]) for row in feed.store.used_nonces(A)]
    assert nonces == [(3, "2"), (4, None)]


def test_event__of_a_task_never_published__is_broken(feed: Feed) -> None:
    with pytest.raises(Broken, match="tasks"):
        feed("TaskStarted", 9, start=1)
