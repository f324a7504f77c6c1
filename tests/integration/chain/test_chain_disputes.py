"""Rounds in which someone lies, sleeps or disagrees: contracts, records and the rules in Python say the same."""

from __future__ import annotations

from typing import Any

import pytest

from assay.chain.contracts import Call
from assay.chain.settlement import (
    challenge_call,
    close_call,
    finalize_call,
    late_attesters,
    open_canary_call,
    resolve_call,
)
from assay.errors import Refused
from assay.protocol import merkle
from assay.protocol.hashing import keccak
from assay.protocol.pay import PayTerms, Settlement
from assay.protocol.shares import Aside, Good, Ruling, resolve
from assay.protocol.sortition import jury_seats_of
from assay.protocol.typed_data import ballot_digest
from assay.protocol.votes import unpack
from assay.store.settled import accepted, tally_of
from assay.types import NO_INDEX, ClaimKind, CutReason, Outcome, Role, Stage, Verdict
from integration.chain.world import CHECK, CUT, FEE, INITIATOR, TRAINERS, VALIDATORS, World, leaves

pytestmark = pytest.mark.integration

V1, V2, V3 = VALIDATORS
T1, T2 = TRAINERS
INVALID = Verdict.INVALID


@pytest.fixture
def world(chain: Any) -> World:
    made = World(chain, chain.store())
    made.publish()
    return made


def check_round(world: World, round_: int, told: Settlement) -> None:
    """The contract settled a round as the rules in Python said it would, to the wei and in the same order."""
    ended = world.store.round(1, round_)
    assert ended is not None
    assert list(ended.outcomes) == told.outcomes
    assert (ended.from_escrow, ended.from_stakes, ended.burned) == (told.from_escrow, told.from_stakes, told.burned)
    paid = [row for row in world.store.payments(task=1) if (row.round, row.block) == (round_, ended.block)]
    assert [(p.account, p.role, p.seats, p.agreed, p.amount) for p in paid] == [
        (p.account, p.role, p.seats, p.agreed, p.amount) for p in told.payments
    ]
    cuts = [row for row in world.store.cuts(task=1) if (row.round, row.block) == (round_, ended.block)]
    assert [(c.validator, c.index, c.reason, c.burned, c.paid) for c in cuts] == [
        (c.account, c.index, c.reason, c.burned, c.paid) for c in told.cuts
    ]
    waiting = [row for row in world.store.asides(1, round_) if row.outcome is None]
    assert [Aside.of(row.json) for row in waiting] == told.asides
    check_accounts(world)


def voted(world: World, who: int, index: int) -> int:
    """Return how many seats of a submission of round 1 fell to a validator."""
    votes = unpack(world.opened(1, who, {}).votes)
    return sum(vote.seats.bit_count() for vote in votes if vote.index == index)


def check_accounts(world: World) -> None:
    """What the records say of lots and enlistments is what the ledger says."""
    for row in world.store.enlistments(1):
        if row.role == Role.VALIDATOR:
            lot = world.contracts.lot(1, row.account)
            assert (row.lo, row.hi, row.cut) == (lot.lo, lot.hi, lot.cut * 10**9)
            assert row.until_round == (None if lot.until_round > 10**6 else lot.until_round)
        else:
            assert row.amount == world.contracts.trainer(1, row.account).enlisted


def settle(world: World, round_: int, salts: dict[int, bytes] | None = None) -> Settlement:
    """Make a round final, and check that it came out as Python said."""
    world.follower.poll()
    task = world.store.task(1)
    assert task is not None
    told = tally_of(world.store, task, round_, world.salts.get(round_, {}) if salts is None else salts)
    world.finalize(round_, salts)
    check_round(world, round_, told)
    return told


def resolve_now(world: World, index: int, ruling: Ruling, salt: bytes = bytes(32)) -> Settlement:
    """Settle a share that was set aside, and check that it came out as Python said."""
    task = world.store.task(1)
    row = next(row for row in world.store.asides(1, 1) if row.index == index)
    assert task is not None
    lots = {r.account: (r.hi - r.lo) * 10**9 - r.cut for r in world.store.enlistments(1, Role.VALIDATOR)}
    share = Aside.of(row.json)
    backings = [lots[b.validator] for b in share.ballots]
    told = resolve(PayTerms.of(task.terms), share, backings, ruling, any(salt))
    world.send(INITIATOR, resolve_call(world.contracts, world.store, 1, 1, index, salt))
    world.follower.poll()
    row = next(row for row in world.store.asides(1, 1) if row.index == index)
    assert [row.outcome] == told.outcomes
    assert (row.from_escrow, row.from_stakes, row.burned) == (told.from_escrow, told.from_stakes, told.burned)
    submission = world.store.submission(1, 1, index)
    assert submission is not None
    assert submission.outcome == row.outcome
    check_accounts(world)
    return told


