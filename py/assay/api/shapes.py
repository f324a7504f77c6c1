"""From records to answers. Pure: rows in, models out; no route and no query parameter."""

from __future__ import annotations

import json
from typing import Any

from assay.api import models
from assay.api.earnings import Line, outcome_word
from assay.api.judging import (
    Ballot,
    ballots,
    drawn_seats,
    fault,
    final_outcome,
    outcome_of,
    tallied,
    validators,
    verdict_of,
    why_unpaid,
)
from assay.api.models import Money
from assay.api.terms import rounds_open, started, term
from assay.protocol.hashing import hex32
from assay.protocol.windows import Phase, Schedule
from assay.store import Store
from assay.store.rows import EnlistmentRow, SealRow, SubmissionRow, TaskRow
from assay.types import Outcome, Role


def summary(task: TaskRow, now: int) -> models.TaskSummary:
    """Return a task for a list."""
    return models.TaskSummary(**_summary(task, now))


def detail(store: Store, task: TaskRow, now: int) -> models.TaskDetail:
    """Return a task with its terms and who serves it."""
    served = store.enlistments(task.id)
    genesis = store.checkpoint(task.id, 0)
    return models.TaskDetail(
        **_summary(task, now),
        spec_hash=hex32(task.spec_hash),
        genesis=hex32(genesis.root) if genesis else _hex_or_none(task.terms.get("genesis")),
        head=task.head,
        head_root=hex32(task.head_root),
        start=task.start or None,
        uri=task.uri,
        terms=_terms(task),
        enlistments=[enlistment(row, served) for row in served],
        waiting_for=waiting_for(task, served),
    )


def waiting_for(task: TaskRow, served: list[EnlistmentRow]) -> str | None:
    """Return what a task that hasn't started waits for, in words."""
    if task.start or task.state != "published":
        return None
    trainers = sum(row.role == Role.TRAINER and row.until_round is None for row in served)
    stake = sum(row.amount for row in served if row.role == Role.VALIDATOR and row.until_round is None)
    missing = []
    if trainers < term(task, "minTrainers"):
        missing.append(f"trainers ({trainers} of {term(task, 'minTrainers')})")
    if stake < term(task, "minStake"):
        here, wanted = Money.of(stake).formatted, Money.of(term(task, "minStake")).formatted
        missing.append(f"validators' stake ({here} of {wanted})")
    return " and ".join(missing) or "the validators' attestation of genesis"


def enlistment(row: EnlistmentRow, served: list[EnlistmentRow]) -> models.Enlistment:
    """Return who serves a task, validators with their share of the stake line."""
    share = None
    if row.role == Role.VALIDATOR:
        line = max((other.hi for other in served if other.role == Role.VALIDATOR), default=0)
        share = round((row.hi - row.lo) / line, 4) if line else 0.0
    return models.Enlistment(
        account=row.account,
        role=Role(row.role).name.lower(),
        amount=Money.of(row.amount),
        share=share,
        from_round=row.from_round,
        until_round=row.until_round,
        released=row.released,
    )


def submission(
    store: Store, task: TaskRow, row: SubmissionRow, voted: dict[int, list[Ballot]] | None = None
) -> models.Submission:
    """Return a submission with its votes and the reason for what became of it."""
    votes = (ballots(store, task.id, row.round) if voted is None else voted).get(row.index, [])
    verdict = verdict_of(outcome_of(row, tallied(store, task, row.round) if row.outcome is None else None))
    reason, leaf = fault(votes, verdict)
    return models.Submission(
        task=task.id,
        round=row.round,
        index=row.index,
        n=row.n,
        trainer=row.trainer,
        root=hex32(row.root),
        units=row.units,
        base=row.base,
        uri=row.uri,
        verdict=None if verdict is None else verdict.name.lower(),
        outcome=outcome_word(row.outcome),
        reason=reason or None,
        leaf=leaf,
        why=why_unpaid(final_outcome(row), votes),
        drawn=_drawn(store, task, row, store.seal(task.id, row.round)),
        votes=[_vote(ballot) for ballot in votes],
    )


def round_summary(store: Store, task: TaskRow, number: int, now: int) -> models.RoundSummary:
    """Return a round for a list."""
    return models.RoundSummary(**_round(store, task, number, now))


