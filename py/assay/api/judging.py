"""What became of a submission, and why, as the records tell it: drawn seats, votes, outcome, and the words for it.

The same rules as the ledger's, through `protocol`; while a round isn't final, what its reveals add up to so far.
Decides nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from assay.api.terms import term
from assay.errors import Refused
from assay.protocol.pay import Settlement
from assay.protocol.sortition import Lot, seats_of
from assay.protocol.votes import Vote, unpack
from assay.store import Store
from assay.store.rows import EnlistmentRow, SealRow, SubmissionRow, TaskRow
from assay.store.settled import tally_of
from assay.types import Outcome, Reason, Role, Verdict

OUTCOME_WORDS = {
    Outcome.PAID: "paid",
    Outcome.NOT_HELD: "accepted, but too few validators hold it",
    Outcome.INVALID: "refused",
    Outcome.UNAVAILABLE: "couldn't be fetched",
    Outcome.MALFORMED: "malformed",
    Outcome.NO_QUORUM: "no quorum",
    Outcome.VOID: "round void, nobody sealed it",
    Outcome.CANARY: "a canary",
    Outcome.FALSE_CANARY: "a canary that its leaf doesn't bear out",
    Outcome.ASIDE: "set aside",
    Outcome.UNOPENED: "accepted, but never shown to be work",
    Outcome.DOUBTED: "refused, and not slashed",
}
_VERDICT_OF = {
    Outcome.PAID: Verdict.VALID,
    Outcome.NOT_HELD: Verdict.VALID,
    Outcome.INVALID: Verdict.INVALID,
    Outcome.UNAVAILABLE: Verdict.UNAVAILABLE,
    Outcome.MALFORMED: Verdict.MALFORMED,
    Outcome.UNOPENED: Verdict.VALID,
    Outcome.DOUBTED: Verdict.INVALID,
}


@dataclass(frozen=True, slots=True)
class Ballot:
    """One validator's opened vote on one submission; `seats` is the number of its seats."""

    validator: str
    seats: int
    verdict: Verdict
    reason: int
    reason_name: str
    leaf: int


def lot_of(enlistment: EnlistmentRow) -> Lot:
    """Return a validator's lot on the stake line (gwei)."""
    e = enlistment
    return Lot(e.account, e.lo, e.hi, e.from_round, e.until_round)


def drawn_seats(task: TaskRow, seal: SealRow, index: int, enlistment: EnlistmentRow) -> int:
    """Return how many seats of a submission were drawn for a validator."""
    lot = lot_of(enlistment)
    if seal.line < 1 or not lot.counts_in(seal.round):
        return 0
    return len(seats_of(seal.seed, index, term(task, "seats"), seal.line, lot))


def ballots(store: Store, task: int, round_: int) -> dict[int, list[Ballot]]:
    """Return the opened votes of a round by submission index."""
    found: dict[int, list[Ballot]] = {}
    cast = [(row.validator, row.votes) for row in store.votes(task, round_)]
    cast += [(row.validator, row.votes) for row in store.extras(task, round_)]
    for validator, votes in cast:
        for vote in _opened(votes):
            found.setdefault(vote.index, []).append(_ballot(validator, vote))
    return found


def _opened(votes: bytes) -> list[Vote]:
    try:
        return unpack(votes)
    except Refused:  # a stranger's bytes that no rule of ours can read count for nobody
        return []


def _ballot(validator: str, vote: Vote) -> Ballot:
    return Ballot(validator, vote.seats.bit_count(), vote.verdict, vote.reason, vote.reason_name, vote.leaf)


def tallied(store: Store, task: TaskRow, round_: int) -> Settlement | None:
    """Return what the opened votes of a sealed round add up to so far, as its settlement would;

    None if they can't be read.
    """
    if store.seal(task.id, round_) is None:
        return None
    try:
        return tally_of(store, task, round_)
    except Refused:
        return None


def final_outcome(submission: SubmissionRow) -> Outcome | None:
    """Return the outcome that the ledger fixed, or None before that."""
    return None if submission.outcome is None else Outcome(submission.outcome)


def outcome_of(submission: SubmissionRow, tally: Settlement | None) -> Outcome | None:
    """Return a submission's final outcome, else the one that the opened votes give so far;

    None while they give none.
    """
    if submission.outcome is not None:
        return final_outcome(submission)
    if tally is None or submission.index >= len(tally.outcomes):
        return None
    found = tally.outcomes[submission.index]
    return None if found is Outcome.NO_QUORUM else found


def verdict_of(outcome: Outcome | None) -> Verdict | None:
    """Return the verdict behind an outcome; None if there was none."""
    return None if outcome is None else _VERDICT_OF.get(outcome)


def fault(votes: Sequence[Ballot], verdict: Verdict | None) -> tuple[str, int | None]:
    """Return the reason's name, and the leaf where it is one, that most seats of the counting verdict gave;

    Empty if none was.
    """
    weights: Counter[tuple[str, int]] = Counter()
    for vote in votes:
        if vote.verdict is verdict and verdict is not Verdict.VALID and vote.reason != Reason.NONE:
            weights[vote.reason_name, vote.leaf] += vote.seats
    if not weights:
        return "", None
    (reason, leaf), _ = weights.most_common(1)[0]
    return reason, leaf if verdict is Verdict.INVALID else None


def why_unpaid(outcome: Outcome | None, votes: Sequence[Ballot]) -> str:
    """Return why a submission earns nothing, in words: `sampling, leaf 417`; empty for a paid or an undecided one."""
    if outcome is None or outcome is Outcome.PAID:
        return ""
    reason, leaf = fault(votes, verdict_of(outcome))
    if not reason:
        return OUTCOME_WORDS[outcome]
    named = reason + ("" if leaf is None else f", leaf {leaf}")
    return named if outcome is Outcome.INVALID else f"{OUTCOME_WORDS[outcome]}: {named}"


def validators(store: Store, task: int) -> list[EnlistmentRow]:
    """Return the validators' enlistments of a task, in the order of the stake line."""
    return store.enlistments(task, int(Role.VALIDATOR))
