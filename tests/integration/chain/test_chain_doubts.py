"""Work that fails a tolerance: its bond is free until a jury finds it bad, on chain as in the rules of Python."""

from __future__ import annotations

import pytest

from assay.protocol.shares import Ruling
from assay.store.settled import tally_of
from assay.types import ClaimKind, Outcome, Reason, Verdict
from integration.chain.test_chain_disputes import close, disputed, judge, resolve_now, settle, world
from integration.chain.world import VALIDATORS, World

__all__ = ["world"]
pytestmark = pytest.mark.integration
INVALID, V3 = Verdict.INVALID, VALIDATORS[2]


@pytest.mark.parametrize("vote", [1, 2])
def test_challenge__bad_leaf_that_a_tolerance_refused__slashes_if_the_jury_agrees(world: World, vote: int) -> None:
    world.check = Reason.SAMPLING
    call = disputed(world, ClaimKind.BAD_LEAF, {0: INVALID})
    task = world.store.task(1)
    assert task is not None
    by_votes = tally_of(world.store, task, 1, votes_only=True)
    assert by_votes.outcomes == [Outcome.DOUBTED]
    assert by_votes.slashes[0].burned == 0
    world.send(V3, call)
    judge(world, 1, vote)
    assert settle(world, 1).outcomes == [Outcome.ASIDE]
    close(world, 1)
    late = resolve_now(world, 0, Ruling(vote == 1, world.address(V3)) if vote == 1 else Ruling())

    assert late.outcomes == [Outcome.INVALID if vote == 1 else Outcome.DOUBTED]
    bond = int(task.terms["bond"])
    assert late.slashes[0].burned == (bond - bond // 2 if vote == 1 else 0)
    assert dict(late.credits).get(world.address(V3), 0) >= (bond // 2 if vote == 1 else 0)
    assert late.cuts == []


def test_refusal__on_a_tolerance_and_unchallenged__takes_no_bond(world: World) -> None:
    world.check = Reason.GRADIENT
    disputed(world, ClaimKind.BAD_LEAF, {0: INVALID})

    told = settle(world, 1)
    assert told.outcomes == [Outcome.DOUBTED]
    assert [(slash.burned, slash.paid > 0) for slash in told.slashes] == [(0, True)]
    (row,) = world.store.submissions(1, 1)
    assert row.outcome == Outcome.DOUBTED
