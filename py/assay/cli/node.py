"""`assay trainer|validator|initiator run` and what belongs to a running node; `assay api run` for `up`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from assay.cli import local, running
from assay.cli.amount import parse
from assay.cli.running import Node
from assay.cli.session import session

trainer, validator, initiator, api = typer.Typer(), typer.Typer(), typer.Typer(), typer.Typer()

Task = Annotated[int | None, typer.Option(min=1, metavar="T", help="Serve this task.")]
Stake = Annotated[str | None, typer.Option(metavar="TOKENS", help="Tokens to enlist for the task.")]
Detach = Annotated[bool, typer.Option("--detach", "-d", help="Run in the background, with a log in the home folder.")]
Host = Annotated[str, typer.Option(help="Address to serve on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to serve on; 0 takes a free one.")]
FaultFrom = Annotated[int, typer.Option(min=1, metavar="R", help="First round to cheat in.")]
Advertise = Annotated[str | None, typer.Option(metavar="URL", help="Where others reach this node.")]
Labels = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Your own labels, of a labelling task: see `assay label`.")
]
NoChallenge = Annotated[
    bool,
    typer.Option("--no-challenge", help="Risk no bond: don't challenge outcomes that this node knows to be wrong."),
]


@trainer.command(name="run")
def run_trainer(
    ctx: typer.Context,
    task: Task = None,
    stake: Stake = None,
    fault: Annotated[
        str | None, typer.Option(help="Cheat: model, tokens, reward, prompts, update, silent or withhold.")
    ] = None,
    fault_from: FaultFrom = 1,
    canaries: Annotated[
        str | None,
        typer.Option(metavar="ROUNDS", help="Submit a canary instead of work in these rounds, such as 2,4."),
    ] = None,
    no_challenge: NoChallenge = False,
    labels: Labels = None,
    detach: Detach = False,
    host: Host = "127.0.0.1",
    port: Port = 0,
    advertise: Advertise = None,
) -> None:
    """Train for a task until it is over: make rollouts, take steps, submit, serve the artifact. Ctrl-C stops it.

    A canary is work that its maker knows to be bad, and opens once the votes are in: validators that passed it pay.

    Examples: `assay trainer run --task 1 --as bob` · `assay trainer run --task 1 --as bob --detach`
    · `assay trainer run --task 1 --as bob --canaries 2,4 --no-challenge`
    """
    s = session(ctx)
    number = running.require_task(s, task)
    running.require_admitted(s, number)
    wei = running.trainer_stake(s, number, parse(stake, "--stake") if stake else None)
    running.check_fault("trainer", fault)
    more = _settings(number, wei, (fault, fault_from), no_challenge, labels)
    chosen = running.canary_rounds(s, number, canaries)
    more = {**more, "canaries": chosen}
    running.run(s, Node("trainer", s.actor, host, port, advertise, detach), more)


@validator.command(name="run")
def run_validator(
    ctx: typer.Context,
    task: Task = None,
    stake: Stake = None,
    fault: Annotated[str | None, typer.Option(help="Cheat: lazy, or refuse (in one round).")] = None,
    fault_from: FaultFrom = 1,
    no_challenge: NoChallenge = False,
    labels: Labels = None,
    detach: Detach = False,
    host: Host = "127.0.0.1",
    port: Port = 0,
    advertise: Advertise = None,
) -> None:
    """Check what the draw gives you, for a fee a seat; without --task, for every task.
    Ctrl-C finishes the open reveal first.

    Examples: `assay validator run --as carol --stake 100` · `assay validator run --task 1 --as carol --stake 50
    --detach` · `assay validator run --as carol --stake 100 --no-challenge`
    """
    s = session(ctx)
    number = None if task is None else running.require_task(s, task)
    if number is not None:
        running.require_admitted(s, number)
    wei = running.validator_stake(s, number, parse(stake, "--stake") if stake else None)
    running.check_fault("validator", fault)
    s.screen.say(running.expectation(s, number, wei))
    more = _settings(number, wei, (fault, fault_from), no_challenge, labels)
    running.run(s, Node("validator", s.actor, host, port, advertise, detach), more)


def _settings(
    task: int | None, wei: int, fault: tuple[str | None, int], no_challenge: bool, labels: Path | None
) -> dict[str, Any]:
    """What trainers and validators are told alike; `fault` with its first round."""
    told: dict[str, Any] = {"task": task, "stake": wei, "fault": fault[0], "fault_from": fault[1]}
    return {**told, "challenge": not no_challenge, "labels": running.labels_file(labels)}


@initiator.command(name="run")
def run_initiator(
    ctx: typer.Context,
    task: Task = None,
    detach: Detach = False,
    host: Host = "127.0.0.1",
    port: Port = 0,
    advertise: Advertise = None,
) -> None:
    """Serve a task's base model and spec, measure each checkpoint, and get back what wasn't paid. Ctrl-C stops it.

    Example: `assay initiator run --task 1 --as alice`
    """
    s = session(ctx)
    number = running.require_task(s, task)
    running.run(s, Node("initiator", s.actor, host, port, advertise, detach), {"task": number})


@trainer.command(name="stop")
@validator.command(name="stop")
@initiator.command(name="stop")
def stop(ctx: typer.Context) -> None:
    """Stop a node that runs in the background, as Ctrl-C would.

    Example: `assay validator stop --as carol`
    """
    s = session(ctx)
    running.stop(s, s.actor)


@validator.command(name="status")
def validator_status(ctx: typer.Context) -> None:
    """Show a validator's process, its stake, and its share and pay in each task.

    Example: `assay validator status --as carol`
    """
    from assay.cli.standing import show_status

    show_status(session(ctx))


@validator.command(name="estimate")
def validator_estimate(
    ctx: typer.Context,
    task: Annotated[int, typer.Option(min=1, metavar="T", help="The task.")],
    stake: Annotated[str, typer.Option(metavar="TOKENS", help="Tokens to enlist.")] = "100",
    submissions: Annotated[
        int | None, typer.Option(min=1, help="Submissions a round to assume; default: the last round's.")
    ] = None,
) -> None:
    """Show what a stake would earn in a task: share, seats, pay a round, how often nothing is drawn.

    Example: `assay validator estimate --task 1 --stake 100`
    """
    from assay.cli.standing import show_estimate

    show_estimate(session(ctx), task, parse(stake, "--stake"), submissions)


@api.command(name="run")
def run_api(
    ctx: typer.Context,
    host: Host = "127.0.0.1",
    port: Port = 8700,
    home: Annotated[Path | None, typer.Option(help="Folder of its artifacts and records.")] = None,
) -> None:
    """Follow the chain and serve the API and this home's artifacts. `assay up` runs it."""
    s = session(ctx)
    running.observe(s, host, port, home or s.node_folder(local.API_NODE))
