"""`assay evidence …`: whether those who voted have looked, and exhibits of evidence that is copied or made up."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from assay.cli.amount import program
from assay.cli.session import session

SHOW: Final = "show"


class Numbered(TyperGroup):
    """A group whose first command needn't be named: `evidence 1 3` is `evidence show 1 3`."""

    def parse_args(self, ctx: Any, args: Sequence[str]) -> list[str]:
        """Put the command's name before a task's number."""
        given = list(args)
        return super().parse_args(ctx, [SHOW, *given] if given and given[0].isdigit() else given)


app = typer.Typer(cls=Numbered)


@app.command(name=SHOW)
def show(
    ctx: typer.Context,
    task: Annotated[int, typer.Argument(min=1, metavar="TASK", help="The task's number.")],
    round_: Annotated[int, typer.Argument(min=1, metavar="ROUND", help="The round's number.")],
    validator: Annotated[
        str | None, typer.Argument(metavar="[VALIDATOR]", help="Only this account: a name or an address.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write an exhibit of each copied or made-up evidence here.")
    ] = None,
) -> None:
    """Fetch the evidence of a round's votes, repeat the prefills here, and say who has looked. Sends nothing.

    shown: the validator's own, near this machine's states. copied: it opens under another's address. made-up: no states
    of this model. withheld: nobody serves it; after the challenge window nobody has to. none: refused before a look at
    the model was needed. unread: the submission can't be had to compare with.

    Examples: `assay evidence 1 3` · `assay evidence 1 3 carol --out exhibits --json`
    """
    from assay.chain.keys import LocalSigner
    from assay.roles.evidence import look

    s = session(ctx)
    address = None if validator is None else s.names.address(validator)
    # It signs nothing: the key is thrown away, so that it works while a node holds the account's own.
    config = s.node_config("evidence", signer=LocalSigner(os.urandom(32)), home=s.node_folder("evidence"))
    found = look(config, task, round_, s.screen.say, address, out)
    s.screen.result(found, lambda: _table(s.screen.table, s.names.of, found["found"]))


@app.command()
def verify(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="An exhibit's folder.")],
) -> None:
    """Check an exhibit against the chain's event, without model or network beside the chain. Exit code 2 if it fails.

    Example: `assay evidence verify exhibits/0x90f7…-reveal-0`
    """
    from assay.roles.exhibit import verify as check

    s = session(ctx)
    with s.records() as store:
        shown = check(folder, store, s.client.chain_id, s.deployment.ledger)
    s.screen.result(shown, "\n".join(["the exhibit holds:", *(f"  {one}" for one in shown["shows"])]))


def _table(table: Any, name_of: Any, found: list[dict[str, Any]]) -> None:
    heads = ["validator", "by", "submission", "says", "evidence", "value", "threshold", "why"]
    table(heads, [_row(name_of, one) for one in found])
    bad = [one for one in found if one["outcome"] in {"copied", "made-up"}]
    if not bad:
        return
    folders = [one["exhibit"] for one in bad if one["exhibit"]]
    if folders:
        typer.echo(f"check an exhibit: {program()} evidence verify {folders[0]}")
    typer.echo(
        "the court has no claim for evidence: publish exhibits for jurors and for votes on appeals to read; a wrong "
        f"outcome itself goes to court with {program()} case challenge"
    )


def _row(name_of: Any, one: dict[str, Any]) -> list[str]:
    numbers = ["-" if one[name] is None else f"{one[name]:.6g}" for name in ("value", "threshold")]
    whose = f" from {name_of(one['of'])}" if one["outcome"] == "copied" else ""
    return [
        name_of(one["validator"]), one["by"], str(one["index"]), one["says"], one["outcome"] + whose, *numbers,
        one["why"],
    ]  # fmt: skip
