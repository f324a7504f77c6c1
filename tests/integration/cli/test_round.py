"""Rounds settled by hand, on a real chain: made final, shares resolved; and trainers that are asked for canaries."""

from __future__ import annotations

from typing import Any

import pytest

from assay.chain import localnet
from assay.protocol.hashing import keccak
from assay.protocol.typed_data import mark
from assay.roles.secrets import mark_salt
from assay.types import MarkKind
from integration.chain.world import CHALLENGE, TRAINERS, UNITS, VOTES_END, World
from integration.cli.commands import Run, as_json, refusal

pytestmark = pytest.mark.integration


@pytest.fixture
def voted(chain: Any) -> World:
    """A round that all passed: bob's salt is his key's, mallory's is lost. Nobody settled it yet."""
    world = World(chain, chain.store())
    world.publish()
    world.at(world.opens(1))
    place = (chain.client.chain_id, chain.contracts.deployment.ledger, 1, 1)
    for who, salt in zip(TRAINERS, (mark_salt(localnet.signer(TRAINERS[0]), *place), keccak(b"lost")), strict=True):
        hidden = mark(MarkKind.WORK, salt, 0, 0)
        world.send(who, chain.contracts.submit(1, 1, 0, UNITS, keccak(salt), hidden, ""))
    world.seal(1)
    world.vote(1, {})
    world.attest(1)
    return world


def test_round__finalize_then_resolve__pays_who_tells_a_salt(run: Run, voted: World, chain: Any) -> None:
    line = ("round", "finalize", "1", "1", "--as", "carol")
    assert "can be made final when its challenge window is over, in " in refusal(run(*line, "--yes"))
    assert "round 1 isn't final" in refusal(run("round", "resolve", "1", "1", "--as", "bob", "--yes"))
    voted.at(voted.opens(1) + VOTES_END + CHALLENGE)
    shown = run(*line, "--dry-run").stdout
    assert "submission 0 of bob is set aside: no salt told" in shown
    done = as_json(run(*line, "--yes", "--json"))
    assert done["no_salt"] == [0, 1]
    assert "is final already" in refusal(run(*line, "--yes"))

    resolve = ("round", "resolve", "1", "1")
    assert "waits for bob's salt, which only bob can show" in refusal(run(*resolve, "--as", "carol", "--yes"))
    paid = as_json(run(*resolve, "--as", "bob", "--yes", "--json"))
    assert paid["resolved"] == [0]
    assert chain.contracts.account(voted.address(TRAINERS[0])).claimable > 0
    assert "no share of submission 0" in refusal(run(*resolve, "--submission", "0", "--as", "bob", "--yes"))

    chain.mine(1, chain.client.head().time + CHALLENGE + 1)
    ended = as_json(run(*resolve, "--as", "carol", "--yes", "--json"))
    assert ended["resolved"] == [1]
    assert chain.contracts.account(voted.address(TRAINERS[1])).claimable == 0
    assert "waits" in refusal(run(*resolve, "--as", "carol", "--yes"))


def test_round__typing_errors__one_sentence(run: Run, voted: World) -> None:
    trainer = ("trainer", "run", "--task", "1", "--as", "bob", "--dry-run")
    mistakes = (
        (("round", "finalize", "7", "1", "--as", "carol"), "there is no task 7"),
        (("round", "finalize", "1", "9", "--as", "carol"), "task 1 has no round 9"),
        (("round", "resolve", "7", "1", "--as", "carol"), "there is no task 7"),
        ((*trainer, "--canaries", "two"), "isn't a list of rounds"),
        ((*trainer, "--canaries", "2,9"), "task 1 has rounds 1 to 3, not 9"),
        ((*trainer, "--fault", "naps"), "known: "),
    )
    for line, says in mistakes:
        assert says in refusal(run(*line)), line
    assert run(*trainer, "--canaries", "2,3", "--no-challenge").stdout == "would run trainer bob\n"
