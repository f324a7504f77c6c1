"""`assay invite create|redeem|revoke|show`: who may enlist in a private task. Creating one sends nothing."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.amount import program, span
from assay.cli.session import Session, session
from assay.errors import Refused

if TYPE_CHECKING:
    from assay.protocol.invite import Invite

app = typer.Typer()
Token = Annotated[str, typer.Argument(help="The line that `invite create` printed.")]
Task = Annotated[int, typer.Argument(min=1, metavar="TASK", help="The private task's number.")]


@app.command()
def create(
    ctx: typer.Context,
    task: Task,
    account: Annotated[str, typer.Argument(help="Who is invited: an address, or a local account's name.")],
    expires_in: Annotated[str, typer.Option("--for", metavar="DURATION", help="How long it can be redeemed.")] = "7d",
) -> None:
    """Sign an invite for one account and print it as one line to send to it. Works once; sends nothing, costs no gas.

    Example: `assay invite create 1 0x52908400098527886E0F7030069857D2E4169EE7 --for 2d --as alice`
    """
    from assay.protocol.invite import Invite

    s = session(ctx)
    name, invited, seconds = s.actor, s.names.address(account), span(expires_in, "--for")
    _require_private(s, task)
    _require_initiator(s, task, name)
    if s.contracts.admits(task, invited):
        raise Refused(f"{s.names.of(invited)} is admitted to task {task} already")
    nonce, expiry, here = secrets.randbits(64), s.client.head().time + seconds, s.contracts.deployment
    if expiry >= 1 << 64:
        raise Refused("--for is too long")
    if s.dry_run:
        s.screen.result({"dry_run": True}, f"would invite {s.names.of(invited)} to task {task} until {_clock(expiry)}")
        return
    signature = s.contracts.invite(s.signer(name), task, invited, nonce, expiry)
    places = (bytes.fromhex(here.invites[2:]), task, bytes.fromhex(invited[2:]))
    invite = Invite(here.chain_id, *places, nonce, expiry, signature)
    s.screen.result({**_data(s, invite), "token": invite.token()}, invite.token())
    who = f"admits {s.names.of(invited)} to task {task} until {_clock(expiry)}"
    s.screen.say(f"{who} · there: {program()} invite redeem LINE")


@app.command()
def redeem(ctx: typer.Context, token: Token) -> None:
    """Redeem an invite: the account in it may then enlist, for good. Anyone may send it.

    Example: `assay invite redeem assay-invite-AQAAAA… --as bob`
    """
    from assay.roles.money import send

    s = session(ctx)
    invite = _here(s, token)
    who = s.names.of(_address(invite.account))
    if s.contracts.admits(invite.task, _address(invite.account)):
        raise Refused(f"{who} is admitted to task {invite.task} already")
    _require_usable(s, invite)
    if s.preview(_data(s, invite), f"admits {who} to task {invite.task}", "redeem?"):
        receipt = send(s.node_config(s.actor), "redeem", _redeeming(s, invite))
        text = f"{who} may enlist in task {invite.task} now, block {receipt.block}"
        s.screen.result({**_data(s, invite), "block": receipt.block}, text)


@app.command()
def revoke(ctx: typer.Context, token: Token) -> None:
    """Make an invite that nobody redeemed useless. Only the initiator can, with gas of its own.

    Example: `assay invite revoke assay-invite-AQAAAA… --as alice`
    """
    from assay.roles.money import send

    s = session(ctx)
    invite, name = _here(s, token), s.actor
    _require_initiator(s, invite.task, name)
    if s.contracts.is_invite_used(invite.task, invite.nonce):
        raise Refused("the invite was redeemed or revoked already")
    who = s.names.of(_address(invite.account))
    if s.preview(_data(s, invite), f"{who}'s invite to task {invite.task} becomes useless", "revoke?"):
        receipt = send(s.node_config(name), "revoke", s.contracts.revoke(invite.task, invite.nonce))
        s.screen.result({**_data(s, invite), "block": receipt.block}, f"revoked, block {receipt.block}")


@app.command()
def show(ctx: typer.Context, token: Token) -> None:
    """Show whom an invite admits, to which task, until when, and whether it can still be redeemed. Sends nothing.

    Example: `assay invite show assay-invite-AQAAAA…`
    """
    s = session(ctx)
    invite = _here(s, token)
    state = _state(s, invite)
    who = s.names.of(_address(invite.account))
    text = f"admits {who} to task {invite.task} until {_clock(invite.expiry)} · {state}"
    s.screen.result({**_data(s, invite), "state": state}, text)


def _require_private(s: Session, task: int) -> None:
    if int(s.contracts.initiator(task), 16) == 0:
        raise Refused(f"there is no task {task} on chain {s.client.chain_id}")
    if not s.contracts.terms(task)["isPrivate"]:
        raise Refused(f"task {task} is open to everyone: nobody needs an invite")


def _require_initiator(s: Session, task: int, name: str) -> None:
    initiator = s.contracts.initiator(task)
    if initiator.lower() != s.names.address(name).lower():
        raise Refused(f"only {s.names.of(initiator)}, who published task {task}, invites to it")


def _here(s: Session, token: str) -> Invite:
    from assay.protocol.invite import parse

    invite, here = parse(token), s.contracts.deployment
    if (invite.chain_id, _address(invite.contract)) != (here.chain_id, here.invites):
        theirs = f"chain {invite.chain_id}, contract {_address(invite.contract)}"
        raise Refused(f"the invite is for {theirs}; here are chain {here.chain_id} and {here.invites}")
    return invite


def _state(s: Session, invite: Invite) -> str:
    if s.contracts.is_invite_used(invite.task, invite.nonce):
        admitted = s.contracts.admits(invite.task, _address(invite.account))
        return "redeemed" if admitted else "revoked"
    if s.client.head().time > invite.expiry:
        return "expired"
    return "open" if _is_genuine(s, invite) else "not signed by the task's initiator"


def _require_usable(s: Session, invite: Invite) -> None:
    state = _state(s, invite)
    if state != "open":
        raise Refused(f"the invite can't be redeemed: it is {state}")


def _is_genuine(s: Session, invite: Invite) -> bool:
    call = _redeeming(s, invite)
    try:
        s.client.call(call.to, call.data)
    except Refused:
        return False
    return True


def _redeeming(s: Session, invite: Invite) -> Any:
    place = (invite.task, _address(invite.account))
    return s.contracts.redeem(*place, invite.nonce, invite.expiry, invite.signature)


def _address(raw: bytes) -> str:
    from eth_utils.address import to_checksum_address

    return str(to_checksum_address(raw))


def _data(s: Session, invite: Invite) -> dict[str, Any]:
    account = _address(invite.account)
    about = {"task": invite.task, "account": account, "name": s.names.of(account)}
    return {**about, "nonce": str(invite.nonce), "expires_at": invite.expiry}


def _clock(when: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(when))
