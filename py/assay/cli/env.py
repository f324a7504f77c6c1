"""`assay env list|trust`: which environments this machine runs. Only trusted ones, by the hash of their code, are."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from assay.cli.session import Session, session
from assay.errors import Refused
from assay.protocol.fields import Option

app = typer.Typer()
FILE = "distrusted.json"


@app.command(name="list")
def list_(ctx: typer.Context) -> None:
    """List the environments that are installed, with the hash that a task pins them by.

    Example: `assay env list`
    """
    s = session(ctx)
    rows = _installed(s)
    shown = [[row["name"], row["options"], row["hash"], "yes" if row["trusted"] else "no"] for row in rows]
    s.screen.result(rows, lambda: s.screen.table(["environment", "options", "hash", "trusted"], shown))


@app.command()
def trust(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(help="Name or hash of an installed environment.")],
    revoke: Annotated[bool, typer.Option("--revoke", help="Don't run it any more.")] = False,
) -> None:
    """Run tasks of an environment on this machine, or no longer. Built-in ones are trusted from the start.

    Examples: `assay env trust digits` · `assay env trust digits --revoke`
    """
    s = session(ctx)
    found = [row for row in _installed(s) if environment in {row["name"], row["hash"]}]
    if not found:
        raise Refused(
            f"no installed environment is called or hashed {environment}: code that isn't installed is never run"
        )
    refused = _distrusted(s)
    changed = {row["hash"] for row in found}
    refused = refused | changed if revoke else refused - changed
    s.home.mkdir(parents=True, exist_ok=True)
    (s.home / FILE).write_text(json.dumps(sorted(refused)) + "\n")
    word = "is no longer trusted" if revoke else "is trusted"
    s.screen.result(_installed(s), f"{found[0]['name']} {found[0]['hash'][:10]} {word}")


def require_trusted(s: Session, name: str, content: bytes, options: dict[str, Option]) -> None:
    """Refuse an environment that isn't installed with exactly this hash, or that was distrusted here."""
    from assay.protocol.hashing import hex32
    from assay.roles.base import environment

    here = environment(name, options)
    if here != content:
        raise Refused(f"environment.hash: the task pins {name} {hex32(content)[:10]}, here is {hex32(here)[:10]}")
    if hex32(here) in _distrusted(s):
        raise Refused(f"environment {name} isn't trusted on this machine: `assay env trust {name}`")


def require_some_trusted(s: Session) -> None:
    """Refuse to work where every installed environment was distrusted: no task's code may run here then.

    A node runs no environment but the installed ones, by hash; that is checked where it is run.
    """
    refused = _distrusted(s)
    if refused and not any(row["trusted"] for row in _installed(s)):
        raise Refused("no environment is trusted on this machine: `assay env trust NAME`")


def _installed(s: Session) -> list[dict[str, Any]]:
    from assay.protocol import templates
    from assay.protocol.hashing import hex32
    from assay.roles.base import environment

    refused, rows = _distrusted(s), []
    for template in templates.names():
        pinned = templates.blank(template).environment
        name, options = pinned.name, pinned.options
        content = hex32(environment(name, options))
        shown = ", ".join(f"{key}={value}" for key, value in options.items())
        rows.append({"name": name, "options": shown, "hash": content, "trusted": content not in refused})
    return rows


def _distrusted(s: Session) -> set[str]:
    try:
        return set(json.loads((s.home / FILE).read_text()))
    except FileNotFoundError:
        return set()
    except (OSError, ValueError) as error:
        raise Refused(
            f"{s.home / FILE} isn't a list of hashes: delete it to trust the built-in environments again"
        ) from error
