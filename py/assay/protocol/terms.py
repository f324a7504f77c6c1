"""The rules between a task spec's fields, and the terms that go on chain: what the contract refuses as BadTerms.

Doesn't ask whether cheating can pay: no rule here weighs bonds against pay.
"""

from __future__ import annotations

from assay.errors import Refused
from assay.protocol.fields import tokens
from assay.protocol.sections import MoneySpec, RolloutSpec, RoundsSpec, TaskSpec

SPAN_PERIODS = 8  # the ledger's rings hold 16 rounds; a round must be over long before its words are reused


def check(spec: TaskSpec) -> None:
    """Refuse a spec whose fields don't fit together, with one sentence that names the number to change."""
    _check_windows(spec.rounds)
    _check_money(spec.money, spec.rounds.count)
    _check_units(spec.rollout, spec.money)
    if spec.verification.groups > spec.rollout.groups:
        drawn, groups = spec.verification.groups, spec.rollout.groups
        raise Refused(f"verification.groups: {drawn} drawn groups are too many: they must be ≤ rollout.groups {groups}")


def terms(spec: TaskSpec, spec_hash: bytes) -> dict[str, int | bytes]:
    """Return the contract's `Terms` by its field names: seconds, wei, 32-byte digests."""
    rounds, money = spec.rounds, spec.money
    return {
        "specHash": spec_hash,
        "genesis": spec.model.base,
        "rounds": rounds.count,
        "period": rounds.period,
        "work": rounds.work,
        "sealDelay": rounds.seal_delay,
        "commitWindow": rounds.commit,
        "revealWindow": rounds.reveal,
        "attestTime": rounds.attest,
        "challengeWindow": rounds.challenge,
        "lead": rounds.lead,
        "seats": money.seats,
        "staleness": rounds.staleness,
        "minTrainers": money.min_trainers,
        "minStake": money.min_stake,
        "bond": money.bond,
        "price": money.price,
        "seatFee": money.seat_fee,
        "attestFee": money.attest_fee,
        "maxUnits": money.max_units,
        "pot": money.pot,
    }


def _check_windows(r: RoundsSpec) -> None:
    if r.work > r.period:
        raise Refused(f"rounds.work: {r.work} s is too long: it must be ≤ period {r.period}")
    if r.attest > r.challenge:
        raise Refused(f"rounds.challenge: {r.challenge} s is too short: it must be ≥ attest {r.attest}")
    ready = r.work + r.seal_delay + r.commit + r.reveal + r.attest
    if ready > r.staleness * r.period:
        raise Refused(
            f"rounds.period: {r.period} is too short: work {r.work} + seal_delay {r.seal_delay} + commit {r.commit}"
            f" + reveal {r.reveal} + attest {r.attest} = {ready} s must be ≤ staleness {r.staleness} × period"
        )
    span = r.work + r.seal_delay + r.commit + r.reveal + r.challenge
    if span > SPAN_PERIODS * r.period:
        raise Refused(
            f"rounds.challenge: {r.challenge} s is too long:"
            f" work {r.work} + seal_delay {r.seal_delay} + commit {r.commit} + reveal {r.reveal} + challenge = {span} s"
            f" must be ≤ {SPAN_PERIODS} × period {r.period}"
        )


def _check_money(m: MoneySpec, count: int) -> None:
    needed = m.max_units * m.price + m.seats * m.seat_fee
    if m.pot < needed:
        raise Refused(
            f"money.pot: {tokens(m.pot)} is too small: max_units {m.max_units} × price {tokens(m.price)}"
            f" + seats {m.seats} × seat_fee {tokens(m.seat_fee)} = {tokens(needed)}"
        )
    if m.budget < count * m.pot:
        pots = tokens(count * m.pot)
        raise Refused(f"money.budget: {tokens(m.budget)} is too small: {count} rounds × pot {tokens(m.pot)} = {pots}")


def _check_units(r: RolloutSpec, m: MoneySpec) -> None:
    units = r.groups * r.group_size * r.max_new_tokens
    if m.max_units < units:
        raise Refused(
            f"money.max_units: {m.max_units} is too small: groups {r.groups} × group_size {r.group_size}"
            f" × max_new_tokens {r.max_new_tokens} = {units}"
        )
