"""`assay task plan`: whether the contracts take a spec, how close each number is to its edge, and what to raise."""

from __future__ import annotations

import math
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.amount import duration, parse, program
from assay.cli.screen import Screen
from assay.cli.session import session
from assay.errors import Refused

if TYPE_CHECKING:
    from assay.cli.planning import Looking
    from assay.protocol.spec import TaskSpec

REFUSED = 2
File = Annotated[Path, typer.Argument(help="A task spec in TOML; - reads it from stdin.")]


def plan(
    ctx: typer.Context,
    file: File,
    cost: Annotated[
        list[str] | None, typer.Option(metavar="CHECK=SECONDS", help="Seconds that a check takes; may be repeated.")
    ] = None,
    price_per_second: Annotated[
        str, typer.Option(metavar="TOKENS", help="What a second of a validator's machine costs.")
    ] = "0.01",
    unbonding: Annotated[
        int | None, typer.Option(min=1, metavar="SECONDS", help="How long unbonding takes where it will be published.")
    ] = None,
) -> None:
    """Show whether the contracts take a spec: windows, chances, bonds, the pot, canaries. Sends nothing.

    Exit code 2 if it would be refused; each refusal names the number to change and to what. A check is worth its cost
    to a validator if canaries that fail at it are at least `cost / (seat_fee + cut)` of all submissions.

    Examples: `assay task plan digits.toml` · `assay task plan digits.toml --cost step=4 --price-per-second 0.002`
    """
    from assay.cli import planning
    from assay.protocol.terms import refusals

    spec = read(file)
    seconds, price = costs(cost or []), parse(price_per_second, "--price-per-second")
    screen = session(ctx).screen
    data = planning.to_json(spec, seconds, price, unbonding)
    screen.result(data, lambda: _show(screen, spec, seconds, price, unbonding))
    if any(refusals(spec, unbonding)):
        raise typer.Exit(REFUSED)


def read(file: Path) -> TaskSpec:
    """Return a file's spec, each field checked by itself. Refused, naming the first that is wrong."""
    from assay.protocol.spec import parse_toml

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise Refused(f"there is no file {file}; write one with `{program()} task init digits > {file}`") from error
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file} can't be read as text") from error
    return parse_toml(text)


def costs(given: list[str]) -> dict[str, Fraction]:
    """Return the seconds of each check, with what `--cost` says. Refused if it names none, or no seconds."""
    from assay.cli.planning import CHECKS

    seconds = dict(CHECKS)
    for text in given:
        name, _, took = text.partition("=")
        if name not in seconds:
            raise Refused(f"--cost: there is no check {name!r}; known: {', '.join(seconds)}")
        try:
            seconds[name] = Fraction(took)
        except (ValueError, ZeroDivisionError):
            raise Refused(f"--cost: {text!r} isn't CHECK=SECONDS, such as step=0.5") from None
        if not 0 <= seconds[name] <= 10**6:
            raise Refused(f"--cost: {text!r} must be from 0 to 1,000,000 seconds")
    return seconds


def _show(screen: Screen, spec: TaskSpec, seconds: dict[str, Fraction], price: int, unbonding: int | None) -> None:
    from assay.protocol.terms import refusals

    typer.echo(f"{spec.name} · {spec.rounds.count} rounds of {duration(spec.rounds.period)}")
    _show_windows(screen, spec, unbonding)
    typer.echo()
    _show_money(screen, spec)
    typer.echo()
    _show_looking(screen, spec, seconds, price)
    typer.echo()
    found = [no.sentence for no in refusals(spec, unbonding)]
    for sentence in found:
        typer.echo(f"refused · {sentence}")
    if not found:
        typer.echo("the contracts take it")


def _show_windows(screen: Screen, spec: TaskSpec, unbonding: int | None) -> None:
    from assay.cli.planning import windows

    rows = [
        [w.rule, str(w.needed), "-" if w.allowed is None else str(w.allowed), "-" if w.slack is None else str(w.slack)]
        for w in windows(spec, unbonding)
    ]
    screen.table(["windows, in seconds", "needed", "allowed", "slack"], rows)


