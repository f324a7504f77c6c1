"""`assay swarm`: fetch, serve and verify artifacts, and see what a node moves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from assay.cli import size
from assay.cli.session import LOCAL_CHAIN, Session, session
from assay.errors import Refused

app = typer.Typer()

_ROOT: Final = re.compile(r"0x[0-9a-f]{64}")
MAX_FETCHED: Final = "64GB"
"""Of an artifact that is named by its root alone; a task's own limit holds for what belongs to a task."""


@app.command()
def fetch(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(help="A task's number, or an artifact's root.")],
    out: Annotated[Path, typer.Argument(help="A folder that isn't there yet.")],
    from_: Annotated[
        list[str] | None, typer.Option("--from", metavar="URL", help="Who has it; default: who serves the task.")
    ] = None,
    round_: Annotated[int | None, typer.Option("--round", min=0, help="Of the task; default: the newest.")] = None,
    most: Annotated[str, typer.Option("--max", metavar="BYTES", help="The largest artifact to take.")] = MAX_FETCHED,
    limit: Annotated[str | None, typer.Option(metavar="RATE", help="Bytes a second to take, such as 20MB/s.")] = None,
) -> None:
    """Bring a checkpoint, or any artifact, here: from everyone who has it, each chunk checked, resumed if stopped.

    Examples: `assay swarm fetch 1 newest` · `assay swarm fetch 1 second --round 2`
    · `assay swarm fetch 0x20be… base --from https://seed.example:9000 --limit 20MB/s`
    """
    from assay.cli import taken
    from assay.roles.sharing import fetch_root, link_to, paced

    s = session(ctx)
    if out.exists():
        raise Refused(f"{out} is there already: name a folder that isn't")
    rate = paced(None if limit is None else size.parse_rate(limit, "--limit"))
    with s.screen.bar("fetch") as progress:
        if _ROOT.fullmatch(what):
            if round_ is not None:
                raise Refused("--round goes with a task's number")
            uris, private = from_ or _everyone(s), bool(from_) or s.client.chain_id == LOCAL_CHAIN
            bound = size.parse(most, "--max")
            folder = fetch_root(bytes.fromhex(what[2:]), uris, s.home / "taken", bound, rate, private, progress)
        else:
            task = _number(what)
            folder = taken.of_task(s, task, round_, progress, first=from_ or (), rate=rate)[0].folder
    made = link_to(folder, out)
    s.screen.result(made, f"{made['kind']} {made['root']} · {size.shown(made['bytes'])} in {out}")


@app.command()
def verify(
    ctx: typer.Context,
    folder: Annotated[str, typer.Argument(help="An artifact's folder, or a root of this home.")],
    task: Annotated[int | None, typer.Option(min=1, metavar="T", help="Also compare with this task's chain.")] = None,
) -> None:
    """Hash every chunk of an artifact, print its root, and say what the chain calls it.

    Examples: `assay swarm verify newest` · `assay swarm verify 0x20be --task 1`
    """
    from assay.cli import taken
    from assay.roles.sharing import known_as, verified

    s = session(ctx)
    found = verified(taken.folder(s, folder))
    if task is not None:
        with s.records() as store:
            found["known_as"] = known_as(store, task, bytes.fromhex(found["root"][2:]))
    lines = [f"whole: {found['kind']} {found['root']}", f"{size.shown(found['bytes'])} in {found['chunks']} chunks"]
    if task is not None:
        lines.append(f"task {task} knows it as {found['known_as'] or 'nothing'}")
    s.screen.result(found, "\n".join(lines))
    if task is not None and not found["known_as"]:
        raise Refused(f"task {task} names no such root on chain")


def _number(what: str) -> int:
    if not (what.isascii() and what.isdigit() and len(what) < 10):
        raise Refused(f"{what} is neither a task's number nor a root of 0x and 64 digits")
    return int(what)


def _everyone(s: Session) -> list[str]:
    """The addresses of all who serve a task that isn't over."""
    with s.records() as store:
        open_ = [row for row in store.tasks() if row.state in {"published", "running"}]
        found = [uri for row in open_ for uri in (row.uri, *(one.uri for one in store.enlistments(row.id))) if uri]
    if not found:
        raise Refused("no open task names an address: say who has it with --from URL")
    return list(dict.fromkeys(found))
