"""`assay audit-plan`: what every seat draws, the chance to find a faked fraction, whether a spec's power is true."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.screen import Screen
from assay.cli.session import session
from assay.errors import Refused

if TYPE_CHECKING:
    from assay.protocol.spec import TaskSpec

REFUSED = 2


def audit_plan(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[SPEC.toml]", help="A task spec; default: the digits template.")
    ] = None,
    fraction: Annotated[
        list[str] | None, typer.Option(metavar="SHARE", help="A faked share, such as 0.05 or 1/8; may be repeated.")
    ] = None,
    check_power: Annotated[
        str, typer.Option(metavar="SHARE", help="Chance that the checks notice one faked item that is drawn.")
    ] = "0.99",
) -> None:
    """Show what a seat draws of a submission and the chance to find a faked fraction of it. Sends nothing.

    Exit code 2 if the spec's `power` says more than the plan keeps, or if cheating would pay under the plan.

    Examples: `assay audit-plan digits.toml` · `assay audit-plan digits.toml --fraction 1/256 --check-power 0.5`
    """
    from assay.cli import auditing
    from assay.cli.plan import read
    from assay.protocol import templates

    spec = templates.blank("digits") if file is None else read(file)
    shares = [_share(text, "--fraction") for text in fraction or []] or list(auditing.FRACTIONS)
    power = _share(check_power, "--check-power")
    screen = session(ctx).screen
    data = auditing.to_json(spec, shares, power)
    screen.result(data, lambda: _show(screen, spec, shares, power))
    if not data["power_is_true"] or data["cheating_pays_from"] is not None:
        raise typer.Exit(REFUSED)


def _share(text: str, option: str) -> Fraction:
    try:
        share = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise Refused(f"{option}: {text!r} isn't a share such as 0.05 or 1/8") from None
    if not 0 < share <= 1 or share.denominator > 10**9:
        raise Refused(f"{option}: {text!r} must be above 0 and at most 1")
    return share


def _show(screen: Screen, spec: TaskSpec, shares: list[Fraction], power: Fraction) -> None:
    from assay.cli import auditing
    from assay.protocol.plan import Standing

    heads = ["faked", *(f"{kind}: {s}" for kind in auditing.KINDS for s in Standing), "loses from"]
    rows = [
        [_percent(row.fraction), *(_percent(row.found[k][s]) for k in auditing.KINDS for s in Standing),
         _percent(row.needed)]
        for row in auditing.table(spec, shares, power)
    ]  # fmt: skip
    typer.echo(f"{spec.name} · {spec.rollout.groups} groups of {spec.rollout.group_size}, {spec.inner.steps} steps")
    costs = [
        [s.standing, str(s.size.groups), str(s.rollouts), _percent(s.share), str(s.size.steps),
         _percent(Fraction(s.size.steps, spec.inner.steps))]
        for s in auditing.seats(spec)
    ]  # fmt: skip
    screen.table(["a seat checks, of a worker", "groups", "rollouts", "of all", "steps", "of all"], costs)
    typer.echo()
    screen.table(heads, rows)
    typer.echo(
        f"chances to be found once, if the checks notice a drawn fake with {_percent(power)}; "
        "faking loses where they are at least the last column"
    )
    _show_verdict(spec, power)


def _show_verdict(spec: TaskSpec, power: Fraction) -> None:
    from assay.cli import auditing
    from assay.protocol.plan import true_power
    from assay.protocol.sections import PARTS

    said, true = Fraction(spec.money.power, PARTS), Fraction(true_power(spec), PARTS)
    word = "is true" if said <= true else f"isn't true: lower money.power to {true_power(spec)}"
    typer.echo(f"power {_percent(said)} {word}; the plan finds wholly faked work with {_percent(true)} at least")
    pays = auditing.pays_from(spec, power)
    typer.echo("no fraction pays" if pays is None else f"cheating pays from {_percent(pays)} faked work on")


def _percent(share: Fraction) -> str:
    return f"{float(100 * share):.3g} %"