def test_canary__passed_by_one__is_cut_and_the_records_agree(world: World) -> None:
    world.submit(1, T1)
    world.submit(1, T2, canary_leaf=2)
    world.seal(1)
    world.vote(1, {1: INVALID, (V1, 1): Verdict.VALID})
    world.attest(1)
    opening = open_canary_call(world.contracts, world.store, 1, 1, 1, keccak(b"s1:5:100"), 2, CHECK)
    world.send(T2, opening)

    told = settle(world, 1)

    assert told.outcomes == [Outcome.PAID, Outcome.CANARY]
    assert [row.index for row in world.store.canaries(1, 1)] == [1]
    seats = voted(world, V1, 1)
    mine = [(row.reason, row.burned + row.paid) for row in world.store.cuts(validator=world.address(V1))]
    assert mine == ([(CutReason.CANARY, CUT * seats)] if seats else [])


def test_share__without_its_salt__waits_and_is_paid_when_it_is_shown(world: World) -> None:
    world.submit(1, T1)
    world.submit(1, T2)
    world.seal(1)
    world.vote(1, {})
    world.attest(1)

    told = settle(world, 1, salts={0: world.salts[1][0]})

    assert told.outcomes == [Outcome.PAID, Outcome.ASIDE]
    assert world.contracts.asides(1) == 1
    with pytest.raises(Refused, match="still to come"):
        world.send(INITIATOR, resolve_call(world.contracts, world.store, 1, 1, 1))
    late = resolve_now(world, 1, Ruling(), world.salts[1][1])
    assert late.outcomes == [Outcome.PAID]
    assert world.contracts.asides(1) == 0
    with pytest.raises(Refused, match="no share"):
        resolve_call(world.contracts, world.store, 1, 1, 1)


def test_extra_draw__after_silence__completes_the_quorum(world: World) -> None:
    world.submit(1, T1)
    world.seal(1)
    world.vote(1, {}, voters=(V1,))
    world.vote_extra(1, {}, voters=(V3, V2))
    world.attest(1, VALIDATORS)

    told = settle(world, 1)

    enough = sum(p.seats for p in told.payments if p.role is Role.VALIDATOR) >= 8
    assert told.outcomes == [Outcome.PAID if enough else Outcome.NO_QUORUM]
    assert [row.validator for row in world.store.extras(1, 1)] == [world.address(V3), world.address(V2)]
    assert late_attesters(world.store, 1, 1) == sorted((world.address(V2), world.address(V3)), key=str.lower)


