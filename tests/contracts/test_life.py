"""A task from its publication to its refund on Anvil, held against the Python rules to the wei."""

from __future__ import annotations

from typing import Any

import ape

from assay.protocol.hashing import keccak
from assay.protocol.pay import PayTerms
from assay.protocol.sortition import audit_seed
from assay.protocol.tally import Spoken, settle
from assay.protocol.votes import unpack
from assay.types import Verdict
from contracts.world import GENESIS, TERMS, TOKEN, UNBONDING, World

LOT = 100 * TOKEN // 10**9
GRAVE = "0x000000000000000000000000000000000000dEaD"


def start(world: World) -> None:
    world.publish(TERMS)
    world.enlist()
    for who in world.validators[:2]:
        world.ledger.attest(world.task, 0, GENESIS, sender=who)
    world.go(world.opens(1))


def play(world: World, round_: int, verdicts: list[Verdict]) -> Any:
    """One submission per trainer, all validators alike; returns the receipt of finalize."""
    base = world.ledger.stateOf(world.task).head
    for who in world.trainers:
        world.submit(who, round_, 1000, base)
    world.seal(round_)
    openings = [(who, world.commit(who, round_, verdicts)) for who in world.validators]
    world.go(world.commit_end(round_))
    for who, opening in openings:
        world.reveal(who, round_, opening)
    world.go(world.reveal_end(round_))
    for who in world.validators[:2]:
        world.ledger.attest(world.task, round_, keccak(b"checkpoint"), sender=who)
    return world.finalize(round_)


def expected(world: World, round_: int) -> Any:
    """What Python says the round pays."""
    early = [who.address for who in world.validators[:2]]
    reveals = [
        Spoken(r["validator"], unpack(r["votes"]), r["held"], LOT, 100 * TOKEN, r["validator"] in early)
        for r in sorted(world.reveals[round_], key=lambda r: int(r["validator"], 16))
    ]
    salts = {index: world.salt(round_, index) for index in range(len(world.entries[round_]))}
    return settle(PayTerms.of(TERMS), world.entries[round_], reveals, salts=salts)


def credits_of(rules: Any) -> dict[str, int]:
    """What each account is credited in all."""
    totals: dict[str, int] = {}
    for account, amount in rules.credits:
        totals[account] = totals.get(account, 0) + amount
    return totals


def test_life__publish_to_refund__adds_up_to_the_wei(world: World) -> None:
    start(world)
    before = world.market.escrowOf(world.task)

    receipt = play(world, 1, [Verdict.VALID, Verdict.VALID, Verdict.INVALID])

    (final,) = receipt.decode_logs(world.ledger.RoundFinal)
    rules = expected(world, 1)
    assert list(bytes(final.outcomes)) == [int(outcome) for outcome in rules.outcomes]
    assert (final.fromEscrow, final.fromStakes, final.burned) == (rules.from_escrow, rules.from_stakes, rules.burned)
    assert before - world.market.escrowOf(world.task) == rules.from_escrow
    credited = credits_of(rules)
    for who in (*world.trainers, *world.validators):
        assert world.vault.accountOf(who).claimable == credited.get(who.address, 0)
    assert world.token.balanceOf(GRAVE) == rules.burned

    for account, amount in credited.items():
        held = world.token.balanceOf(account)
        world.vault.claim(account, sender=world.initiator)
        assert world.token.balanceOf(account) - held == amount
    assert world.token.balanceOf(world.vault) == world.vault.totalStaked()

    world.market.cancel(world.task, sender=world.initiator)
    world.go(world.challenge_end(2))  # round 2 had opened
    held = world.token.balanceOf(world.initiator)
    world.market.refund(world.task, sender=world.trainers[0])
    assert world.token.balanceOf(world.initiator) - held == before - rules.from_escrow
    assert world.token.balanceOf(world.market) == 0


def test_life__everyone_leaves__the_vault_is_empty(world: World) -> None:
    start(world)
    play(world, 1, [Verdict.VALID] * 3)
    world.market.cancel(world.task, sender=world.initiator)
    world.go(world.challenge_end(2))  # round 2 had opened

    for role, people in ((1, world.trainers), (2, world.validators)):
        for who in people:
            world.ledger.release(world.task, who, role, sender=world.initiator)
            staked = world.vault.accountOf(who).staked
            world.vault.unbond(staked, sender=who)
            if world.vault.accountOf(who).claimable:
                world.vault.claim(who, sender=who)
    world.chain.mine(timestamp=world.chain.blocks.head.timestamp + UNBONDING + 1)
    for who in (*world.trainers, *world.validators):
        world.vault.withdraw(who, sender=who)

    assert world.vault.totalStaked() == 0
    assert world.token.balanceOf(world.vault) == 0


def test_seal__real_header__gives_the_seed_that_python_computes(world: World) -> None:
    start(world)
    world.submit(world.trainers[0], 1, 1, 0)

    receipt = world.seal(1)

    (sealed,) = receipt.decode_logs(world.ledger.RoundSealed)
    block = world.chain.provider.web3.eth.get_block(sealed.source)
    seed = audit_seed(world.chain.chain_id, world.ledger.address, world.task, 1, bytes(block["mixHash"]))
    assert bytes(sealed.seed) == seed
    assert sealed.line == 300 * TOKEN // 10**9


def test_seal__header_of_a_later_block__is_refused(world: World) -> None:
    start(world)
    world.submit(world.trainers[0], 1, 1, 0)
    world.go(world.seal_at(1))
    world.chain.mine(timestamp=world.seal_at(1) + 5)
    header, parent = world.header_pair(world.chain.blocks.head.timestamp)

    with ape.reverts(world.beacon.WrongProof, what="time"):
        world.ledger.seal(world.task, 1, world.proof(header, parent), sender=world.initiator)


def test_seal__300_blocks_later__history_contract_answers(world: World) -> None:
    """EIP-2935 on Anvil, as far as its hardfork has it live."""
    start(world)
    world.submit(world.trainers[0], 1, 1, 0)
    world.go(world.seal_at(1))
    pair = world.header_pair(world.seal_at(1))
    world.chain.provider.make_request("anvil_mine", [hex(300), hex(0)])

    assert world.chain.blocks.head.timestamp < world.commit_end(1)
    world.ledger.seal(world.task, 1, world.proof(*pair), sender=world.initiator)
    assert world.ledger.roundOf(world.task, 1).seed != b"\x00" * 16


def test_reveal__copied_commitment__is_refused(world: World) -> None:
    start(world)
    world.submit(world.trainers[0], 1, 1, 0)
    world.seal(1)
    first, copier = world.validators[:2]
    opening = world.commit(first, 1, [Verdict.VALID])
    digest = world.ledger.attestationDigest(
        world.task, 1, first, *(opening[n] for n in ("votes", "held", "evidence", "salt"))
    )
    world.ledger.commit(world.task, 1, digest, sender=copier)
    world.go(world.commit_end(1))

    world.reveal(first, 1, opening)
    with ape.reverts(world.ledger.WrongOpening):
        world.reveal(copier, 1, opening)
