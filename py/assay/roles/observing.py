"""From records and the chain's newest block to the view that a role decides on.

Reads the store and the jobs in flight; changes nothing. Knows no network: what it says of the chain is as new as the
follower's last poll.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from assay.protocol import sortition
from assay.protocol.pay import exposure
from assay.protocol.sortition import Lot
from assay.protocol.spec import TaskSpec
from assay.protocol.windows import Phase, Schedule
from assay.roles.deciding import RoundView, TaskView
from assay.roles.disputing import refusals
from assay.store.engine import Store
from assay.store.rows import EnlistmentRow, SubmissionRow, TaskRow
from assay.store.settled import accepted
from assay.types import Role, Verdict

GWEI = 10**9


@dataclass(frozen=True, slots=True)
class Known:
    """What a node knows beside the store: its account and role, what it holds on disk, its jobs and its
    transactions.
    """

    account: str
    role: Role | None
    has: Callable[[bytes], bool]
    jobs: frozenset[str]
    sent: Callable[[str], bool]
    challenges: bool = True


def key(task: int, round_: int, what: str) -> str:
    """Name a job or a transaction of a round, for the outbox and for `Jobs`."""
    return f"{task}:{round_}:{what}"


def schedule_of(task: TaskRow, spec: TaskSpec) -> Schedule | None:
    """Return the task's windows, or None before it has started."""
    return Schedule.from_spec(spec, task.start) if task.start else None


def lots(store: Store, task: int) -> dict[str, Lot]:
    """Return the validators' lots on the task's line, in gwei."""
    return {
        row.account: Lot(row.account, row.lo, row.hi, row.from_round, row.until_round)
        for row in store.enlistments(task, Role.VALIDATOR)
    }


def observe(store: Store, known: Known, task: TaskRow, spec: TaskSpec, now: int) -> TaskView:
    """Build one task's view at the newest block's time `now`."""
    schedule = schedule_of(task, spec)
    mine = _enlistment(store, known, task.id)
    names = frozenset(name.split(":", 1)[1] for name in known.jobs if name.startswith(f"{task.id}:"))
    rounds = _open_rounds(store, known, task, spec, schedule, now, names)
    enlisted = mine.amount if mine else 0
    return TaskView(
        now=now,
        schedule=schedule,
        genesis=spec.model.base,
        genesis_final=bool(task.start) or _final(store, task.id, 0),
        head=task.head,
        head_root=task.head_root,
        last_round=task.last_round,
        staleness=spec.rounds.staleness,
        enlisted=mine is not None,
        from_round=mine.from_round if mine else 0,
        until_round=mine.until_round if mine else None,
        rounds=rounds,
        held_checkpoints=frozenset(
            row.round for row in store.checkpoints(task.id) if (row.final or row.round == 0) and known.has(row.root)
        ),
        missing_checkpoints=tuple(
            (row.round, row.root) for row in store.checkpoints(task.id) if row.final and not known.has(row.root)
        ),
        running=frozenset(name.split(":", 1)[1] for name in names if name.startswith("0:")),
        done=_done(store, known, task.id, 0) | ({"refund"} if task.state == "refunded" else set()),
        evaluated=frozenset(note.round for note in store.notes(task.id, "evaluation")),
        free_exposure=enlisted - _exposed(store, known, task, spec),
        exposure_needed=exposure(task.terms),
        train_seconds=min((float(note.json["seconds"]) for note in store.notes(task.id, "trained")), default=0.0),
        over=_over(task, schedule, now, rounds) and not _waiting(store, task.id),
        shares=_shares(store, known, task.id),
    )


def included(store: Store, task: TaskRow, spec: TaskSpec, round_: int) -> tuple[int, ...]:
    """Return the submissions of a round that were accepted and are held: what the next checkpoint is made of."""
    return tuple(accepted(store, task, round_))


def seats_of(store: Store, known: Known, task: TaskRow, spec: TaskSpec, round_: int) -> dict[int, int]:
    """Return this validator's drawn seats of a sealed round: submission index → bit mask of seats."""
    seal, lot = store.seal(task.id, round_), lots(store, task.id).get(known.account)
    if seal is None or lot is None or not lot.counts_in(round_):
        return {}
    drawn = {}
    for row in store.submissions(task.id, round_):
        mask = sum(1 << seat for seat in sortition.seats_of(seal.seed, row.index, spec.money.seats, seal.line, lot))
        if mask:
            drawn[row.index] = mask
    return drawn


def _open_rounds(
    store: Store,
    known: Known,
    task: TaskRow,
    spec: TaskSpec,
    schedule: Schedule | None,
    now: int,
    names: frozenset[str],
) -> tuple[RoundView, ...]:
    if schedule is None:
        return ()
    newest = min(schedule.round_at(now), task.last_round)
    settled = {row.round for row in store.rounds(task.id)}
    seen = []
    for number in range(1, newest + 1):
        submissions = store.submissions(task.id, number)
        final = number in settled or (not submissions and schedule.phase(number, now) is Phase.FINAL)
        if not final:
            seen.append(_round(store, known, task, spec, schedule.phase(number, now), number, submissions, names))
    return tuple(seen)


