from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from assay.chain.localnet import signer
from assay.cli.narrator import Narrator
from assay.roles.config import NodeConfig
from assay.store import Store
from unit.api.records import BOB, CAROL, DAVE, PERIOD, START, filled, see


class Named:
    """A signer that signs nothing."""

    def __init__(self, address: str) -> None:
        self.address = address

    def sign_digest(self, digest: bytes) -> bytes:
        return signer(0).sign_digest(digest)


def narrator(account: str, said: list[str]) -> Narrator:
    config = NodeConfig(Path(), "carol", "", 31337, Path(), Named(account), "sqlite://", task=1)
    return Narrator(config, said.append)


def told(store: Store, account: str, *moments: int) -> list[str]:
    said: list[str] = []
    voice = narrator(account, said)
    for moment in moments:
        see(store, START + moment)
        voice.look(store)
    return said


def test_look__not_drawn__said_once_with_the_next_seal() -> None:
    said = told(filled(), DAVE, PERIOD + 12, PERIOD + 13)
    assert said.count("task 1 round 2 sealed · not drawn · next seal in 23 s") == 1


def test_look__drawn_then_revealed__said_in_turn() -> None:
    said = told(filled(), CAROL, PERIOD + 18, PERIOD + 22, PERIOD + 23)
    assert len(said) == 2
    assert said[0].startswith("task 1 round 2 sealed · drawn for ")
    assert " seats agree · +" in said[1]
    assert " when final at " in said[1]


def test_look__pay_from_before_the_start__passed_over() -> None:
    assert told(filled(), BOB, PERIOD + 12) == []


def test_look__nothing_submitted__reason_said() -> None:
    assert "task 1 round 3 unpaid: nothing submitted" in told(filled(), BOB, 2 * PERIOD + 10)


def test_look__round_becomes_final__pay_said() -> None:
    from assay.store.rows import PaymentRow, RoundRow

    store, said = filled(), []
    voice = narrator(CAROL, said)
    see(store, START + PERIOD + 22)
    voice.look(store)
    submission = store.submissions(1, 2)[0]
    with store.batch() as batch:
        batch.put(RoundRow(1, 2, bytes([1]), 10**18, 0, 0, 60))
        batch.put(PaymentRow(1, 2, CAROL, 2, 2, 2, 10**18, 60, 1))
        batch.put(replace(submission, outcome=1))
    see(store, START + PERIOD + 27)
    voice.look(store)
    assert said[-1] == "task 1 round 2 final · +1.00 claimable"