def round_detail(store: Store, task: TaskRow, number: int, now: int) -> models.RoundDetail:
    """Return a round with everything on record about it."""
    schedule = started(task)
    seal = store.seal(task.id, number)
    voted = ballots(store, task.id, number)
    return models.RoundDetail(
        **_round(store, task, number, now),
        work_end=schedule.work_end(number),
        seal_at=schedule.seal_at(number),
        commit_end=schedule.commit_end(number),
        reveal_end=schedule.reveal_end(number),
        seed=None if seal is None else f"0x{seal.seed.hex()}",
        line=None if seal is None else str(seal.line),
        committed=[row.validator for row in store.commits(task.id, number)],
        revealed=[row.validator for row in store.votes(task.id, number)],
        items=[submission(store, task, row, voted) for row in store.submissions(task.id, number)],
    )


def payout(line: Line, now: int) -> models.Payout:
    """Return one line of an account's pay."""
    return models.Payout(
        task=line.task,
        round=line.round,
        role=line.role.name.lower(),
        account=line.account,
        seats=line.seats,
        agreed=line.agreed,
        earned=None if line.earned is None else Money.of(line.earned),
        state=line.state.value,
        reason=line.reason or line.shown(now),
        shown=line.shown(now),
        final_in_seconds=None if line.final_at is None else max(0, line.final_at - now),
        slashed=Money.of(line.slashed),
    )


def _summary(task: TaskRow, now: int) -> dict[str, Any]:
    spec = json.loads(task.spec_json) if task.spec_json else {}
    return {
        "id": task.id,
        "name": spec.get("name"),
        "kind": spec.get("kind"),
        "initiator": task.initiator,
        "state": task.state,
        "round": rounds_open(task, now),
        "last_round": task.last_round,
        "budget": Money.of(task.budget),
        "escrow": Money.of(task.escrow),
        "paid": Money.of(task.paid),
        "refunded": Money.of(task.refunded),
    }


def _terms(task: TaskRow) -> models.Terms:
    whole = {
        "rounds": "rounds", "period": "period", "work": "work", "seal_delay": "sealDelay", "commit": "commitWindow",
        "reveal": "revealWindow", "attest": "attestTime", "challenge": "challengeWindow", "lead": "lead",
        "staleness": "staleness", "seats": "seats", "min_trainers": "minTrainers", "max_units": "maxUnits",
    }  # fmt: skip
    money = {
        "min_stake": "minStake", "bond": "bond", "price": "price", "seat_fee": "seatFee", "attest_fee": "attestFee",
        "pot": "pot",
    }  # fmt: skip
    values: dict[str, Any] = {name: term(task, field) for name, field in whole.items()}
    values |= {name: Money.of(term(task, field)) for name, field in money.items()}
    return models.Terms(**values)


def _round(store: Store, task: TaskRow, number: int, now: int) -> dict[str, Any]:
    schedule = started(task)
    rows = store.submissions(task.id, number)
    ended = store.round(task.id, number)
    checkpoint = store.checkpoint(task.id, number)
    accepted = sum(row.outcome in {Outcome.PAID, Outcome.NOT_HELD} for row in rows) if ended else None
    return {
        "task": task.id,
        "round": number,
        "phase": _phase(store, task, number, schedule, now),
        "opens": schedule.open(number),
        "final_at": schedule.challenge_end(number),
        "submissions": len(rows),
        "accepted": accepted,
        "refused": None if accepted is None else len(rows) - accepted,
        "checkpoint": None if checkpoint is None else hex32(checkpoint.root),
        "checkpoint_final": checkpoint is not None and checkpoint.final,
        "paid": Money.of(ended.from_escrow + ended.from_stakes) if ended else None,
        "from_stakes": Money.of(ended.from_stakes) if ended else None,
        "burned": Money.of(ended.burned) if ended else None,
    }


def _phase(store: Store, task: TaskRow, number: int, schedule: Schedule, now: int) -> str:
    if store.round(task.id, number) is not None:
        return "settled"
    phase = schedule.phase(number, now)
    if phase > Phase.COMMIT and store.submissions(task.id, number) and store.seal(task.id, number) is None:
        return "void"
    return phase.name.lower()


def _drawn(store: Store, task: TaskRow, row: SubmissionRow, seal: SealRow | None) -> dict[str, int]:
    if seal is None:
        return {}
    drawn = {who.account: drawn_seats(task, seal, row.index, who) for who in validators(store, task.id)}
    return {account: seats for account, seats in drawn.items() if seats}


def _vote(ballot: Ballot) -> models.Vote:
    named = ballot.reason_name != "none"
    return models.Vote(
        validator=ballot.validator,
        seats=ballot.seats,
        verdict=ballot.verdict.name.lower(),
        reason=ballot.reason_name,
        leaf=ballot.leaf if named else None,
    )


def _hex_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None
