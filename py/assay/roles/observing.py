"""From records and the chain's newest block to the view that a role decides on.

Reads the store and the jobs in flight; changes nothing. Knows no network: what it says of the chain is as new as the
follower's last poll.
"""

from __future__ import annotations

from typing import Any

from assay.protocol.kinds import KINDS
from assay.protocol.pace import piece_groups
from assay.protocol.pay import exposure
from assay.protocol.spec import TaskSpec
from assay.protocol.windows import Phase, Schedule
from assay.roles.deciding import RoundView, TaskView
from assay.roles.deciding_cases import TURN_SECONDS
from assay.roles.disputing import doubts, refusals, wrongs
from assay.roles.docket import case_views
from assay.roles.drawing import extra_seats_of, seats_of, silent_of
from assay.roles.kept import is_hidden, stale
from assay.roles.known import Known, key, lots, schedule_of, turn
from assay.roles.pacing import paces
from assay.roles.revising import corrections, due, plain
from assay.store.engine import Store
from assay.store.rows import EnlistmentRow, SubmissionRow, TaskRow
from assay.store.settled import accepted
from assay.types import Role, Verdict

__all__ = ["GWEI", "Known", "included", "key", "lots", "observe", "schedule_of", "seats_of"]

GWEI = 10**9


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
        evaluated=_evaluated(store, task.id, spec),
        free_exposure=enlisted - _exposed(store, known, task, spec),
        exposure_needed=exposure(task.terms),
        **(_speed(store, task.id, spec) if known.role is Role.TRAINER else {}),
        over=_over(task, schedule, now, rounds) and not _waiting(store, task.id),
        shares=_shares(store, known, task, schedule, now),
        stale=stale(store, task.id, schedule, now) if known.role is Role.VALIDATOR else (),
        cases=case_views(store, known, task.id, schedule, now) if schedule else (),
    )


def included(store: Store, task: TaskRow, spec: TaskSpec, round_: int) -> tuple[int, ...]:
    """Return the submissions of a round that were accepted and are held: what the next checkpoint is made of."""
    return tuple(accepted(store, task, round_))


def _evaluated(store: Store, task: int, spec: TaskSpec) -> frozenset[int]:
    """Return the checkpoints that need no measuring any more; where nothing is trained, none does."""
    if KINDS[spec.kind].labelled:
        return frozenset(range(spec.rounds.count + 1))
    return frozenset(note.round for note in store.notes(task, "evaluation"))


def _speed(store: Store, task: int, spec: TaskSpec) -> dict[str, Any]:
    newest, fastest = paces(store, task)
    return {"pace": newest, "fastest": fastest, "least_groups": piece_groups(spec)}


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
        phase = schedule.phase(number, now)
        if number not in settled and (submissions or phase is not Phase.FINAL):
            seen.append(_round(store, known, task, spec, schedule, phase, number, submissions, names))
    return tuple(seen)


def _round(
    store: Store,
    known: Known,
    task: TaskRow,
    spec: TaskSpec,
    schedule: Schedule,
    phase: Phase,
    number: int,
    submissions: list[SubmissionRow],
    names: frozenset[str],
) -> RoundView:
    running = frozenset(name.split(":", 1)[1] for name in names if name.startswith(f"{number}:"))
    tallied = phase in {Phase.CHALLENGE, Phase.FINAL}
    return RoundView(
        number=number,
        phase=phase,
        submissions=len(submissions),
        sealed=store.seal(task.id, number) is not None,
        seats=seats_of(store, known, task, spec, number) if known.role is Role.VALIDATOR else {},
        verdicts=frozenset(row.index for row in store.findings(task.id, number)),
        held=frozenset(row.index for row in submissions if known.has(row.root)),
        opened=_opened(store, task.id, number),
        running=running,
        done=_done(store, known, task.id, number),
        included=included(store, task, spec, number) if tallied else None,
        turn=turn(store, known, task.id, number),
        **(_stance(store, known, task, number, phase) if known.role is Role.TRAINER else {}),
        **(_duties(store, known, task, spec, schedule, number, phase) if known.role is Role.VALIDATOR else {}),
    )


def _opened(store: Store, task: int, number: int) -> frozenset[int]:
    note = store.note(task, number, "openings")
    return frozenset(note.json["indices"]) if note else frozenset()


def _duties(
    store: Store, known: Known, task: TaskRow, spec: TaskSpec, schedule: Schedule, number: int, phase: Phase
) -> dict[str, Any]:
    """Return what a validator has to do when the reveals are over."""
    duties: dict[str, Any] = {"is_lazy": known.lazy_from is not None and number >= known.lazy_from}
    if phase > Phase.REVEAL:
        duties["silent"] = silent_of(store, known, task, spec, number)
    if phase is Phase.EXTRA:
        duties["extra_seats"] = extra_seats_of(store, known, task, spec, number)
    if phase is Phase.CHALLENGE:
        duties["has_evidence"] = is_hidden(store, task.id, number)
        if known.challenges:
            duties["wrongs"] = wrongs(store, task, number, known.account)
            duties["doubts"] = doubts(store, task, number, known.account)
        if number > task.head:
            duties |= _following(store, known, task, schedule, number)
    return duties


