"""The follower on a real chain: what it folds, and what it does when the chain changes its mind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from assay.chain.contracts import Contracts
from assay.chain.events import Follower
from assay.errors import Broken, Refused
from assay.store import Store, tables
from assay.types import Outcome, Role, Verdict
from integration.chain.world import BOND, FEE, INITIATOR, SEATS, TRAINERS, UNITS, VALIDATORS, World

pytestmark = pytest.mark.integration


def dump(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row that comes from the chain, and the cursor."""
    found = {}
    with store.transaction() as connection:
        for table in (*tables.DERIVED, tables.events, tables.cursors):
            found[table.name] = sorted(tuple(row) for row in connection.execute(select(table)))
    return {name: [tuple(map(repr, row)) for row in rows] for name, rows in found.items()}


def fresh(chain: Any, name: str) -> Store:
    store: Store = chain.store(name)
    Follower(chain.client, chain.contracts, store).poll()
    return store


def test_poll__a_whole_task__equals_what_the_contracts_say(chain: Any) -> None:
    world = World(chain, chain.store())
    world.publish(rounds=2)
    world.round(1)
    world.round(2, {1: Verdict.INVALID})
    world.send(VALIDATORS[0], chain.contracts.claim(world.address(VALIDATORS[0])))
    world.send(INITIATOR, chain.contracts.refund(1))
    world.send(INITIATOR, chain.contracts.release(1, world.address(TRAINERS[0]), Role.TRAINER))
    world.follower.poll()
    store, c = world.store, chain.contracts

    task, state = store.task(1), c.state(1)
    assert task is not None
    assert (task.start, task.last_round, task.head) == (state.start, state.last_round, state.head)
    assert (task.state, task.escrow, task.escrow) == ("refunded", c.escrow(1), 0)
    assert task.budget == task.paid + task.refunded
    assert task.line == c.line(1)
    for who in VALIDATORS:
        row = next(r for r in store.enlistments(1, Role.VALIDATOR) if r.account == world.address(who))
        lot = c.lot(1, row.account)
        assert (row.lo, row.hi, row.from_round) == (lot.lo, lot.hi, lot.from_round)
        earned = sum(p.amount for p in store.payments(row.account))
        taken = sum(claim.amount for claim in store.claims(row.account))
        assert earned - taken == c.account(row.account).claimable
    assert store.claims(world.address(VALIDATORS[0])) != []
    for round_ in (1, 2):
        seal, on_chain = store.seal(1, round_), c.round(1, round_)
        assert seal is not None
        assert (seal.seed, seal.line) == (on_chain.seed, on_chain.line)
        assert len(store.votes(1, round_)) == on_chain.reveals == len(store.commits(1, round_))
    assert [row.outcome for row in store.submissions(1)] == [Outcome.PAID, Outcome.PAID, Outcome.PAID, Outcome.INVALID]
    slashed = store.slashes(task=1)
    assert [(row.account, row.round, row.index) for row in slashed] == [(world.address(TRAINERS[1]), 2, 1)]
    assert (slashed[0].burned, slashed[0].paid) == (BOND, SEATS * FEE)
    left = next(r for r in store.enlistments(1, Role.TRAINER) if r.account == world.address(TRAINERS[1]))
    assert left.amount == c.trainer(1, world.address(TRAINERS[1])).enlisted
    assert sum(r.from_escrow for r in store.rounds(1)) == task.paid
    assert [row.round for row in store.checkpoints(1)] == [0, 1, 2]


def test_poll__two_submissions_of_one_trainer__are_counted(chain: Any) -> None:
    world = World(chain, chain.store())
    world.publish()
    world.submit(1, TRAINERS[0])
    world.submit(1, TRAINERS[1])
    world.submit(1, TRAINERS[0], UNITS - 1)
    world.follower.poll()
    found = [(row.index, row.trainer, row.n, row.units) for row in world.store.submissions(1, 1)]
    first, second = world.address(TRAINERS[0]), world.address(TRAINERS[1])
    assert found == [(0, first, 0, UNITS), (1, second, 0, UNITS), (2, first, 1, UNITS - 1)]