def _show_money(screen: Screen, spec: TaskSpec) -> None:
    from assay.cli import planning
    from assay.protocol import economics, terms
    from assay.protocol.fields import tokens
    from assay.protocol.plan import Standing, size_of
    from assay.protocol.sections import PARTS
    from assay.protocol.sortition import quorum

    m, tries = spec.money, terms.draws(spec.rounds)
    rows = [
        [_percent(share), *(_percent(economics.quorum_chance(m.seats, share, n)) for n in (1, 2))]
        for share in planning.SHARES
    ]
    screen.table(["a coalition of", f"fills {quorum(m.seats)} of {m.seats} seats", "in one of two draws"], rows)
    q = Fraction(*economics.detection(m.seats, tries, m.power))
    third = economics.quorum_chance(m.seats, economics.THIRD, tries)
    known = m.power >= terms.smallest_power(spec)
    smallest = tokens(terms.smallest_bond(spec)) if known else "larger than any"
    new, proven = (size_of(spec, standing) for standing in (Standing.NEW, Standing.PROVEN))
    canary = f", its canaries at {tokens(m.canary_fee)} included" if m.canary_rate else ""
    typer.echo(
        f"q {_percent(q)}: faked work is found, power {_percent(Fraction(m.power, PARTS))} × (1 − {_percent(third)})\n"
        f"bond {tokens(m.bond)} · smallest {smallest}, for claims up to {tokens(terms.largest_pay(m))}\n"
        f"pot {tokens(m.pot)} · pays {planning.capacity(spec)} full submissions a round{canary}\n"
        f"a seat checks {new.groups} of {spec.rollout.groups} groups of a new worker, {proven.groups} of a proven one:"
        f" `{program()} audit-plan`\n"
        f"a submission risks {tokens(terms.exposure(spec))} · a challenge {tokens(m.bond)}, of which a jury costs"
        f" {tokens(economics.JURY_SEATS * m.seat_fee)} · an appeal {tokens(2 * m.bond)}"
    )


def _show_looking(screen: Screen, spec: TaskSpec, seconds: dict[str, Fraction], price: int) -> None:
    from assay.cli.planning import looking, together
    from assay.protocol.fields import tokens
    from assay.protocol.sections import PARTS

    m, rows = spec.money, looking(spec, seconds, price)
    every = together(spec, rows)
    shown = [
        [row.check, f"{float(row.seconds):g}", tokens(row.cost), "no share" if row.rate is None else _percent(row.rate),
         "-" if row.cut is None else tokens(row.cut)]
        for row in [*rows, every]
    ]  # fmt: skip
    screen.table(["check", "seconds", "cost", "canaries needed", "or a cut of"], shown)
    rate = Fraction(m.canary_rate, PARTS)
    typer.echo(f"the task: canary_rate {m.canary_rate} ({_percent(rate)}) · cut {tokens(m.cut)} per seat")
    if every.rate is None or every.rate > rate:
        typer.echo(f"not every check is worth its cost: {_advice(spec, every)}")


def _advice(spec: TaskSpec, every: Looking) -> str:
    from assay.protocol.fields import tokens
    from assay.protocol.sections import PARTS
    from assay.protocol.terms import LOTS

    ways = []
    if every.rate is not None and every.rate <= 1:
        ways.append(f"raise money.canary_rate to {math.ceil(every.rate * PARTS)}")
    if every.cut is not None:
        stake = max(spec.money.min_stake, LOTS * spec.money.seats * every.cut)
        ways.append(f"raise money.cut to {tokens(every.cut)}, with money.min_stake at {tokens(stake)}")
    return ", or ".join(ways) or "raise money.canary_rate and money.cut above 0"


def _percent(share: Fraction) -> str:
    return f"{float(100 * share):.3g} %"
