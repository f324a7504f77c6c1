"""What a round pays: outcomes, pay and slashes, as the ledger's `finalize` computes them from submissions and reveals.

Amounts in wei. Takes what the ledger has checked already: seats that were drawn, reveals that open their commitments,
one vote per validator and submission. Knows nothing of the stake that an exposed trainer has left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from eth_utils.address import to_checksum_address

from assay.errors import Refused
from assay.protocol.sortition import quorum
from assay.types import Outcome, Role, Verdict

_OUTCOMES = {
    Verdict.INVALID: Outcome.INVALID,
    Verdict.UNAVAILABLE: Outcome.UNAVAILABLE,
    Verdict.MALFORMED: Outcome.MALFORMED,
}


@dataclass(frozen=True, slots=True)
class PayTerms:
    """The terms that pay depends on: wei, and `seats` drawn per submission."""

    price: int
    seat_fee: int
    attest_fee: int
    pot: int
    seats: int
    bond: int


class Claim(NamedTuple):
    """One submission, in the order of its round."""

    trainer: str
    units: int


class Ballot(NamedTuple):
    """One validator's verdict on one submission, by its index, for the seats of a bit mask."""

    validator: str
    submission: int
    seats: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Payment:
    """What one account earned in one role, the ledger's `Paid` event.

    For a validator `seats` voted and `agreed` of them voted the outcome; for a trainer: submissions, and those paid.
    """

    account: str
    role: Role
    seats: int
    agreed: int
    amount: int


@dataclass(frozen=True, slots=True)
class Slash:
    """What one refused submission costs its trainer, the ledger's `Slashed` event."""

    account: str
    index: int
    burned: int
    fees: int


@dataclass(slots=True)
class RoundPay:
    """A settled round. Σ credits = from_escrow + from_bonds."""

    outcomes: list[Outcome] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    slashes: list[Slash] = field(default_factory=list)
    credits: dict[str, int] = field(default_factory=dict)
    from_escrow: int = 0
    from_bonds: int = 0
    burned: int = 0


@dataclass(slots=True)
class _Due:
    """What one account asks for before the pot is looked at."""

    seats: int = 0
    agreed: int = 0
    escrow: int = 0
    bonds: int = 0


def settle(
    terms: PayTerms,
    submissions: Sequence[tuple[str, int]],
    votes: Iterable[tuple[str, int, int, Verdict]],
    held: Mapping[str, int],
    stakes: Mapping[str, int],
    attesters: Iterable[str],
    *,
    sealed: bool = True,
) -> RoundPay:
    """Settle a round.

    submissions: `Claim`s (trainer, units) by index. votes: `Ballot`s (validator, submission, seats, verdict). held:
    bitmap of the artifacts that each revealing validator holds. stakes: gwei of each revealing validator, in the order
    of their reveals; who revealed an empty vote is there too. attesters: all who attested the checkpoint that won. A
    round that nobody sealed is void. Raises Refused for votes that the ledger can't have taken.
    """
    pay = RoundPay()
    claims = [Claim(_account(trainer), units) for trainer, units in submissions]
    if not sealed:
        pay.outcomes = [Outcome.VOID] * len(claims)
        return pay
    ballots = [Ballot(_account(who), i, seats, Verdict(verdict)) for who, i, seats, verdict in votes]
    weights = {_account(who): stake for who, stake in stakes.items()}
    bitmaps = {_account(who): bits for who, bits in held.items()}
    _check(terms, len(claims), ballots, weights)

    winners = [_winner(terms, [b for b in ballots if b.submission == i]) for i in range(len(claims))]
    pay.outcomes = [_outcome(winner, i, bitmaps, weights) for i, winner in enumerate(winners)]
    trainers = _trainers(terms, claims, pay.outcomes)
    validators = _validators(terms, ballots, winners, weights, attesters)
    for i, (claim, winner) in enumerate(zip(claims, winners, strict=True)):
        if winner is not None and winner is not Verdict.VALID:
            agreeing = sum(b.seats.bit_count() for b in ballots if b.submission == i and b.verdict is winner)
            burned = terms.bond if winner is Verdict.INVALID else 0
            pay.slashes.append(Slash(claim.trainer, i, burned, agreeing * terms.seat_fee))

    due = sum(d.escrow for d in (*trainers.values(), *validators.values()))
    for role, accounts in ((Role.TRAINER, trainers), (Role.VALIDATOR, validators)):
        for account, asked in accounts.items():
            _pay(pay, account, role, asked, _share(asked.escrow, due, terms.pot))
    pay.from_bonds = sum(slash.fees for slash in pay.slashes)
    pay.burned = sum(slash.burned for slash in pay.slashes)
    return pay


