"""The root of the `assay` command: the global options, and where each command lives. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from assay import __version__
from assay.cli import (
    account,
    audit_plan,
    calibrate,
    case,
    collect,
    deploy,
    doctor,
    env,
    evaluating,
    evidence,
    explain,
    invite,
    label,
    model,
    money,
    node,
    relay,
    stake,
    swarm,
    task,
    up,
    watch,
)
from assay.cli import round as rounds
from assay.cli.amount import program, span
from assay.cli.options import GLOBAL_HELP, Root
from assay.cli.session import Globals, Session
from assay.errors import Refused

SIGNABLE = ("case", "claim", "round", "stake", "task")
"""The commands whose calls the gateway passes on."""

app = typer.Typer(
    name="assay", cls=Root, no_args_is_help=True, add_completion=False, rich_markup_mode="rich",
    pretty_exceptions_enable=False, epilog=GLOBAL_HELP,
)  # fmt: skip


def _version(value: bool) -> None:
    if value:
        typer.echo(f"assay {__version__}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    account_name: Annotated[str | None, typer.Option("--as", metavar="NAME", help="Account that acts.")] = None,
    rpc: Annotated[str | None, typer.Option(metavar="URL", help="Chain to talk to; default: the local one.")] = None,
    home: Annotated[Path | None, typer.Option(metavar="DIR", help="State folder; default: .assay")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent, send nothing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
    sign_only: Annotated[
        bool, typer.Option("--sign-only", help="Sign instead of sending: prints JSON that anyone can `relay send`.")
    ] = False,
    deadline: Annotated[
        str | None, typer.Option(metavar="DURATION", help="How long what --sign-only signs may be sent; default: 1h.")
    ] = None,
    _shown: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Train AI models among people who don't trust each other: publish tasks, train, validate, get paid.

    Start here: `assay up --peers 2`, then `assay task init digits > digits.toml`. The global options may stand
    anywhere on the line. Exit codes: 0 done, 2 refused, 3 unavailable, 4 broken.
    """
    _check_signing(str(ctx.invoked_subcommand), sign_only, deadline, dry_run)
    given = Globals(account_name, rpc, home, as_json, yes, dry_run, quiet, sign_only, deadline)
    ctx.obj = opened = Session(given)
    ctx.call_on_close(opened.close)


def _check_signing(group: str, sign_only: bool, deadline: str | None, dry_run: bool) -> None:
    if deadline is not None:
        span(deadline, "--deadline")
    if not sign_only:
        if deadline is not None:
            raise Refused("--deadline goes with --sign-only: what is sent at once needs none")
        return
    if dry_run:
        raise Refused("--sign-only sends nothing: leave --dry-run out")
    if group not in SIGNABLE:
        raise Refused(f"{group} sends what only the account itself can; --sign-only goes with {', '.join(SIGNABLE)}")


COMMANDS: tuple[Callable[..., None], ...] = (
    up.up,
    up.down,
    up.status,
    up.logs,
    doctor.doctor,
    watch.watch,
    money.payouts,
    money.claim,
    explain.explain,
    evaluating.evaluate,
    audit_plan.audit_plan,
    calibrate.calibrate,
    deploy.deploy,
    deploy.verify_deployment,
    label.label,
    collect.collect,
)
NAMED = {"evaluate": "eval"}
for command in COMMANDS:
    app.command(name=NAMED.get(command.__name__), epilog=GLOBAL_HELP)(command)
for name, group, about in (
    ("task", task.app, "Publish tasks and see how they stand."),
    ("model", model.app, "Bring models in, look at them, take trained ones out."),
    ("trainer", node.trainer, "Train for pay."),
    ("validator", node.validator, "Check work for pay."),
    ("initiator", node.initiator, "Serve a task's base model and measure its checkpoints."),
    ("stake", stake.app, "Put stake in and take it out."),
    ("round", rounds.app, "Settle rounds by hand."),
    ("case", case.app, "Dispute outcomes and checkpoints, and see how disputes stand."),
    ("evidence", evidence.app, "Whether those who voted in a round have looked."),
    ("invite", invite.app, "Who may enlist in a private task."),
    ("relay", relay.app, "Send what accounts without gas signed with --sign-only."),
    ("account", account.app, "Keys by name."),
    ("swarm", swarm.app, "Fetch, serve and verify checkpoints and artifacts."),
    ("env", env.app, "Environments that this machine runs."),
):
    app.add_typer(group, name=name, help=about, no_args_is_help=True)
app.add_typer(node.api, name="api", hidden=True)


def main() -> None:
    """Run the command line."""
    app(prog_name=program())


if __name__ == "__main__":
    main()