def test_silence__not_committed_or_not_revealed__is_cut_for_who_shows_it(world: World) -> None:
    world.submit(1, T1)
    world.seal(1)
    world.follower.poll()
    absent = next(who for who in VALIDATORS if voted(world, who, 0))
    silent, honest = (who for who in VALIDATORS if who != absent)
    world.commit(1, {}, voters=(silent,))
    world.vote(1, {}, voters=(honest,))
    drawn = unpack(world.opened(1, absent, {}).votes)[0].seats
    seat = (drawn & -drawn).bit_length() - 1
    world.at(world.opens(1) + 50 + 2 + 30 + 30)
    c, address = world.contracts, world.address
    assert c.voter(1, 1, address(silent)).committed
    world.send(T1, c.cut_silent(1, 1, address(absent), 0, seat))
    world.send(T1, c.cut_silent(1, 1, address(silent), 0, 0))
    with pytest.raises(Refused, match="wasn't silent"):
        world.send(T1, c.cut_silent(1, 1, address(honest), 0, 0))
    world.follower.poll()
    cuts = [(row.validator, row.index, row.reason, row.burned + row.paid) for row in world.store.cuts(task=1)]
    assert cuts == [
        (address(absent), NO_INDEX, CutReason.ABSENT, FEE),
        (address(silent), NO_INDEX, CutReason.SILENT, CUT // 4),
    ]
    assert c.voter(1, 1, address(absent)).cut
    check_accounts(world)


def test_expose__another_commitment__voids_it(world: World) -> None:
    world.submit(1, T1)
    world.seal(1)
    opened = world.commit(1, {}, voters=(V1,))
    world.send(T1, world.contracts.expose(1, 1, opened[V1]))
    world.follower.poll()
    (row,) = world.store.cuts(task=1)
    assert (row.validator, row.reason) == (world.address(V1), CutReason.EXPOSED)
    world.at(world.opens(1) + 50 + 2 + 30)
    o = opened[V1]
    with pytest.raises(Refused, match="hasn't committed"):
        world.send(V1, world.contracts.reveal(1, 1, o.votes, o.held, o.evidence, o.salt))


# --- the court


def judge(world: World, case: int, vote: int) -> None:
    """Let the jury be drawn and say the same, and close the case without an appeal."""
    c, times = world.contracts, world.contracts.case_times(case)
    world.at(times.draw_at)
    proof = c.word_proof(times.draw_at)
    assert proof is not None
    world.send(INITIATOR, c.summon(case, proof))
    world.follower.poll()
    row = world.store.case(case)
    assert row is not None
    assert row.seed is not None
    place = (world.client.chain_id, c.deployment.court, case)
    jurors = []
    for who in VALIDATORS:
        seats = jury_seats_of(row.seed, row.line, world.lot(who))
        assert c.jury_seats(case, world.address(who)) == sum(1 << seat for seat in seats)
        if seats:
            jurors.append(who)
            digest = ballot_digest(*place, world.address(who), vote, bytes(32), keccak(b"juror"))
            world.send(who, c.commit_ballot(case, digest))
    world.at(times.jury_end)
    for who in jurors:
        world.send(who, c.reveal_ballot(case, vote, bytes(32), keccak(b"juror")))
    world.follower.poll()
    assert sum(juror.seats or 0 for juror in world.store.jurors(case)) == 9
    assert (c.case_votes(case).jury_for, c.case_votes(case).jury_against) == ((9, 0) if vote == 1 else (0, 9))


def close(world: World, case: int) -> None:
    world.at(world.contracts.case_times(case).appeal_end)
    world.follower.poll()
    world.send(INITIATOR, close_call(world.contracts, world.store, case))
    world.follower.poll()


def disputed(world: World, claim: ClaimKind, verdicts: dict[Any, Verdict]) -> Call:
    """A round with one submission, and the challenge of its leaf 2 that is ready to be sent."""
    world.submit(1, T1)
    world.seal(1)
    world.vote(1, verdicts)
    world.attest(1)
    world.follower.poll()
    return challenge_call(
        world.contracts, world.store, 1, 1, 0, claim, world.check, 2, world.proof(1, T1, 2), "http://evidence"
    )


def test_challenge__bad_leaf_that_was_passed__slashes_and_cuts(world: World) -> None:
    call = disputed(world, ClaimKind.BAD_LEAF, {})
    world.send(V3, call)
    world.follower.poll()
    row = world.store.case(1)
    assert row is not None
    assert (row.challenger, row.claim, row.check, row.leaf) == (world.address(V3), 1, CHECK, 2)
    on_chain = world.contracts.case(1)
    assert (on_chain["openedAt"], on_chain["digest"], on_chain["bond"]) == (row.opened_at, row.digest, row.bond)
    with pytest.raises(Refused, match="challenged before, for the same check: case 1"):
        world.send(V2, call)
    task = world.store.task(1)
    assert task is not None
    assert accepted(world.store, task, 1) == [0]
    judge(world, 1, vote=1)

    told = settle(world, 1)
    assert told.outcomes == [Outcome.ASIDE]
    close(world, 1)
    late = resolve_now(world, 0, Ruling(is_bad=True, bad_by=world.address(V3)))

    assert late.outcomes == [Outcome.INVALID]
    assert {cut.account for cut in late.cuts} == {world.address(who) for who in VALIDATORS if voted(world, who, 0)}
    assert dict(late.credits)[world.address(V3)] > 0
    row = world.store.case(1)
    assert row is not None
    assert (row.ruling, world.contracts.stage(1)) == (1, Stage.CLOSED)


def test_challenge__good_leaf_that_was_refused__pays_the_trainer(world: World) -> None:
    world.send(T1, disputed(world, ClaimKind.GOOD_LEAF, {0: INVALID}))
    judge(world, 1, vote=1)
    settle(world, 1)
    close(world, 1)
    ruling = Ruling(goods=(Good(CHECK, 2, world.address(T1)),))
    late = resolve_now(world, 0, ruling, world.salts[1][0])

    assert late.outcomes == [Outcome.PAID]
    assert {cut.account for cut in late.cuts} == {world.address(who) for who in VALIDATORS if voted(world, who, 0)}


def test_challenge__that_fails__costs_the_challenger_and_changes_nothing(world: World) -> None:
    world.send(V2, disputed(world, ClaimKind.BAD_LEAF, {}))
    staked = world.contracts.account(world.address(V2)).staked
    judge(world, 1, vote=2)
    settle(world, 1)
    close(world, 1)
    late = resolve_now(world, 0, Ruling(), world.salts[1][0])

    assert late.outcomes == [Outcome.PAID]
    taken = [row.amount for row in world.store.stakes(world.address(V2)) if row.kind == "taken"]
    assert sum(taken) == staked - world.contracts.account(world.address(V2)).staked > 0


def test_appeal__of_all_stake__turns_the_ruling(world: World) -> None:
    world.send(V3, disputed(world, ClaimKind.BAD_LEAF, {}))
    judge(world, 1, vote=1)
    c, times = world.contracts, world.contracts.case_times(1)
    world.at(times.ruled_at)
    world.send(T2, c.appeal(1))
    world.at(c.case_times(1).appeal_end)
    for who in VALIDATORS[:2]:
        world.send(who, c.vote_appeal(1, 2))
    world.follower.poll()
    assert [vote.vote for vote in world.store.appeal_votes(1)] == [2, 2]
    assert c.case_votes(1).stake_against == sum(vote.weight for vote in world.store.appeal_votes(1))
    world.at(c.case_times(1).vote_end)
    world.send(INITIATOR, close_call(c, world.store, 1))
    world.follower.poll()
    row = world.store.case(1)
    assert row is not None
    assert (row.ruling, row.appellant) == (2, world.address(T2))


@pytest.mark.parametrize("vote", [1, 2])
def test_root__challenged__attesters_are_cut_or_paid(world: World, vote: int) -> None:
    world.submit(1, T1)
    world.seal(1)
    world.vote(1, {}, voters=(V1, V2))
    world.attest(1, VALIDATORS[1:])
    listed = leaves(1, 0, 0)
    root = merkle.root(listed)
    proof = world.proof(1, 0, 1, units=0)
    world.send(V1, world.contracts.challenge_root(1, 1, root, proof, ""))
    world.follower.poll()
    row = world.store.checkpoint(1, 1)
    assert row is not None
    assert (row.root, row.disputed) == (root, True)
    judge(world, 1, vote)
    told = settle(world, 1)
    assert told.attest_pay > 0
    assert told.earned(world.address(V3)) == 0
    before = world.contracts.account(world.address(V3)).claimable
    close(world, 1)
    row = world.store.checkpoint(1, 1)
    assert row is not None
    assert (row.disputed, row.ruling) == (False, vote)
    cuts = {c.validator for c in world.store.cuts(task=1) if c.reason == CutReason.ROOT}
    assert cuts == ({world.address(V2), world.address(V3)} if vote == 1 else set())
    gained = world.contracts.account(world.address(V3)).claimable - before
    assert gained >= (told.attest_pay if vote == 2 else 0)
    check_accounts(world)


def test_finalize__void_round__needs_no_attesters(world: World) -> None:
    world.submit(1, T1)
    world.attest(1, VALIDATORS)
    told = settle(world, 1)
    assert told.outcomes == [Outcome.VOID]


def test_finalize__with_a_wrong_salt__sets_aside(world: World) -> None:
    world.submit(1, T1)
    world.seal(1)
    world.vote(1, {})
    world.at(world.opens(1) + 220)
    world.follower.poll()
    call = finalize_call(world.contracts, world.store, 1, 1, {0: keccak(b"no")})
    world.send(INITIATOR, call)
    world.follower.poll()
    assert [row.outcome for row in world.store.submissions(1, 1)] == [Outcome.ASIDE]