def _winner(terms: PayTerms, ballots: Sequence[Ballot]) -> Verdict | None:
    """A verdict wins with a quorum of seats, two voters, and two thirds of the seats that were revealed."""
    revealed = sum(b.seats.bit_count() for b in ballots)
    for verdict in Verdict:
        agreeing = [b for b in ballots if b.verdict is verdict]
        seats = sum(b.seats.bit_count() for b in agreeing)
        if seats >= quorum(terms.seats) and len(agreeing) >= 2 and 3 * seats >= 2 * revealed:
            return verdict
    return None


def _outcome(winner: Verdict | None, i: int, held: Mapping[str, int], stakes: Mapping[str, int]) -> Outcome:
    """Accepted work is paid when two thirds of the revealing stake hold its artifact."""
    if winner is None:
        return Outcome.NO_QUORUM
    if winner is not Verdict.VALID:
        return _OUTCOMES[winner]
    holding = sum(stake for who, stake in stakes.items() if held.get(who, 0) >> i & 1)
    return Outcome.PAID if 3 * holding >= 2 * sum(stakes.values()) else Outcome.NOT_HELD


def _trainers(terms: PayTerms, claims: Sequence[Claim], outcomes: Sequence[Outcome]) -> dict[str, _Due]:
    dues: dict[str, _Due] = {}
    for claim, outcome in zip(claims, outcomes, strict=True):
        due = dues.setdefault(claim.trainer, _Due())
        due.seats += 1
        if outcome is Outcome.PAID:
            due.agreed += 1
            due.escrow += claim.units * terms.price
    return dues


def _validators(
    terms: PayTerms,
    ballots: Sequence[Ballot],
    winners: Sequence[Verdict | None],
    stakes: Mapping[str, int],
    attesters: Iterable[str],
) -> dict[str, _Due]:
    dues = {who: _Due() for who in stakes}
    for ballot in ballots:
        due, seats = dues[ballot.validator], ballot.seats.bit_count()
        due.seats += seats
        if ballot.verdict is not winners[ballot.submission]:
            continue
        due.agreed += seats
        if ballot.verdict is Verdict.VALID:
            due.escrow += seats * terms.seat_fee
        else:
            due.bonds += seats * terms.seat_fee
    for who in dict.fromkeys(_account(a) for a in attesters):
        dues.setdefault(who, _Due()).escrow += terms.attest_fee
    return dues


def _pay(pay: RoundPay, account: str, role: Role, due: _Due, escrow: int) -> None:
    amount = escrow + due.bonds
    pay.from_escrow += escrow
    if amount:
        pay.credits[account] = pay.credits.get(account, 0) + amount
    if amount or role is Role.VALIDATOR:  # a validator who earned nothing still sees why; the ledger tells both alike
        pay.payments.append(Payment(account, role, due.seats, due.agreed, amount))


def _share(amount: int, due: int, pot: int) -> int:
    return amount if due <= pot else amount * pot // due


def _check(terms: PayTerms, count: int, ballots: Sequence[Ballot], stakes: Mapping[str, int]) -> None:
    taken: dict[int, int] = {}
    voters = set()
    for ballot in ballots:
        index, before = ballot.submission, taken.get(ballot.submission, 0)
        if not 0 <= index < count or not 0 < ballot.seats < 1 << terms.seats or ballot.seats & before:
            raise Refused(f"the vote of {ballot.validator} on submission {index} claims seats that it can't have")
        if ballot.validator not in stakes or (ballot.validator, index) in voters:
            raise Refused(f"{ballot.validator} voted on submission {index} twice or revealed no stake")
        voters.add((ballot.validator, index))
        taken[index] = before | ballot.seats


def _account(address: str) -> str:
    try:
        return str(to_checksum_address(address))
    except (TypeError, ValueError):
        raise Refused(f"{ascii(address)[:60]} isn't an address") from None
