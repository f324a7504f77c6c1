"""`assay round finalize|resolve`: settle a round by hand, and the shares of it that were set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.amount import duration, program
from assay.cli.session import Session, session
from assay.errors import Refused

if TYPE_CHECKING:
    from assay.roles.settling import Waiting
    from assay.store.engine import Store
    from assay.store.rows import TaskRow

app = typer.Typer()
Task = Annotated[int, typer.Argument(min=1, metavar="TASK", help="The task's number.")]
Round = Annotated[int, typer.Argument(min=1, metavar="ROUND", help="The round's number.")]


@app.command()
def finalize(ctx: typer.Context, task: Task, round_: Round) -> None:
    """Settle a round whose challenge window is over: credits pay, frees bonds, burns. Anyone may; nodes do it unasked.

    Work whose trainer tells no salt, and what is disputed, is set aside; `assay round resolve` settles it.

    Example: `assay round finalize 1 3 --as carol`
    """
    from assay.cli.sender import sender
    from assay.roles import settling
    from assay.roles.salts import wanted

    s = session(ctx)
    name = s.actor
    with s.records() as store:
        row = _task(s, store, task)
        _require_over(s, store, row, round_)
        config = sender(s, name)
        due = wanted(store, row, round_) if store.seal(task, round_) else []
        salts = settling.salts_of(config, s.contracts.deployment.ledger, due)
        silent = [one for one in due if one.index not in salts]
        lines = [f"settles round {round_} of task {task}: {len(store.submissions(task, round_))} submissions"]
        lines += [f"submission {one.index} of {s.names.of(one.trainer)} is set aside: no salt told" for one in silent]
        cases = [case.id for case in store.cases(task, round_) if case.ruling is None]
        lines += [f"case {case} is open: what it is about is set aside" for case in cases]
        data = {"task": task, "round": round_, "no_salt": [one.index for one in silent], "open_cases": cases}
        if not s.preview(data, "\n".join(lines), "finalize?"):
            return
        receipt = settling.finalize(config, store, task, round_, salts)
    if not s.sign_only:
        _tell(s, {**data, "block": receipt.block}, task, round_)


@app.command()
def resolve(
    ctx: typer.Context,
    task: Task,
    round_: Round,
    submission: Annotated[int | None, typer.Option(min=0, help="Only this submission's share, by its index.")] = None,
) -> None:
    """Settle the shares of a round that were set aside, and say of the others what they wait for. Anyone may.

    Examples: `assay round resolve 1 3 --as bob` · `assay round resolve 1 3 --dry-run`
    """
    from assay.cli.sender import sender
    from assay.roles import settling

    s = session(ctx)
    name = s.actor
    with s.records() as store:
        row = _task(s, store, task)
        if store.round(task, round_) is None:
            raise Refused(f"round {round_} isn't final: {program()} round finalize {task} {round_} comes first")
        found = [one for one in settling.waiting(s.contracts, store, row, round_) if submission in {None, one.index}]
        if not found:
            which = "" if submission is None else f" of submission {submission}"
            raise Refused(f"no share{which} of round {round_} of task {task} waits")
        now = s.client.head().time
        config = sender(s, name)
        rows = [one for one in store.submissions(task, round_) if one.index in {w.index for w in found if not w.cases}]
        salts = settling.salts_of(config, s.contracts.deployment.ledger, rows)
        states = {one.index: _why(s, one, one.index in salts, now) for one in found}
        lines = [_line(s, one, states[one.index] or "can be settled") for one in found]
        data = {"task": task, "round": round_, "shares": [_share(s, one, states[one.index]) for one in found]}
        ready = [one for one in found if not states[one.index]]
        if not ready and not s.dry_run:
            raise Refused("; ".join(lines))
        if not s.preview(data, "\n".join(lines), "resolve?"):
            return
        why = {w.index: settling.resolve(config, store, task, round_, w.index, salts.get(w.index)) for w in ready}
    if not s.sign_only:
        failed = "; ".join(f"submission {index}: {text}" for index, text in why.items() if text)
        if failed:
            raise Refused(failed)
        _tell(s, {**data, "resolved": sorted(why)}, task, round_)


def _task(s: Session, store: Store, task: int) -> TaskRow:
    row = store.task(task)
    if row is None:
        raise Refused(f"there is no task {task} on chain {s.client.chain_id}")
    return row


def _require_over(s: Session, store: Store, task: TaskRow, round_: int) -> None:
    from assay.api.terms import schedule_of

    schedule = schedule_of(task)
    if schedule is None or round_ > task.last_round:
        raise Refused(f"task {task.id} has no round {round_}" if schedule else f"task {task.id} hasn't started")
    if store.round(task.id, round_) is not None:
        raise Refused(f"round {round_} of task {task.id} is final already")
    now, ends = s.client.head().time, schedule.challenge_end(round_)
    if now < ends:
        raise Refused(f"round {round_} can be made final when its challenge window is over, in {duration(ends - now)}")
    if not store.submissions(task.id, round_):
        raise Refused(f"round {round_} of task {task.id} has no submissions: there is nothing to settle")


def _why(s: Session, share: Waiting, has_salt: bool, now: int) -> str:
    """Return what a share waits for; empty when it can be settled."""
    if share.cases:
        return f"waits for case {', '.join(map(str, share.cases))}: {program()} case show {share.cases[0]}"
    if has_salt or not share.needs_salt or now >= share.until:
        return ""
    trainer = s.names.of(share.trainer)
    return f"waits for {trainer}'s salt, which only {trainer} can show; ends unpaid in {duration(share.until - now)}"


def _share(s: Session, share: Waiting, why: str) -> dict[str, Any]:
    about = {"index": share.index, "trainer": s.names.of(share.trainer), "open_cases": list(share.cases)}
    return {**about, "unpaid_from": share.until, "waits_for": why or None}


def _line(s: Session, share: Waiting, why: str) -> str:
    return f"submission {share.index} of {s.names.of(share.trainer)} {why}"


def _tell(s: Session, data: dict[str, Any], task: int, round_: int) -> None:
    from assay.types import Outcome

    with s.records() as store:
        found = [
            {"index": row.index, "trainer": s.names.of(row.trainer), "outcome": Outcome(row.outcome).name.lower()}
            for row in store.submissions(task, round_)
            if row.outcome is not None
        ]
    words = [f"submission {one['index']} of {one['trainer']}: {str(one['outcome']).replace('_', ' ')}" for one in found]
    s.screen.result({**data, "outcomes": found}, "\n".join(words) or f"round {round_} of task {task} is final")
