"""`assay stake add|exit|rebond|withdraw|show`: what an account has at stake, and the way in and out."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from assay.cli.amount import duration, parse, program
from assay.cli.session import Session, session
from assay.errors import Refused

app = typer.Typer()


@app.command()
def add(ctx: typer.Context, amount: Annotated[str, typer.Argument(help="Tokens, such as 100.")]) -> None:
    """Stake tokens, in one transaction where the token takes permits. Nodes stake what they need by themselves; this is
    for more.

    Examples: `assay stake add 100 --as carol` · `assay stake add 100 --as carol --sign-only > request.json`
    """
    from assay.api.amounts import formatted
    from assay.roles.money import stake

    s = session(ctx)
    name, wei = s.actor, parse(amount)
    held = s.contracts.balance(s.names.address(name))
    if held < wei:
        raise Refused(f"{name} has {formatted(held)} ASY, fewer than {formatted(wei)}")
    period = duration(s.contracts.unbonding_period())
    if s.preview(
        {"name": name, "wei": str(wei)}, f"{name} stakes {formatted(wei)} ASY · exit takes {period}", "stake?"
    ):
        receipt = stake(s.node_config(name), wei)
        s.screen.result({**_state(s, name), "block": receipt.block}, lambda: _show(s, name))


@app.command(name="exit")
def exit_(
    ctx: typer.Context,
    amount: Annotated[str | None, typer.Argument(help="Tokens; all that is free if left out.")] = None,
    task: Annotated[int | None, typer.Option(min=1, help="Leave only this task.")] = None,
) -> None:
    """Leave tasks, free what they locked, and start to withdraw. Repeat it for what was still needed.

    Examples: `assay stake exit --as carol` · `assay stake exit 50 --as carol`
    """
    from assay.api.amounts import formatted
    from assay.cli.leaving import leave_tasks

    s = session(ctx)
    name = s.actor
    address = s.names.address(name)
    wanted = parse(amount) if amount else None
    if not s.preview({"name": name}, f"{name} leaves its tasks and withdraws free stake", "exit?"):
        return
    steps = leave_tasks(s, name, task) if wanted is None or s.contracts.account(address).free < wanted else []
    free = s.contracts.account(address).free
    if wanted is not None and free < wanted:
        raise Refused(
            f"{formatted(free)} of {name}'s stake is free, fewer than {formatted(wanted)}; {'; '.join(steps)}"
        )
    leaving = wanted if wanted is not None else free
    if leaving:
        from assay.roles.money import unbond

        unbond(s.node_config(name), leaving)
        if s.sign_only:
            return
        ready = time.strftime("%H:%M:%S", time.localtime(s.contracts.unbonding(address)[-1][1]))
        steps.append(f"{formatted(leaving)} ASY can be withdrawn from {ready}: {program()} stake withdraw --as {name}")
    elif not steps:
        raise Refused(f"{name} has no free stake")
    s.screen.result({**_state(s, name), "steps": steps}, "\n".join(steps))


@app.command()
def rebond(
    ctx: typer.Context,
    amount: Annotated[str | None, typer.Argument(help="Tokens; all that is unbonding if left out.")] = None,
) -> None:
    """Take back into stake what `stake exit` started to withdraw, the newest first. The rest keeps its dates.

    Examples: `assay stake rebond --as carol` · `assay stake rebond 50 --as carol`
    """
    from assay.api.amounts import formatted
    from assay.roles.money import rebond as send

    s = session(ctx)
    name, wanted = s.actor, parse(amount) if amount else None
    waiting = sum(one for one, _ in s.contracts.unbonding(s.names.address(name)))
    if not waiting:
        raise Refused(f"{name} has nothing unbonding: there is nothing to take back")
    if wanted is not None and wanted > waiting:
        raise Refused(f"{formatted(waiting)} of {name}'s stake is unbonding, fewer than {formatted(wanted)}")
    wei = wanted or waiting
    if s.preview({"name": name, "wei": str(wei)}, f"{name} takes {formatted(wei)} ASY back into stake", "rebond?"):
        receipt = send(s.node_config(name), wei)
        s.screen.result({**_state(s, name), "block": receipt.block}, lambda: _show(s, name))


@app.command()
def withdraw(ctx: typer.Context) -> None:
    """Send unbonded stake whose time has come to the payout address.

    Example: `assay stake withdraw --as carol`
    """
    from assay.api.amounts import formatted
    from assay.roles.money import withdraw as send

    s = session(ctx)
    name = s.actor
    waiting = s.contracts.unbonding(s.names.address(name))
    now = s.client.head().time
    ready = sum(amount for amount, at in waiting if at <= now)
    if not ready:
        first = min((at - now for _, at in waiting), default=None)
        later = f"the next can be withdrawn in {duration(first)}" if first else f"`{program()} stake exit` starts it"
        raise Refused(f"{name} has nothing to withdraw now; {later}")
    if s.preview({"name": name, "wei": str(ready)}, f"{name} withdraws {formatted(ready)} ASY", "withdraw?"):
        receipt = send(s.node_config(name))
        s.screen.result({"withdrawn": str(ready), "block": receipt.block}, f"{name} got {formatted(ready)} ASY")


@app.command()
def show(ctx: typer.Context) -> None:
    """Show what an account has at stake, where it is locked, and what waits to be withdrawn.

    Example: `assay stake show --as carol`
    """
    s = session(ctx)
    name = s.actor
    s.screen.result(_state(s, name), lambda: _show(s, name))


def _state(s: Session, name: str) -> dict[str, Any]:
    address = s.names.address(name)
    held = s.contracts.account(address)
    with s.records() as store:
        served = [row for row in store.enlistments_of(address) if not row.released]
    return {
        "name": name,
        "account": address,
        "tokens": str(s.contracts.balance(address)),
        "staked": str(held.staked),
        "locked": str(held.locked),
        "free": str(held.free),
        "unbonding": [{"wei": str(amount), "ready_at": at} for amount, at in s.contracts.unbonding(address)],
        "tasks": [
            {"task": row.task, "role": row.role, "wei": str(row.amount), "left": row.until_round} for row in served
        ],
    }


def _show(s: Session, name: str) -> None:
    from assay.api.amounts import formatted
    from assay.types import Role

    state = _state(s, name)
    now = s.client.head().time
    money = {kind: formatted(int(state[kind])) for kind in ("tokens", "staked", "locked", "free")}
    typer.echo(
        f"{name} {money['tokens']} ASY · staked {money['staked']}, locked {money['locked']}, free {money['free']}"
    )
    for row in state["tasks"]:
        left = "" if row["left"] is None else f", until round {row['left']}"
        typer.echo(f"task {row['task']} {Role(row['role']).name.lower()} {formatted(int(row['wei']))}{left}")
    for one in state["unbonding"]:
        wait = one["ready_at"] - now
        when = f"in {duration(wait)}" if wait > 0 else "now"
        typer.echo(f"{formatted(int(one['wei']))} can be withdrawn {when}")