def _following(store: Store, known: Known, task: TaskRow, schedule: Schedule, number: int) -> dict[str, Any]:
    """Return what goes into the round's checkpoint beside its own submissions, and the checkpoint once it is made."""
    revised = corrections(store, task, schedule, number, task.head, known.time_of) if known.time_of else ()
    places = sorted({(one.round, index) for one in revised for index in (*one.before, *one.after)})
    rows = [(place, store.submission(task.id, *place)) for place in places]
    note = store.note(task.id, number, "checkpoint")
    made = note is not None and note.json["base"] == task.head and note.json.get("corrections", []) == plain(revised)
    return {
        "corrections": revised,
        "missing": tuple(place for place, row in rows if row is not None and not known.has(row.root)),
        "checkpoint": bytes.fromhex(note.json["root"]) if note and made else None,
    }


def _stance(store: Store, known: Known, task: TaskRow, number: int, phase: Phase) -> dict[str, Any]:
    """Return what a trainer's work of the round rests on and, when the votes are in, what it may have to say: its
    canary, and what it holds against refusals.
    """
    begun, rolled = store.note(task.id, number, "begun"), store.note(task.id, number, "rolled")
    stance = {"base": begun.json["base"] if begun else None, "groups": rolled.json["groups"] if rolled else 0}
    if phase is not Phase.CHALLENGE:
        return stance
    opened = {row.index for row in store.canaries(task.id, number)}
    own = {row.index for row in store.submissions(task.id, number) if row.trainer == known.account}
    is_canary = store.note(task.id, number, "canary") is not None
    held_against = () if is_canary or not known.challenges else refusals(store, task, number, known.account)
    sound = frozenset(index for index in own if _replay(store, task.id, number, index) == Verdict.VALID)
    return {**stance, "canary": is_canary and bool(own - opened), "refusals": held_against, "sound": sound}


def _replay(store: Store, task: int, number: int, index: int) -> int | None:
    note = store.note(task, number, f"replay:{index}")
    return None if note is None else int(note.json["verdict"])


def _waiting(store: Store, task: int) -> bool:
    """Tell whether a share or a root of the task waits: then it isn't over, and the escrow stays."""
    return any(row.outcome is None for row in store.asides(task)) or any(c.ruling is None for c in store.cases(task))


def _shares(
    store: Store, known: Known, task: TaskRow, schedule: Schedule | None, now: int
) -> tuple[tuple[int, int], ...]:
    """Return the shares that were set aside and that this node can settle now: its own as soon as no dispute holds them
    up, others' when that takes no salt and it is this node's turn.
    """
    own = {(row.round, row.index) for row in store.submissions_of(known.account, task.id)}
    disputed = {(case.round, case.index) for case in store.cases(task.id) if case.ruling is None}
    ready = []
    for row in store.asides(task.id):
        place = row.round, row.index
        if row.outcome is not None or place in disputed or known.sent(key(task.id, row.round, f"resolve:{row.index}")):
            continue
        if place in own:
            ready.append(place)
        elif schedule is not None and known.time_of is not None and known.role is not Role.TRAINER:
            begins = due(store, task, schedule, row, known.time_of)
            if begins is not None and now >= begins + TURN_SECONDS * (1 + turn(store, known, task.id, row.round)):
                ready.append(place)
    return tuple(ready)


def _done(store: Store, known: Known, task: int, number: int) -> frozenset[str]:
    sendable = ("seal", "commit", "reveal", "attest", "finalize", "submit", "refund", "canary", "extra")
    done = {what for what in sendable if known.sent(key(task, number, what))}
    if any(row.validator == known.account for row in store.commits(task, number)):
        done.add("commit")
    if any(row.validator == known.account for row in store.votes(task, number)):
        done.add("reveal")
    if any(row.validator == known.account for row in store.attests(task, number)):
        done.add("attest")
    if any(row.validator == known.account for row in store.extras(task, number)):
        done.add("extra")
    lined = (f"silent:{account}" for account in lots(store, task))
    done |= {what for what in lined if known.sent(key(task, number, what))}
    mine = [row for row in store.submissions(task, number) if row.trainer == known.account]
    if mine:
        done.add("submit")
    done |= {what for what in ("rolled", "trained", "dropped", "opened") if store.note(task, number, what) is not None}
    done |= {f"replayed:{row.index}" for row in mine if _replay(store, task, number, row.index) is not None}
    done |= _challenged(store, known, task, number)
    return frozenset(done)


def _challenged(store: Store, known: Known, task: int, number: int) -> set[str]:
    """Return the challenges that this node has sent, as `challenge:INDEX:CHECK:LEAF`."""
    notes = [note for note in store.notes(task, "challenges") if note.round == number]
    return {what for note in notes for what in note.json["sent"] if known.sent(key(task, number, what))}


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