def _round(
    store: Store,
    known: Known,
    task: TaskRow,
    spec: TaskSpec,
    phase: Phase,
    number: int,
    submissions: list[SubmissionRow],
    names: frozenset[str],
) -> RoundView:
    running = frozenset(name.split(":", 1)[1] for name in names if name.startswith(f"{number}:"))
    tallied = phase in {Phase.CHALLENGE, Phase.FINAL}
    note = store.note(task.id, number, "checkpoint")
    return RoundView(
        number=number,
        phase=phase,
        submissions=len(submissions),
        sealed=store.seal(task.id, number) is not None,
        seats=seats_of(store, known, task, spec, number) if known.role is Role.VALIDATOR else {},
        verdicts=frozenset(row.index for row in store.findings(task.id, number)),
        held=frozenset(row.index for row in submissions if known.has(row.root)),
        running=running,
        done=_done(store, known, task.id, number),
        included=included(store, task, spec, number) if tallied else None,
        checkpoint=bytes.fromhex(note.json["root"]) if note and note.json["base"] == task.head else None,
        turn=_turn(store, known, task.id, number),
        **(_stance(store, known, task, number, phase) if known.role is Role.TRAINER else {}),
    )


def _stance(store: Store, known: Known, task: TaskRow, number: int, phase: Phase) -> dict[str, Any]:
    """Return what a trainer may have to say when the votes are in: its canary, and what it holds against refusals."""
    if phase is not Phase.CHALLENGE:
        return {}
    opened = {row.index for row in store.canaries(task.id, number)}
    own = {row.index for row in store.submissions(task.id, number) if row.trainer == known.account}
    is_canary = store.note(task.id, number, "canary") is not None
    held_against = () if is_canary or not known.challenges else refusals(store, task, number, known.account)
    sound = frozenset(index for index in own if _replay(store, task.id, number, index) == Verdict.VALID)
    return {"canary": is_canary and bool(own - opened), "refusals": held_against, "sound": sound}


def _replay(store: Store, task: int, number: int, index: int) -> int | None:
    note = store.note(task, number, f"replay:{index}")
    return None if note is None else int(note.json["verdict"])


def _waiting(store: Store, task: int) -> bool:
    """Tell whether a share or a root of the task waits: then it isn't over, and the escrow stays."""
    return any(row.outcome is None for row in store.asides(task)) or any(c.ruling is None for c in store.cases(task))


def _shares(store: Store, known: Known, task: int) -> tuple[tuple[int, int], ...]:
    """Return this trainer's shares that were set aside and that no open dispute holds up."""
    open_cases = {(case.round, case.index) for case in store.cases(task) if case.ruling is None}
    trainers = {(row.round, row.index): row.trainer for row in store.submissions_of(known.account, task)}
    return tuple(
        place
        for row in store.asides(task)
        if row.outcome is None and (place := (row.round, row.index)) in trainers and place not in open_cases
        and not known.sent(key(task, row.round, f"resolve:{row.index}"))
    )  # fmt: skip


def _done(store: Store, known: Known, task: int, number: int) -> frozenset[str]:
    sendable = ("seal", "commit", "reveal", "attest", "finalize", "submit", "refund", "canary")
    done = {what for what in sendable if known.sent(key(task, number, what))}
    if any(row.validator == known.account for row in store.commits(task, number)):
        done.add("commit")
    if any(row.validator == known.account for row in store.votes(task, number)):
        done.add("reveal")
    if any(row.validator == known.account for row in store.attests(task, number)):
        done.add("attest")
    mine = [row for row in store.submissions(task, number) if row.trainer == known.account]
    if mine:
        done.add("submit")
    if store.note(task, number, "trained") is not None:
        done.add("trained")
    done |= {f"replayed:{row.index}" for row in mine if _replay(store, task, number, row.index) is not None}
    done |= _challenged(store, known, task, number)
    return frozenset(done)


def _challenged(store: Store, known: Known, task: int, number: int) -> set[str]:
    """Return the challenges that this node has sent, as `challenge:INDEX:CHECK:LEAF`."""
    notes = [note for note in store.notes(task, "challenges") if note.round == number]
    return {what for note in notes for what in note.json["sent"] if known.sent(key(task, number, what))}


def _turn(store: Store, known: Known, task: int, number: int) -> int:
    """Return how many others go first when one is enough: a rank that moves on with each round. Others come last."""
    order = sorted(account for account, lot in lots(store, task).items() if lot.counts_in(number))
    return (order.index(known.account) - number) % len(order) if known.account in order else len(order)


def _exposed(store: Store, known: Known, task: TaskRow, spec: TaskSpec) -> int:
    """Return the wei that this trainer's open submissions risk. What slashes took is gone from its enlistment."""
    each = spec.money.bond + spec.money.seats * spec.money.seat_fee
    return each * sum(1 for row in store.submissions_of(known.account, task.id) if row.outcome is None)


def _over(task: TaskRow, schedule: Schedule | None, now: int, rounds: tuple[RoundView, ...]) -> bool:
    if task.state == "refunded":
        return True
    if task.state == "cancelled" and not task.start:
        return True
    return schedule is not None and now >= schedule.challenge_end(max(task.last_round, 1)) and not rounds


def _enlistment(store: Store, known: Known, task: int) -> EnlistmentRow | None:
    rows = [row for row in store.enlistments(task, known.role) if row.account == known.account and not row.released]
    return rows[0] if rows else None


def _final(store: Store, task: int, round_: int) -> bool:
    row = store.checkpoint(task, round_)
    return row is not None and row.final
