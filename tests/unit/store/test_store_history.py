"""A trainer's past as every seat of a submission counts it."""

from __future__ import annotations

from dataclasses import replace

from assay.protocol.plan import History
from assay.protocol.shares import REFUSED
from assay.store import Store, open_store
from assay.store.history import history_of
from assay.store.rows import AsideRow, RoundRow, SealRow, SubmissionRow
from assay.types import Outcome

ALICE, BOB = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
SEAL = SealRow(1, 9, b"\x05" * 16, 100, 0, 90)


def store_with(*rounds: list[Outcome], block: int = 50) -> Store:
    """Rounds from 1 on, whose submissions are ALICE's, one of BOB's after them."""
    store = open_store("sqlite://")
    with store.batch() as batch:
        for number, outcomes in enumerate(rounds, 1):
            for index in range(len(outcomes) + 1):
                who = ALICE if index < len(outcomes) else BOB
                batch.put(SubmissionRow(1, number, index, who, 5, 0, bytes(32), bytes(32), "", index, None, 3))
            batch.put(RoundRow(1, number, bytes([*outcomes, Outcome.PAID]), 0, 0, 0, block))
    return store


def test_history__accepted_work__counts_by_submission_and_by_round() -> None:
    store = store_with([Outcome.PAID, Outcome.NOT_HELD], [Outcome.PAID], [Outcome.NO_QUORUM], [Outcome.CANARY])

    assert history_of(store, SEAL, ALICE) == History(3, 2)
    assert history_of(store, SEAL, BOB) == History(4, 4)
    assert history_of(store, SEAL, "0x" + "11" * 20) == History()


def test_history__refusal__starts_anew() -> None:
    for refused in (*REFUSED, Outcome.FALSE_CANARY):
        store = store_with([Outcome.PAID], [refused], [Outcome.PAID])

        assert history_of(store, SEAL, ALICE) == History(1, 1)


def test_history__round_made_final_after_the_seal__isnt_counted_by_anyone() -> None:
    for block, counted in ((89, 1), (90, 0), (91, 0)):
        assert history_of(store_with([Outcome.PAID], block=block), SEAL, ALICE).accepted == counted


def test_history__share_set_aside__counts_once_it_was_settled_before_the_seal() -> None:
    store = store_with([Outcome.PAID], [Outcome.ASIDE])
    settled = AsideRow(1, 2, 0, {}, 60, int(Outcome.INVALID))
    for aside, counted in (
        (replace(settled, outcome=None), 1),
        (replace(settled, block=95), 1),
        (settled, 0),
        (replace(settled, outcome=int(Outcome.PAID)), 2),
        (replace(settled, outcome=int(Outcome.UNOPENED)), 1),
    ):
        with store.batch() as batch:
            batch.put(aside)

        assert history_of(store, SEAL, ALICE).accepted == counted
