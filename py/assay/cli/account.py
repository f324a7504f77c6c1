"""`assay account new|list|import|fund`: keys by name, encrypted in the home folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from assay.cli.amount import parse
from assay.cli.session import LOCAL_CHAIN, Session, session
from assay.errors import Refused

app = typer.Typer()


@app.command()
def new(ctx: typer.Context, name: Annotated[str, typer.Argument(help="Lower-case letters, digits, dashes.")]) -> None:
    """Make a new key.

    Example: `assay account new dave`
    """
    from assay.chain.keys import create

    s = session(ctx)
    entry = create(s.keys, name, _new_password(s, name))
    _made(s, entry.name, entry.address)


@app.command(name="import")
def import_(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Name to keep it under.")],
    file: Annotated[Path, typer.Argument(help="A keystore file, or a file with the private key in hex.")],
) -> None:
    """Take over a key from a file. A key never belongs on the command line, where every process can read it.

    Example: `assay account import dave ~/dave-keystore.json`
    """
    from assay.chain import keys

    s = session(ctx)
    try:
        text = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file} can't be read as text") from error
    if text.startswith("{"):
        theirs = str(typer.prompt(f"password of {file.name}", hide_input=True, err=True))
        entry = keys.import_file(s.keys, name, file, _new_password(s, name), theirs)
    else:
        entry = keys.import_key(s.keys, name, _hex_key(text, file), _new_password(s, name))
    _made(s, entry.name, entry.address)


@app.command(name="list")
def list_(ctx: typer.Context) -> None:
    """List the local accounts.

    Example: `assay account list --json`
    """
    s = session(ctx)
    rows = [{"name": name, "address": address} for name, address in s.names.all().items()]
    if not rows:
        s.screen.result([], "no accounts yet: `assay up` makes some, `assay account new NAME` one")
        return
    s.screen.result(
        rows, lambda: s.screen.table(["account", "address"], [[row["name"], row["address"]] for row in rows])
    )


@app.command()
def fund(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A local account.")],
    amount: Annotated[str, typer.Option(help="Tokens that it should have in all.")] = "1000",
) -> None:
    """Give an account tokens and gas. On the local chain only; elsewhere tokens are bought or earned.

    Example: `assay account fund dave --amount 500`
    """
    from assay.api.amounts import formatted
    from assay.cli.local import fund as give

    s = session(ctx)
    s.names.require(name)
    wei = parse(amount)
    if s.client.chain_id != LOCAL_CHAIN:
        raise Refused(
            f"{s.rpc} serves chain {s.client.chain_id}: only the local chain {LOCAL_CHAIN} has money to give away"
        )
    if s.dry_run:
        s.screen.result({"dry_run": True}, f"would bring {name} up to {formatted(wei)} ASY")
        return
    give(s, s.client, [name], wei)
    held = s.contracts.balance(s.names.address(name))
    s.screen.result({"name": name, "tokens": str(held)}, f"{name} has {formatted(held)} ASY")


def _made(s: Session, name: str, address: str) -> None:
    data: dict[str, Any] = {"name": name, "address": address, "file": str(s.keys / f"{name}.json")}
    s.screen.result(data, f"{name} {address} · key: {data['file']}")


def _new_password(s: Session, name: str) -> str:
    secret = s.settings.secret()
    if secret is not None:
        return secret
    if s.screen.as_json or s.screen.yes:
        raise Refused(f"no password for {name}: set ASSAY_PASSWORD_FILE")
    return str(typer.prompt(f"new password for {name}", hide_input=True, confirmation_prompt=True, err=True))


def _hex_key(text: str, file: Path) -> bytes:
    try:
        key = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        key = b""
    if len(key) != 32:
        raise Refused(f"{file} holds neither a keystore nor a private key of 64 hex digits")
    return key
