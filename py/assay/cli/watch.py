"""`assay watch`: each round as it settles, one line a round, until the task is over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.running import require_task
from assay.cli.session import Session, session
from assay.errors import Refused

if TYPE_CHECKING:
    from assay.store import Store
    from assay.store.rows import TaskRow

POLL_SECONDS = 1.0
HEAD = f"{'round':7}{'reward':8}{'accepted':10}{'refused':44}{'paid'}"


def watch(
    ctx: typer.Context,
    task: Annotated[
        int | None, typer.Option(min=1, metavar="T", help="The task; the only open one if left out.")
    ] = None,
) -> None:
    """Watch a task: reward of each checkpoint, submissions accepted and refused with the reason, pay. Ctrl-C stops.

    Examples: `assay watch --task 1` · `assay watch --task 1 --json`
    """
    s = session(ctx)
    number = require_task(s, task)
    if not s.screen.as_json:
        typer.echo(HEAD)
    seen: set[int] = set()
    said = ""
    while True:
        with s.records() as store:
            row = store.task(number)
            if row is None:
                raise Refused(f"task {number} is gone: the chain was reorganised or started anew")
            for ended in store.rounds(number):
                if ended.round not in seen:
                    seen.add(ended.round)
                    _show(s, _round(s, store, row, ended.round))
            over = s.contracts.is_over(number) and _all_settled(store, row, seen)
            state = _state(store, row)
        if over:
            break
        if state != said:
            said = state
            s.screen.say(state)
        time.sleep(POLL_SECONDS)
    s.screen.say(f"task {number} is over")


def _round(s: Session, store: Store, task: TaskRow, number: int) -> dict[str, Any]:
    from assay.api.amounts import formatted
    from assay.api.judging import ballots, final_outcome, why_unpaid
    from assay.types import Outcome

    ended = store.round(task.id, number)
    voted = ballots(store, task.id, number)
    slashed = {row.index for row in store.slashes(task=task.id) if row.round == number and row.burned}
    rows = store.submissions(task.id, number)
    refused = [
        f"{s.names.of(row.trainer)}: {why_unpaid(final_outcome(row), voted.get(row.index, []))}"
        + (" (slashed)" if row.index in slashed else "")
        for row in rows
        if row.outcome not in {Outcome.PAID, Outcome.NOT_HELD}
    ]
    paid = ended.from_escrow + ended.from_stakes if ended else 0
    return {
        "task": task.id,
        "round": number,
        "reward": _reward(s, task, number),
        "accepted": len(rows) - len(refused),
        "refused": refused,
        "paid": str(paid),
        "paid_formatted": formatted(paid),
    }


def _show(s: Session, one: dict[str, Any]) -> None:
    if s.screen.as_json:
        s.screen.record(one)
        return
    reward = "-" if one["reward"] is None else f"{one['reward']:.3f}"
    refused = "; ".join(one["refused"]) or "-"
    typer.echo(f"{one['round']:<7}{reward:8}{one['accepted']:<10}{refused:44}{one['paid_formatted']}")


def _reward(s: Session, task: TaskRow, number: int) -> float | None:
    """Return the reward that the initiator's node measured, when it runs from this home; the chain doesn't know it."""
    from assay.cli.measured import evaluations

    measured = evaluations(s, task).get(number)
    return None if measured is None else float(measured["reward"])


def _state(store: Store, task: TaskRow) -> str:
    from assay.api.clock import chain_now
    from assay.api.shapes import waiting_for
    from assay.api.terms import rounds_open, schedule_of

    waits = waiting_for(task, store.enlistments(task.id))
    if waits:
        return f"task {task.id} waits for {waits}"
    schedule, now = schedule_of(task), chain_now(store)
    newest = rounds_open(task, now)
    if schedule is None or newest == 0:
        return f"task {task.id} starts soon"
    return f"round {newest}: {schedule.phase(newest, now).name.lower().replace('_', ' ')}"


def _all_settled(store: Store, task: TaskRow, seen: set[int]) -> bool:
    return {row.round for row in store.submissions(task.id)} <= seen
