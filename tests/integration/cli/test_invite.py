"""Invites to a private task, on a real chain: redeemed, used up, expired, revoked, and what a clumsy person types."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from assay.chain.client import Reverted
from assay.errors import Refused
from assay.roles.acting import enlist as enlist_node
from assay.roles.node import Node
from assay.types import Role
from integration.chain.world import INITIATOR, TOKEN, TRAINERS, World, terms
from integration.cli.commands import Run, as_json, refusal

pytestmark = pytest.mark.integration


@pytest.fixture
def private(chain: Any) -> World:
    """A private task of alice's, and bob with stake."""
    world, c = World(chain, chain.store()), chain.contracts
    bob = world.address(TRAINERS[0])
    pot = terms(1, 1)["pot"]
    world.send_all([
        (INITIATOR, c.approve(c.deployment.market, pot)),
        (INITIATOR, c.publish(terms(1, 1, isPrivate=True), pot, "http://spec")),
        (INITIATOR, c.approve(c.deployment.vault, 100 * TOKEN)),
        (INITIATOR, c.stake(bob, 100 * TOKEN)),
    ])  # fmt: skip
    return world


def made(run: Run, *more: str) -> str:
    return str(as_json(run("invite", "create", "1", "bob", "--as", "alice", "--json", *more))["token"])


def redeemed(run: Run, token: str) -> str:
    return refusal(run("invite", "redeem", token, "--as", "bob", "--yes"))


def test_invite__redeemed_by_anyone__lets_its_account_alone_enlist(run: Run, private: World, chain: Any) -> None:
    enlist = chain.contracts.enlist_trainer(1, 80 * TOKEN, "http://bob")
    with pytest.raises(Reverted, match="hasn't redeemed an invite"):
        chain.client.call(enlist.to, enlist.data, private.address(TRAINERS[0]))
    node = ("trainer", "run", "--task", "1", "--dry-run", "--as")
    assert "task 1 is private, and bob isn't admitted: ask alice for an invite" in refusal(run(*node, "bob"))
    line = run("invite", "create", "1", "bob", "--for", "2h", "--as", "alice")
    token = line.stdout.strip()
    assert "admits bob to task 1 until" in line.stderr
    assert run("invite", "show", token).stdout.endswith(" · open\n")
    assert "dry run: nothing was sent" in run("invite", "redeem", token, "--as", "mallory", "--dry-run").stdout
    done = as_json(run("invite", "redeem", token, "--as", "mallory", "--yes", "--json"))
    assert (done["name"], done["task"]) == ("bob", 1)

    assert run(*node, "bob").stdout == "would run trainer bob\n"
    assert "mallory isn't admitted" in refusal(run(*node, "mallory"))
    private.send(TRAINERS[0], enlist)
    assert "bob is admitted to task 1 already" in redeemed(run, token)
    assert as_json(run("invite", "show", token, "--json"))["state"] == "redeemed"
    assert "bob is admitted to task 1 already" in refusal(run("invite", "create", "1", "bob", "--as", "alice"))
    assert "redeemed or revoked already" in refusal(run("invite", "revoke", token, "--as", "alice", "--yes"))


def test_enlist__node_of_every_task__stakes_nothing_for_a_private_one(private: World, chain: Any) -> None:
    mallory = private.address(TRAINERS[1])
    private.follower.poll()
    task = private.store.task(1)
    assert task is not None
    config = SimpleNamespace(stake=100 * TOKEN, name="mallory")
    # what `enlist` looks at before it sends anything; it has no outbox to send with
    node = SimpleNamespace(role=Role.TRAINER, config=config, contracts=chain.contracts, account=mallory)
    with pytest.raises(Refused, match="task 1 is private, and mallory has redeemed no invite"):
        enlist_node(cast(Node, node), task)


def test_invite__revoked_expired_forged__useless_with_the_reason(run: Run, private: World, chain: Any) -> None:
    token = made(run)
    assert "only alice" in refusal(run("invite", "revoke", token, "--as", "bob", "--yes"))
    as_json(run("invite", "revoke", token, "--as", "alice", "--yes", "--json"))
    assert redeemed(run, token) == "the invite can't be redeemed: it is revoked"

    forged = _forged(run, chain)
    assert redeemed(run, forged) == "the invite can't be redeemed: it is not signed by the task's initiator"
    short = made(run, "--for", "1m")
    chain.mine(1, chain.client.head().time + 61)
    assert redeemed(run, short) == "the invite can't be redeemed: it is expired"
    assert not chain.contracts.admits(1, private.address(TRAINERS[0]))


def _forged(run: Run, chain: Any) -> str:
    from dataclasses import replace

    from assay.protocol.invite import parse

    return replace(parse(made(run)), nonce=7).token()


def test_invite__typing_errors__one_sentence(run: Run, private: World, chain: Any) -> None:
    token = made(run)
    pot = terms(1, 1)["pot"]
    private.send(INITIATOR, chain.contracts.approve(chain.contracts.deployment.market, pot))
    private.send(INITIATOR, chain.contracts.publish(terms(1, 1), pot, "http://spec"))
    mistakes = (
        (("create", "7", "bob", "--as", "alice"), "there is no task 7"),
        (("create", "2", "bob", "--as", "alice"), "task 2 is open to everyone"),
        (("create", "1", "bob", "--as", "mallory"), "only alice, who published task 1, invites to it"),
        (("create", "1", "0xbob", "--as", "alice"), "isn't an address"),
        (("create", "1", "bob", "--for", "soon", "--as", "alice"), "isn't a duration"),
        (("redeem", "hello", "--as", "bob"), "an invite: one begins with assay-invite-"),
        (("redeem", token[:-3], "--as", "bob"), "letters of it are missing or wrong"),
    )
    for line, says in mistakes:
        assert says in refusal(run("invite", *line)), line
