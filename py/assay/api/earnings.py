"""What an account earned, round by round, and the reason where it earned nothing.

One line per task, round and role. A round that isn't over shows what its reveals promise so far. Nothing here moves
money: what can be claimed is the vault's word, which only the chain knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

from assay.api.judging import (
    OUTCOME_WORDS,
    Ballot,
    ballots,
    drawn_seats,
    final_outcome,
    outcome_of,
    tallied,
    verdict_of,
    why_unpaid,
)
from assay.api.terms import FAR, rounds_open, started
from assay.protocol.pay import Payment, Settlement
from assay.protocol.windows import Schedule
from assay.store import Store
from assay.store.rows import ClaimRow, EnlistmentRow, PaymentRow, SealRow, SlashRow, SubmissionRow, TaskRow
from assay.types import Outcome, Role, Verdict


class State(StrEnum):
    """Where a line's money is."""

    CLAIMED = "claimed"
    CLAIMABLE = "claimable"
    PENDING = "pending"
    OPEN = "open"
    NOT_DRAWN = "not_drawn"
    UNPAID = "unpaid"


@dataclass(frozen=True, slots=True)
class Line:
    """One account's round in one role. `earned` (wei) is a promise while `state` is pending,
    and None while nothing is known yet.

    `reason` is never empty for a line without pay; `final_at` is the unix second from which the round can be final.
    """

    task: int
    round: int
    role: Role
    account: str
    seats: int | None
    agreed: int | None
    earned: int | None
    state: State
    reason: str
    final_at: int | None
    slashed: int = 0

    def shown(self, now: int) -> str:
        """Return the state as a person reads it: claimable, final in 12 s, not drawn, unpaid: …"""
        cut = f" (slashed {_amount(self.slashed)})" if self.slashed else ""
        if self.state is State.PENDING:
            return f"{_due(self.final_at, now)}{cut}"
        if self.state is State.UNPAID:
            return f"unpaid: {self.reason}{cut}"
        if self.state in {State.OPEN, State.NOT_DRAWN}:
            return f"{self.reason}{cut}"
        return f"{self.state.value}{cut}"


def lines(store: Store, now: int, account: str | None = None, task: int | None = None) -> list[Line]:
    """Return the lines of one account or of all, of one task or of all, by task, round, role and account."""
    found: list[Line] = []
    for row in store.tasks():
        if task in {None, row.id}:
            found += _Ledger(store, row, now).lines(account)
    return sorted(found, key=lambda line: (line.task, line.round, line.role, line.account.lower()))