def test_poll__leave_and_enlist_again__lots_stay_those_of_the_ledger(chain: Any) -> None:
    world = World(chain, chain.store())
    world.publish()
    c = chain.contracts
    for who in VALIDATORS[:2]:
        world.send(who, c.leave(1, Role.VALIDATOR))
    world.at(world.opens(2))
    for who in VALIDATORS[:2]:
        world.send(INITIATOR, c.release(1, world.address(who), Role.VALIDATOR))
    for who, gwei in ((VALIDATORS[1], 30), (VALIDATORS[0], 90)):
        world.send(who, c.enlist_validator(1, gwei * 10**18, ""))
    world.follower.poll()
    for who in VALIDATORS:
        row = next(r for r in world.store.enlistments(1, Role.VALIDATOR) if r.account == world.address(who))
        lot = c.lot(1, row.account)
        assert (row.lo, row.hi) == (lot.lo, lot.hi)
    task = world.store.task(1)
    assert task is not None
    assert task.line == c.line(1)


@pytest.mark.parametrize("depth", [1, 3, 10])
def test_poll__after_a_reorganisation__equals_a_fresh_scan(chain: Any, depth: int) -> None:
    world = World(chain, chain.store())
    world.publish()
    chain.mine(2)
    for who in TRAINERS:
        world.submit(1, who)
        world.follower.poll()
    world.seal(1)
    world.vote(1, {})
    world.follower.poll()
    before = dump(world.store)
    chain.client.rpc("anvil_reorg", depth, [])
    chain.mine(1)
    world.follower.poll()
    after = dump(world.store)
    assert after != before
    assert after == dump(fresh(chain, f"fresh{depth}"))


def test_poll__reorganised_chain_goes_on__stays_equal_to_a_fresh_scan(chain: Any) -> None:
    world = World(chain, chain.store())
    world.publish()
    chain.mine(3)
    for units in range(1, 6):
        world.submit(1, TRAINERS[0], units)
        world.follower.poll()
        if units % 2:
            chain.client.rpc("anvil_reorg", 1, [])
            world.follower.poll()
    assert dump(world.store) == dump(fresh(chain, "fresh"))
    # the outbox sends again what was reorganised away, but for the last, for which nothing was pumped any more
    assert sorted(row.units for row in world.store.submissions(1, 1)) == [1, 2, 3, 4]


def test_poll__twice_without_new_blocks__changes_nothing(chain: Any) -> None:
    world = World(chain, chain.store())
    world.publish()
    world.follower.poll()
    before = dump(world.store)
    assert world.follower.poll() == 0
    assert Follower(chain.client, chain.contracts, chain.store()).poll() == 0
    assert dump(world.store) == before


def test_poll__with_confirmations__leaves_the_newest_blocks_unread(chain: Any) -> None:
    world = World(chain, chain.store())
    world.publish()
    world.submit(1, TRAINERS[0])
    store = chain.store("slow")
    Follower(chain.client, chain.contracts, store, confirmations=1).poll()
    assert store.submissions(1, 1) == []
    chain.mine(1)
    Follower(chain.client, chain.contracts, store, confirmations=1).poll()
    assert len(store.submissions(1, 1)) == 1


def test_poll__reorganisation_deeper_than_followed__is_broken(chain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.chain.events.MAX_REORG", 4)
    world = World(chain, chain.store())
    world.publish()
    for units in range(1, 8):
        world.submit(1, TRAINERS[0], units)
        world.follower.poll()
    before = dump(world.store)
    chain.client.rpc("anvil_reorg", 6, [])
    with pytest.raises(Broken, match="more than 4 blocks"):
        world.follower.poll()
    assert dump(world.store) == before


def test_follower__records_of_other_contracts__is_refused(chain: Any) -> None:
    store = chain.store()
    Follower(chain.client, chain.contracts, store)
    elsewhere = replace(chain.contracts.deployment, ledger=chain.contracts.deployment.token)
    with pytest.raises(Refused, match="belong to another chain"):
        Follower(chain.client, Contracts(chain.client, elsewhere), store)
