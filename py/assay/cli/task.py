"""`assay task …`: write, check, estimate, plan, publish, list, show, cancel and refund tasks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.amount import duration, program
from assay.cli.plan import File, plan, read
from assay.cli.session import Session, session
from assay.errors import Refused

if TYPE_CHECKING:
    from assay.cli.estimate import Estimate
    from assay.protocol.spec import TaskSpec

app = typer.Typer()
Id = Annotated[int, typer.Argument(min=1, metavar="ID", help="The task's number.")]
Trainers = Annotated[int, typer.Option(min=1, max=1000, help="Trainers to assume.")]
Validators = Annotated[int, typer.Option(min=1, max=1000, help="Validators of equal stake to assume.")]


@app.command()
def init(
    ctx: typer.Context,
    template: Annotated[str, typer.Argument(help="digits or chain-sum")] = "digits",
    base: Annotated[
        str | None, typer.Option(help="Root of an imported base checkpoint; default: the only one here.")
    ] = None,
    environment: Annotated[
        Path | None, typer.Option(help="File with what `assay env add` or `env show` printed.")
    ] = None,
) -> None:
    """Write a task spec to stdout. The built-in model's base checkpoint is made in the home folder; a language model's
    is one that `assay model import` brought. With --environment, the items are those of another environment of words.

    Examples: `assay task init digits > digits.toml` · `assay task init chain-sum --environment env.toml > task.toml`
    """
    from assay.cli import bases
    from assay.cli.environments import named
    from assay.protocol import templates
    from assay.protocol.hashing import hex32
    from assay.protocol.spec import to_toml
    from assay.roles.base import environment_hash, section

    s = session(ctx)
    blank = templates.blank(template)
    pinned = blank.environment
    content = environment_hash(pinned.name, pinned.options)
    if blank.model.architecture == "llama":
        root = bases.make(s.home, pinned.name, pinned.options, content, s.screen.say)
        text = to_toml(templates.fill(template, root, content))
    else:
        folder = bases.imported(s.home, base)
        root = bytes.fromhex(folder.name)
        spec = templates.fill(template, root, content, section(folder))
        text = to_toml(spec if environment is None else named(spec, environment, folder.parent))
    s.screen.result({"toml": text, "base": hex32(root)}, text.rstrip("\n"))
    s.screen.say(
        f"base checkpoint {hex32(root)[:10]} in {s.home / 'bases'} · next: {program()} task publish FILE --as NAME"
    )


@app.command()
def check(ctx: typer.Context, file: File) -> None:
    """Check a spec: every field, the rules between them, its environment and its base checkpoint. Sends nothing.

    Example: `assay task check digits.toml`
    """
    from assay.cli import bases
    from assay.cli.trust import require_trusted
    from assay.protocol.hashing import hex32
    from assay.protocol.spec import spec_hash

    s = session(ctx)
    spec = _read(file)
    env = spec.environment
    require_trusted(s.home, env.name, env.hash, env.options)
    bases.folder_of(s.home, spec.model.base)
    digest = hex32(spec_hash(spec))
    s.screen.result({"ok": True, "name": spec.name, "spec_hash": digest}, f"{spec.name} is fine · spec {digest}")


@app.command()
def estimate(ctx: typer.Context, file: File, trainers: Trainers = 3, validators: Validators = 3) -> None:
    """Show what a trainer and a validator can earn, what is locked, and the time to the end.

    Example: `assay task estimate digits.toml --trainers 5`
    """
    from assay.cli.estimate import estimate as estimated

    found = estimated(_read(file), trainers, validators)
    session(ctx).screen.result(found.to_json(), _summary(_read(file), found))


app.command()(plan)


@app.command()
def publish(
    ctx: typer.Context,
    file: File,
    base: Annotated[Path | None, typer.Option(help="Folder of the base checkpoint; default: the home's.")] = None,
    uri: Annotated[
        str | None, typer.Option(help="Where your initiator serves base and spec; default: the local API.")
    ] = None,
) -> None:
    """Publish a task and lock its budget, after a preview.

    Examples: `assay task publish digits.toml --as alice` · `assay task publish digits.toml --as alice --dry-run`
    """
    from assay.cli import bases
    from assay.cli.estimate import estimate as estimated
    from assay.cli.trust import require_trusted
    from assay.protocol.hashing import hex32
    from assay.protocol.spec import spec_hash
    from assay.roles.initiator import publish as send

    s = session(ctx)
    if s.sign_only:
        raise Refused("publish moves tokens of the account's own: it can't be signed for someone else to send")
    spec = _read(file)
    require_trusted(s.home, spec.environment.name, spec.environment.hash, spec.environment.options)
    folder = base or bases.folder_of(s.home, spec.model.base)
    name = s.actor
    served, home = _served(s, name, uri)
    _require_funds(s, name, spec)
    found = estimated(spec)
    digest = hex32(spec_hash(spec))
    text = f"{_summary(spec, found)}\nspec {digest[:10]} · base {hex32(spec.model.base)[:10]}, served at {served}"
    data = {**found.to_json(), "spec_hash": digest, "initiator": name, "uri": served}
    if not s.preview(data, text, "publish?"):
        return
    number = send(s.node_config(name, home=home), spec, folder, served, s.screen.say)
    with s.records() as store:
        row = store.task(number)
    block = row.block if row else None
    after = f"Next: {program()} trainer run --task {number} --as bob"
    s.screen.result({**data, "task": number, "block": block}, f"task {number}, block {block}. {after}")
    if uri:
        s.screen.say(f"serve it: {program()} initiator run --task {number} --as {name} --advertise {uri}")


@app.command(name="list")
def list_(ctx: typer.Context) -> None:
    """List the tasks on this chain.

    Example: `assay task list --json`
    """
    from assay.api.clock import chain_now
    from assay.api.shapes import summary

    s = session(ctx)
    with s.records() as store:
        now = chain_now(store)
        found = [(row, summary(row, now)) for row in store.tasks()]
    rows = [
        [
            str(t.id),
            t.state,
            f"{t.round} of {t.last_round}",
            s.names.of(t.initiator),
            t.budget.formatted,
            t.paid.formatted,
        ]
        for _, t in found
    ]
    data = [{**t.model_dump(), "initiator_name": s.names.of(t.initiator)} for _, t in found]
    if not rows:
        s.screen.result(data, f"no tasks yet; {program()} task init digits > digits.toml")
        return
    s.screen.result(data, lambda: s.screen.table(["task", "state", "round", "initiator", "budget", "paid"], rows))


@app.command()
def show(ctx: typer.Context, task: Id) -> None:
    """Show a task: terms, who serves it, rounds, submissions with verdict and reason.

    Example: `assay task show 1`
    """
    from assay.api.clock import chain_now
    from assay.api.curve import curve
    from assay.api.shapes import detail, round_detail
    from assay.api.terms import rounds_open
    from assay.cli.measured import evaluations, line
    from assay.cli.show import show_task

    s = session(ctx)
    with s.records() as store:
        row = store.task(task)
        if row is None:
            raise Refused(f"there is no task {task} on chain {s.client.chain_id}")
        now = chain_now(store)
        about = detail(store, row, now)
        rounds = [round_detail(store, row, number, now) for number in range(1, rounds_open(row, now) + 1)]
        curved = curve(store, row, measured := evaluations(s, row))
    data = {
        **about.model_dump(),
        "rounds": [one.model_dump() for one in rounds],
        "curve": [one.model_dump() for one in curved.points],
    }
    s.screen.result(data, lambda: show_task(s, about, rounds, now, line(measured)))


@app.command()
def cancel(ctx: typer.Context, task: Id) -> None:
    """End a task before the first round that hasn't opened. Rounds that have opened are paid.

    Example: `assay task cancel 1 --as alice`
    """
    from assay.roles.money import cancel as send

    s = session(ctx)
    name = s.actor
    initiator = _initiator(s, task)
    if initiator.lower() != s.names.address(name).lower():
        raise Refused(f"only {s.names.of(initiator)}, who published task {task}, can cancel it")
    if s.preview({"task": task}, f"task {task} takes no round that hasn't opened yet", "cancel?"):
        receipt = send(s.node_config(name), task)
        after = f"the rest comes back with {program()} task refund {task}"
        s.screen.result(
            {"task": task, "block": receipt.block}, f"task {task} cancelled, block {receipt.block}; {after}"
        )


@app.command()
def refund(ctx: typer.Context, task: Id) -> None:
    """Send what a task didn't pay back to its initiator, once no round can pay any more. Anyone may send it.

    Example: `assay task refund 1 --as alice`
    """
    from assay.api.amounts import formatted
    from assay.cli.sender import sender
    from assay.roles.money import refund as send

    s = session(ctx)
    name = s.actor
    to = s.names.of(_initiator(s, task))
    left = s.contracts.escrow(task)
    if s.preview({"task": task, "wei": str(left)}, f"{formatted(left)} ASY of task {task} → {to}", "refund?"):
        receipt = send(sender(s, name), task)
        s.screen.result(
            {"task": task, "wei": str(left), "block": receipt.block}, f"{to} got {formatted(left)} ASY back"
        )


def _initiator(s: Session, task: int) -> str:
    found = s.contracts.initiator(task)
    if int(found, 16) == 0:
        raise Refused(f"there is no task {task} on chain {s.client.chain_id}")
    return found


def _read(file: Path) -> TaskSpec:
    from assay.protocol.spec import check as fits

    spec = read(file)
    fits(spec)
    return spec


def _summary(spec: TaskSpec, found: Estimate) -> str:
    from assay.api.amounts import formatted

    return (
        f"{spec.kind} · {found.rounds} rounds of {duration(found.period)}, {duration(found.seconds)} to the end"
        f" · locks {formatted(found.locked)} ASY"
        f" · a trainer earns about {_about(found.trainer_round)} a round, a validator {_about(found.validator_round)}"
        f" (with {found.trainers} and {found.validators} of them)"
    )


def _about(wei: int) -> str:
    from assay.api.amounts import formatted

    return formatted(wei) if wei < 10**18 else f"{wei / 10**18:.0f}"


def _served(s: Session, name: str, uri: str | None) -> tuple[str, Path]:
    """Return the URI to publish, and the folder whose artifacts are served there.

    Refused if nobody would serve them.
    """
    from assay.cli import local

    if uri:
        if not uri.startswith(("http://", "https://")):
            raise Refused(f"--uri {uri!r} isn't an http:// or https:// address")
        return uri.rstrip("/"), s.node_folder(name)
    if s.local.get("api") and local.api(s.home).pid() is not None and s.rpc == s.local.get("rpc"):
        return str(s.local["api"]), s.node_folder(local.API_NODE)
    raise Refused(
        "nobody would serve the base checkpoint: name your initiator's address with --uri, or `assay up` first"
    )


def _require_funds(s: Session, name: str, spec: TaskSpec) -> None:
    from assay.api.amounts import formatted

    held = s.contracts.balance(s.names.address(name))
    if held < spec.money.budget:
        raise Refused(f"{name} has {formatted(held)} ASY, and the task locks {formatted(spec.money.budget)}")
