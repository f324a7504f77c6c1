"""`assay relay send|show|cancel`: calls that an account without gas signed, and that anyone sends.

Signing is `--sign-only`, added to the command whose calls are meant.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.amount import duration
from assay.cli.session import Session, session
from assay.errors import Refused

if TYPE_CHECKING:
    from assay.chain.request import Request

app = typer.Typer()
File = Annotated[Path, typer.Argument(help="What --sign-only printed; - reads it from stdin.")]


@app.command()
def send(ctx: typer.Context, file: File) -> None:
    """Send a signed request and pay its gas; its calls act for whoever signed it. All of them happen, or none.

    Examples: `assay stake exit 50 --as carol --sign-only > request.json` · `assay relay send request.json --as alice`
    """
    from assay.roles.money import send as send_call

    s = session(ctx)
    request = _read(file)
    call, state = request.call(s.contracts), _state(s, request)
    if state != "open":
        raise Refused(f"the request can't be sent: it is {state}")
    payer = s.actor
    data = request.to_json(s.contracts)
    if s.preview(data, f"{_words(s, request)}\n{payer} pays the gas", "send?"):
        receipt = send_call(s.node_config(payer), "relay", call)
        done = {"account": request.account, "nonce": str(request.nonce), "block": receipt.block}
        s.screen.result(done, f"sent for {s.names.of(request.account)}, block {receipt.block}")


@app.command()
def show(ctx: typer.Context, file: File) -> None:
    """Show what a signed request does, for whom, until when, and whether it can still be sent. Sends nothing.

    Example: `assay relay show request.json`
    """
    s = session(ctx)
    request = _read(file)
    state = _state(s, request)
    s.screen.result({**request.to_json(s.contracts), "state": state}, f"{_words(s, request)}\n{state}")


@app.command()
def cancel(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="The signed request; or name its nonce.")] = None,
    nonce: Annotated[int | None, typer.Option(min=0, help="The nonce of the request.")] = None,
) -> None:
    """Make a signed request useless before its deadline. Only the account that signed it can, with gas of its own.

    Examples: `assay relay cancel request.json --as carol` · `assay relay cancel --nonce 7 --as carol`
    """
    from assay.roles.money import cancel_nonce

    s = session(ctx)
    name = s.actor
    if (file is None) == (nonce is None):
        raise Refused("name the signed request's file or its --nonce, one of them")
    if file is not None:
        request = _read(file)
        if request.account.lower() != s.names.address(name).lower():
            raise Refused(f"only {s.names.of(request.account)}, who signed the request, can cancel it")
        nonce = request.nonce
    if nonce is None or nonce >= 1 << 256:
        raise Refused("a nonce has at most 256 bits")
    if s.contracts.is_nonce_used(s.names.address(name), nonce):
        raise Refused(f"the request with nonce {nonce} was sent or cancelled already")
    if s.preview({"nonce": str(nonce)}, f"{name}'s request with nonce {nonce} becomes useless", "cancel?"):
        receipt = cancel_nonce(s.node_config(name), nonce)
        s.screen.result({"nonce": str(nonce), "block": receipt.block}, f"cancelled, block {receipt.block}")


def _read(file: Path) -> Request:
    from assay.chain.request import parse

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise Refused(f"there is no file {file}; add --sign-only to a command to make one") from error
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file} can't be read as text") from error
    return parse(text)


def _state(s: Session, request: Request) -> str:
    call = request.call(s.contracts)
    if s.contracts.is_nonce_used(request.account, request.nonce):
        return "sent or cancelled already"
    if s.client.head().time > request.deadline:
        return "expired"
    try:
        s.client.call(call.to, call.data)
    except Refused as error:
        return f"refused by the contracts now: {str(error).rstrip('.')}"
    return "open"


def _words(s: Session, request: Request) -> str:
    left = request.deadline - s.client.head().time
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(request.deadline))
    until = f"{when}, {duration(left)} left" if left >= 0 else when
    calls: list[Any] = [f"  {s.contracts.what_is(call)}" for call in request.calls]
    return "\n".join([f"for {s.names.of(request.account)}, until {until}:", *calls])