class _Ledger:
    """The records of one task, read once."""

    def __init__(self, store: Store, task: TaskRow, now: int) -> None:
        self._store = store
        self._task = task
        self._now = now
        self._payments: dict[tuple[int, str, int], list[PaymentRow]] = {}
        for payment in store.payments(task=task.id):
            self._payments.setdefault((payment.round, payment.account, payment.role), []).append(payment)
        self._slashes: dict[tuple[int, str], list[SlashRow]] = {}
        for slash in store.slashes(task=task.id):
            self._slashes.setdefault((slash.round, slash.account), []).append(slash)
        self._submissions: dict[int, list[SubmissionRow]] = {}
        for submission in store.submissions(task.id):
            self._submissions.setdefault(submission.round, []).append(submission)
        self._seals: dict[int, SealRow] = {seal.round: seal for seal in store.seals(task.id)}
        self._final = {row.round for row in store.rounds(task.id)}
        self._ballots: dict[int, dict[int, list[Ballot]]] = {}
        self._tallies: dict[int, Settlement | None] = {}
        self._claims: dict[str, list[ClaimRow]] = {}

    @cached_property
    def _schedule(self) -> Schedule:
        return started(self._task)

    def lines(self, account: str | None) -> Iterator[Line]:
        newest = rounds_open(self._task, self._now)
        for enlistment in self._store.enlistments(self._task.id):
            if account is not None and enlistment.account.lower() != account.lower():
                continue
            until = FAR if enlistment.until_round is None else enlistment.until_round
            for number in range(max(1, enlistment.from_round), min(newest, until - 1) + 1):
                if enlistment.role == Role.TRAINER:
                    yield self._trainer(enlistment, number)
                else:
                    yield self._validator(enlistment, number)

    def _trainer(self, who: EnlistmentRow, number: int) -> Line:
        mine = [row for row in self._submissions.get(number, []) if row.trainer.lower() == who.account.lower()]
        paid = self._paid(number, who)
        if paid is not None:
            return self._line(who, number, None, None, paid.amount, self._settled(paid), "")
        if not mine:
            if self._now < self._schedule.work_end(number):
                left = self._schedule.work_end(number) - self._now
                return self._line(who, number, None, None, None, State.OPEN, f"work closes in {left} s")
            return self._line(who, number, None, None, 0, State.UNPAID, "nothing submitted")
        promised = self._promised(number, who)
        if promised is not None and promised.amount:
            return self._line(who, number, None, None, promised.amount, State.PENDING, "")
        decided = number in self._final or self._void(number) or self._now >= self._schedule.reveal_end(number)
        if not decided:
            return self._line(who, number, None, None, None, State.PENDING, "")
        return self._line(who, number, None, None, 0, State.UNPAID, self._refusals(number, mine))

    def _refusals(self, number: int, mine: Sequence[SubmissionRow]) -> str:
        """Say why each submission earns nothing, as the ledger or, before it has spoken, the reveals have it."""
        if number not in self._final and self._void(number):
            return OUTCOME_WORDS[Outcome.VOID]
        tally = None if number in self._final else self._tally(number)
        outcomes = [tally.outcomes[row.index] if tally else final_outcome(row) for row in mine]
        words = {
            why_unpaid(outcome, self._votes(number, row.index)) or "pot used up"
            for row, outcome in zip(mine, outcomes, strict=True)
        }
        return "; ".join(sorted(words))

    def _validator(self, who: EnlistmentRow, number: int) -> Line:
        submissions = self._submissions.get(number, [])
        seal = self._seals.get(number)
        paid = self._paid(number, who)
        seats = 0 if seal is None else sum(drawn_seats(self._task, seal, row.index, who) for row in submissions)
        if paid is not None:
            return self._line(who, number, paid.seats or seats, paid.agreed, paid.amount, self._settled(paid), "")
        if submissions and seal is not None:
            return self._drawn(who, number, seats)
        if self._void(number):
            why = "round void, nobody sealed it" if submissions else "no submissions"
            return self._line(who, number, 0, None, 0, State.UNPAID, why)
        if not submissions and self._now >= self._schedule.work_end(number):
            return self._line(who, number, 0, None, 0, State.UNPAID, "no submissions")
        left = self._schedule.seal_at(number) - self._now
        return self._line(who, number, None, None, None, State.OPEN, f"seal in {left} s" if left > 0 else "seal due")

    def _drawn(self, who: EnlistmentRow, number: int, seats: int) -> Line:
        promised = self._promised(number, who)
        if promised is not None and promised.amount:
            return self._line(who, number, seats, promised.agreed, promised.amount, State.PENDING, "")
        if not seats:
            return self._line(who, number, 0, None, 0, State.NOT_DRAWN, "not drawn")
        return self._judged(who, number, seats)

    def _judged(self, who: EnlistmentRow, number: int, seats: int) -> Line:
        mine = [
            (row, ballot)
            for row in self._submissions.get(number, [])
            for ballot in self._votes(number, row.index)
            if ballot.validator.lower() == who.account.lower()
        ]
        if not mine:
            if self._now < self._schedule.reveal_end(number):
                return self._line(who, number, seats, None, None, State.PENDING, "")
            return self._line(who, number, seats, 0, 0, State.UNPAID, "not revealed")
        if self._now < self._schedule.reveal_end(number):
            return self._line(who, number, seats, None, None, State.PENDING, "")
        agreed = sum(ballot.seats for row, ballot in mine if ballot.verdict is self._verdict(number, row))
        quorums = any(self._verdict(number, row) is not None for row, _ in mine)
        reason = "voted against the quorum" if quorums else "no quorum"
        return self._line(who, number, seats, agreed, 0, State.UNPAID, reason)

    def _promised(self, number: int, who: EnlistmentRow) -> Payment | None:
        """What the settlement will pay, known once the reveals are over."""
        if self._now < self._schedule.reveal_end(number) or number in self._final:
            return None
        tally = self._tally(number)
        mine = [
            one
            for one in (tally.payments if tally else [])
            if (one.account.lower(), one.role) == (who.account.lower(), who.role)
        ]
        if not mine:
            return None
        counts = (sum(one.seats for one in mine), sum(one.agreed for one in mine), sum(one.amount for one in mine))
        return Payment(who.account, Role(who.role), *counts)

    def _verdict(self, number: int, row: SubmissionRow) -> Verdict | None:
        return verdict_of(outcome_of(row, self._tally(number)))

    def _tally(self, number: int) -> Settlement | None:
        if number not in self._tallies:
            self._tallies[number] = tallied(self._store, self._task, number)
        return self._tallies[number]

    def _votes(self, number: int, index: int) -> list[Ballot]:
        if number not in self._ballots:
            self._ballots[number] = ballots(self._store, self._task.id, number)
        return self._ballots[number].get(index, [])

    def _void(self, number: int) -> bool:
        return number not in self._seals and self._now >= self._schedule.commit_end(number)

    def _paid(self, number: int, who: EnlistmentRow) -> PaymentRow | None:
        found = self._payments.get((number, who.account, who.role), [])
        if not any(row.amount for row in found):
            return None
        seats, agreed = sum(row.seats for row in found), sum(row.agreed for row in found)
        return replace(found[-1], seats=seats, agreed=agreed, amount=sum(row.amount for row in found))

    def _settled(self, paid: PaymentRow) -> State:
        if paid.account not in self._claims:
            self._claims[paid.account] = self._store.claims(paid.account)
        later = ((row.block, row.log_index) > (paid.block, paid.log_index) for row in self._claims[paid.account])
        return State.CLAIMED if any(later) else State.CLAIMABLE

    def _line(
        self,
        who: EnlistmentRow,
        number: int,
        seats: int | None,
        agreed: int | None,
        earned: int | None,
        state: State,
        reason: str,
    ) -> Line:
        # An account may hold both roles; a slash of index i is the trainer's, whose submission it names.
        slashed = sum(
            row.burned + row.paid
            for row in self._slashes.get((number, who.account), [])
            if self._meant(row, who.role, number)
        )
        final_at = None if number in self._final else self._schedule.challenge_end(number)
        return Line(
            self._task.id, number, Role(who.role), who.account, seats, agreed, earned, state, reason, final_at, slashed
        )

    def _meant(self, slash: SlashRow, role: int, number: int) -> bool:
        named = [row for row in self._submissions.get(number, []) if row.index == slash.index]
        of_trainer = bool(named) and named[0].trainer.lower() == slash.account.lower()
        return of_trainer == (role == Role.TRAINER)


def _due(final_at: int | None, now: int) -> str:
    if final_at is None:
        return "final"
    return f"final in {final_at - now} s" if final_at > now else "final with the next settlement"


def _amount(wei: int) -> str:
    from assay.api.amounts import formatted

    return formatted(wei)


def outcome_word(outcome: int | None) -> str | None:
    """Return an outcome's name in lower case, None while there is none."""
    return None if outcome is None else Outcome(outcome).name.lower()
