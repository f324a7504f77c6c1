"""A whole round, settled: outcomes, pay, slashes, cuts, and the shares that wait. Mirrors the tally's `settle`.

Takes what the ledger has checked already: seats that were drawn, reveals that open their commitments, one vote per
validator, submission and draw. Knows nothing of the stake that an exposed trainer has left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from assay.errors import Refused
from assay.protocol.entries import Entry
from assay.protocol.pay import PayTerms, Settlement, account_of
from assay.protocol.shares import REFUSED, SLASHED, Aside, Ballot, Ruling, is_withheld, outcome_of, resolve, winner
from assay.protocol.sortition import quorum
from assay.protocol.typed_data import mark
from assay.protocol.votes import Vote
from assay.types import MarkKind, Outcome, Role, Verdict


@dataclass(frozen=True, slots=True)
class Spoken:
    """One validator's reveal, and what the ledger knows of it.

    held: bitmap of the artifacts that it holds. stake: gwei of its lot. backing: wei of it that weren't cut. attests:
    whether it attested the checkpoint that won.
    """

    validator: str
    votes: Sequence[Vote]
    held: int
    stake: int
    backing: int = 0
    attests: bool = False


@dataclass(frozen=True, slots=True)
class Extra:
    """One validator's votes of the extra draw, and the wei of its lot that weren't cut."""

    validator: str
    votes: Sequence[Vote]
    backing: int = 0


def settle(
    terms: PayTerms,
    entries: Sequence[Entry],
    reveals: Sequence[Spoken],
    extras: Sequence[Extra] = (),
    attesters: Sequence[str] = (),
    salts: Mapping[int, bytes] | None = None,
    *,
    disputed: Collection[int] = (),
    opened: Mapping[int, int] | None = None,
    root_disputed: bool = False,
    sealed: bool = True,
) -> Settlement:
    """Settle a round.

    attesters: who attested the checkpoint that won and revealed nothing. salts: by submission, what shows that it is
    work; None takes everything for work that isn't opened as a canary: what the round will come to if it is. disputed:
    submissions with a challenge. opened: by submission, the words of canaries (`canary_word`). While its root is
    disputed, nobody is paid for the checkpoint. A round that nobody sealed is void.

    Raises:
        Refused: votes that the ledger can't have taken.
    """
    if not sealed:
        return Settlement(outcomes=[Outcome.VOID] * len(entries))
    reveals = [replace(r, validator=account_of(r.validator)) for r in reveals]
    extras = [replace(e, validator=account_of(e.validator)) for e in extras]
    _check(terms, len(entries), reveals)
    _check(terms, len(entries), extras)
    tally = _Tally(terms, entries, reveals, extras, frozenset(disputed), dict(opened or {}))
    tally.judge(salts, sum(r.attests for r in reveals) + len(attesters))
    tally.pay_trainers()
    tally.pay_validators([] if root_disputed else [account_of(who) for who in attesters], not root_disputed)
    sheet = tally.sheet
    sheet.attest_pay = terms.attest_fee if sheet.due <= terms.pot else terms.attest_fee * terms.pot // sheet.due
    return sheet


class _Tally:
    """A round on a sheet: outcomes first, then each share when it is known how far the pot reaches."""

    def __init__(
        self,
        terms: PayTerms,
        entries: Sequence[Entry],
        reveals: Sequence[Spoken],
        extras: Sequence[Extra],
        disputed: frozenset[int],
        opened: dict[int, int],
    ) -> None:
        self.terms = terms
        self.entries = entries
        self.reveals = reveals
        self.extras = extras
        self.disputed = disputed
        self.opened = opened
        self.sheet = Settlement()
        self.short = {i for i in range(len(entries)) if self._is_short(i)}
        self.winners: list[Verdict | None] = []
        self.canaries: dict[int, Aside] = {}
        self.backings = {e.validator: e.backing for e in extras} | {r.validator: r.backing for r in reveals}

    # --- outcomes

    def judge(self, salts: Mapping[int, bytes] | None, attesters: int) -> None:
        """Fix each outcome and what it asks of the pot; build the shares that wait, and the canaries."""
        terms, sheet = self.terms, self.sheet
        sheet.due = attesters * terms.attest_fee + sum(map(self._is_refunded, self.opened)) * terms.canary_fee
        for i, entry in enumerate(self.entries):
            ballots = self._ballots(i)
            verdict, held = winner(ballots, terms.seats), self._is_held(i)
            outcome, pay = outcome_of(ballots, terms.seats, held), entry.units * terms.price
            waits = outcome is Outcome.PAID and salts is not None and not _is_work(entry, salts.get(i, bytes(32)))
            if i in self.disputed or (i in self.opened and not is_withheld(verdict)) or waits:
                aside = Aside(
                    i, entry.who, entry.mark, self.opened.get(i, 0), self._is_refunded(i), held, tuple(ballots)
                )
                outcome, verdict = self._put_apart(aside, pay), None
            elif outcome is Outcome.PAID or outcome is Outcome.NOT_HELD:
                agreeing = sum(b.seats for b in ballots if b.verdict is Verdict.VALID)
                sheet.due += (pay if outcome is Outcome.PAID else 0) + agreeing * terms.seat_fee
            self.winners.append(verdict)
            sheet.outcomes.append(outcome)

    def _put_apart(self, aside: Aside, pay: int) -> Outcome:
        if aside.index not in self.disputed and aside.canary:
            self.canaries[aside.index] = aside
            return Outcome.CANARY
        self.sheet.asides.append(aside)
        self.sheet.due += pay + sum(b.seats for b in aside.ballots) * self.terms.seat_fee
        return Outcome.ASIDE

    def _is_short(self, i: int) -> bool:
        """So few spoke in the first draw that fresh seats may vote: less than a quorum of seats, or one voter."""
        first = [v for r in self.reveals for v in r.votes if v.index == i]
        return sum(v.seats.bit_count() for v in first) < quorum(self.terms.seats) or len(first) < 2

    def _is_held(self, i: int) -> bool:
        missing = sum(r.stake for r in self.reveals if not r.held >> i & 1)
        return 3 * missing <= sum(r.stake for r in self.reveals)

    def _is_refunded(self, i: int) -> bool:
        """The canary fee is paid for the ⌈rate · submissions⌉ canaries of the lowest rank."""
        if i not in self.opened:
            return False
        most = (self.terms.canary_rate * len(self.entries) + 9_999) // 10_000
        return sum((word, k) < (self.opened[i], i) for k, word in self.opened.items()) < most

    def _ballots(self, i: int) -> list[Ballot]:
        spoken: list[Spoken | Extra] = [*self.reveals, *(self.extras if i in self.short else ())]
        return [
            Ballot(s.validator, v.seats.bit_count(), v.verdict, v.reason, v.leaf)
            for s in spoken
            for v in s.votes
            if v.index == i
        ]

    # --- pay

    def pay_trainers(self) -> None:
        """Pay or slash by the outcomes; a canary that nobody challenged is settled at once."""
        terms, sheet = self.terms, self.sheet
        for i, (entry, outcome) in enumerate(zip(self.entries, sheet.outcomes, strict=True)):
            trainer = account_of(entry.trainer)
            if outcome is Outcome.PAID:
                pay = sheet.escrowed(entry.units * terms.price, sheet.due, terms.pot)
                if pay:
                    sheet.pay(trainer, Role.TRAINER, 1, 1, pay)
            elif outcome is Outcome.CANARY:
                aside = replace(self.canaries[i], due=sheet.due)
                resolve(terms, aside, [self._backing(b.validator) for b in aside.ballots], Ruling(), False, sheet)
            elif outcome in REFUSED:
                agreeing = sum(b.seats for b in self._ballots(i) if b.verdict is self.winners[i])
                sheet.slash(trainer, i, terms.bond if outcome in SLASHED else 0, agreeing * terms.seat_fee)
        sheet.asides = [replace(aside, due=sheet.due) for aside in sheet.asides]

    def _backing(self, validator: str) -> int:
        """What a validator can still lose: what its lot backs, less what this round's canaries have cost it so far."""
        lost = sum(p.burned + p.paid for p in self.sheet.cuts if p.account == validator)
        return self.backings.get(validator, 0) - lost

    def pay_validators(self, attesters: Iterable[str], pays_root: bool) -> None:
        """Pay seats that agreed with the outcome, and attesters of the checkpoint that won."""
        for r in self.reveals:
            self._pay_votes(r.validator, r.votes, self.terms.attest_fee if r.attests and pays_root else 0)
        for e in self.extras:
            self._pay_votes(e.validator, [v for v in e.votes if v.index in self.short], 0)
        for who in attesters:
            pay = self.sheet.escrowed(self.terms.attest_fee, self.sheet.due, self.terms.pot)
            self.sheet.pay(who, Role.VALIDATOR, 0, 0, pay)

    def _pay_votes(self, validator: str, votes: Iterable[Vote], attest_fee: int) -> None:
        cast = [(v.seats.bit_count(), v.verdict, v.verdict is self.winners[v.index]) for v in votes]
        valid = sum(n for n, verdict, agreed in cast if agreed and verdict is Verdict.VALID)
        refused = sum(n for n, verdict, agreed in cast if agreed and verdict is not Verdict.VALID)
        fee, sheet = self.terms.seat_fee, self.sheet
        pay = sheet.escrowed(valid * fee + attest_fee, sheet.due, self.terms.pot)
        sheet.pay(validator, Role.VALIDATOR, sum(n for n, _, _ in cast), valid + refused, pay + refused * fee)


def _is_work(entry: Entry, salt: bytes) -> bool:
    return mark(MarkKind.WORK, salt, 0, 0) == entry.mark


def _check(terms: PayTerms, count: int, spoken: Sequence[Spoken | Extra]) -> None:
    """Refuse a draw in which a seat has two votes, or a validator two on one submission."""
    taken: dict[int, int] = {}
    if len({s.validator for s in spoken}) < len(spoken):
        raise Refused("a validator speaks once in a draw")
    for s in spoken:
        voted = [v.index for v in s.votes]
        for v in s.votes:
            before = taken.get(v.index, 0)
            if not 0 <= v.index < count or not 0 < v.seats < 1 << terms.seats or v.seats & before:
                raise Refused(f"the vote of {s.validator} on submission {v.index} claims seats that it can't have")
            taken[v.index] = before | v.seats
        if len(set(voted)) < len(voted):
            raise Refused(f"{s.validator} voted on a submission twice")
