"""Where a validator stands in its tasks, and what a stake would earn there.

Arithmetic over records; promises nothing.
"""

from __future__ import annotations

from typing import Any

import typer

from assay.cli import local
from assay.cli.amount import program
from assay.cli.estimate import round_pay
from assay.cli.session import Session
from assay.errors import Refused
from assay.types import Role


def show_status(s: Session) -> None:
    """Show a validator's process, stake, shares and pay."""
    from assay.api.amounts import formatted

    name = s.actor
    address = s.names.address(name)
    held = s.contracts.account(address)
    pid = local.node(s.home, name).pid()
    data: dict[str, Any] = {
        "name": name,
        "pid": pid,
        "staked": str(held.staked),
        "locked": str(held.locked),
        "claimable": str(held.claimable),
        "tasks": _tasks(s, address),
    }

    def text() -> None:
        typer.echo(f"{name} {'runs, pid ' + str(pid) if pid else 'has no node running'}")
        money = (
            f"staked {formatted(held.staked)}, locked {formatted(held.locked)} · claimable {formatted(held.claimable)}"
        )
        typer.echo(money)
        if not data["tasks"]:
            typer.echo(f"enlisted for no task; {program()} validator run --as {name} --stake 100")
            return
        rows = [
            [
                str(t["task"]),
                formatted(int(t["stake"])),
                f"{t['share']:.0%}",
                f"{t['expected_seats']:.1f} of {t['seats']}",
                t["last"],
            ]
            for t in data["tasks"]
        ]
        s.screen.table(["task", "stake", "share", "seats a submission", "last round"], rows)

    s.screen.result(data, text)


def _tasks(s: Session, address: str) -> list[dict[str, Any]]:
    from assay.api.clock import chain_now
    from assay.api.earnings import lines
    from assay.api.terms import term

    found = []
    with s.records() as store:
        now = chain_now(store)
        for row in store.enlistments_of(address):
            task = store.task(row.task)
            if row.role != Role.VALIDATOR or row.released or task is None:
                continue
            line = s.contracts.line(row.task)
            share = (row.hi - row.lo) / line if line else 0.0
            mine = [one for one in lines(store, now, address, row.task) if one.role is Role.VALIDATOR]
            seats = term(task, "seats")
            last = f"round {mine[-1].round}: {mine[-1].shown(now)}" if mine else "no round yet"
            found.append(
                {
                    "task": row.task,
                    "stake": str(row.amount),
                    "share": share,
                    "seats": seats,
                    "expected_seats": share * seats,
                    "last": last,
                }
            )
    return found


def show_estimate(s: Session, task: int, wei: int, submissions: int | None) -> None:
    """Show what a stake of `wei` would earn in a task, beside the stake that is there."""
    from assay.api.amounts import formatted

    with s.records() as store:
        row = store.task(task)
        if row is None:
            raise Refused(f"there is no task {task} on chain {s.client.chain_id}")
        served = [one for one in store.enlistments(task, Role.VALIDATOR) if not one.released]
        counts = [len(store.submissions(task, number)) for number in range(1, row.last_round + 1)]
    count = submissions or next((n for n in reversed(counts) if n), 1)
    gwei = wei // 10**9
    line = s.contracts.line(task) + gwei
    share = gwei / line
    terms = {name: int(row.terms[name]) for name in ("pot", "price", "seatFee", "attestFee", "seats")}
    seats = terms["seats"] * count
    attesters = len([one for one in served if one.until_round is None]) + 1
    _, pay = round_pay(terms, int(row.terms["maxUnits"]), count, attesters, share)
    none = (1 - share) ** seats
    data = {
        "task": task,
        "share": share,
        "submissions": count,
        "expected_seats": seats * share,
        "pay_per_round": str(pay),
        "chance_not_drawn": none,
    }
    text = (
        f"stake {formatted(wei)} ({share:.0%} of the line)"
        f" · expect {seats * share:.1f} of {seats} seats a round with {count} submissions"
        f" · about {formatted(pay)} a round · not drawn in {none:.0%} of rounds"
    )
    s.screen.result(data, text)
