"""One task on the screen: what it pays, who serves it, and every round with its submissions."""

from __future__ import annotations

import typer

from assay.api import models
from assay.cli.amount import duration
from assay.cli.session import Session
from assay.protocol.fields import tokens

SHOWN = 10


def show_task(
    s: Session, about: models.TaskDetail, rounds: list[models.RoundDetail], now: int, curve: str = ""
) -> None:
    """Print a task, its rounds and its curve, which is a sentence."""
    t = about.terms
    name = f" {about.name}" if about.name else ""
    typer.echo(
        f"task {about.id}{name} · {about.state} · by {s.names.of(about.initiator)} · spec {about.spec_hash[:SHOWN]}"
    )
    budget, escrow, paid, back = (tokens(int(m.wei)) for m in (about.budget, about.escrow, about.paid, about.refunded))
    typer.echo(f"budget {budget} = escrow {escrow} + paid {paid} + refunded {back}")
    typer.echo(
        f"{t.rounds} rounds of {duration(t.period)} · {t.price.formatted} a unit"
        f" · {t.seats} seats at {t.seat_fee.formatted} · bond {t.bond.formatted} · pot {t.pot.formatted}"
    )
    if about.waiting_for:
        typer.echo(f"hasn't started: waits for {about.waiting_for}")
    elif about.start and now < about.start:
        typer.echo(f"round 1 opens in {duration(about.start - now)}")
    serving = [
        [s.names.of(row.account), row.role, row.amount.formatted, "-" if row.share is None else f"{row.share:.0%}",
         str(row.from_round), "-" if row.until_round is None else str(row.until_round)]
        for row in about.enlistments
    ]  # fmt: skip
    if serving:
        s.screen.table(["account", "role", "stake", "share", "from", "until"], serving)
    rows = [_row(s, one, item) for one in rounds for item in one.items] + [
        _empty(one) for one in rounds if not one.items
    ]
    if rows:
        s.screen.table(
            ["round", "phase", "trainer", "submission", "units", "verdict", "why"],
            sorted(rows, key=lambda row: int(row[0])),
        )
    if curve:
        typer.echo(curve)


def _row(s: Session, one: models.RoundDetail, item: models.Submission) -> list[str]:
    verdict = (item.outcome or item.verdict or "-").replace("_", " ")
    why = item.why if item.why != verdict else ""
    why = why or ("" if item.outcome else _so_far(item))
    return [str(one.round), one.phase, s.names.of(item.trainer), item.root[:SHOWN], str(item.units), verdict, why]


def _so_far(item: models.Submission) -> str:
    if item.reason:
        return item.reason + ("" if item.leaf is None else f", leaf {item.leaf}")
    return (
        f"{sum(vote.seats for vote in item.votes)} of {sum(item.drawn.values())} seats revealed"
        if item.drawn
        else "not sealed yet"
    )


def _empty(one: models.RoundDetail) -> list[str]:
    why = "work is open" if one.phase == "work" else "no submissions"
    return [str(one.round), one.phase, "-", "-", "-", "-", why]
