"""`assay swarm`: fetch, serve and verify artifacts, and see what a node moves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Final

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


@app.command()
def serve(
    ctx: typer.Context,
    task: Annotated[int | None, typer.Option(min=1, metavar="T", help="Only this task; default: every one.")] = None,
    host: Annotated[str, typer.Option(help="Address to serve on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to serve on; 0 takes a free one.")] = 0,
    advertise: Annotated[str | None, typer.Option(metavar="URL", help="Where others reach this node.")] = None,
    versions: Annotated[int, typer.Option(min=1, help="Newest checkpoints of a task to keep.")] = 5,
    quota: Annotated[str | None, typer.Option(metavar="BYTES", help="Disk to use, such as 200GB.")] = None,
    upload: Annotated[str | None, typer.Option(metavar="RATE", help="Bytes a second to give, such as 20MB/s.")] = None,
    download: Annotated[str | None, typer.Option(metavar="RATE", help="Bytes a second to take.")] = None,
) -> None:
    """Keep the newest checkpoints of tasks and serve them, also for nodes that can't be reached. Ctrl-C stops it.

    Examples: `assay swarm serve --as dora` · `assay swarm serve --task 1 --as dora --upload 20MB/s --quota 200GB`
    """
    from assay.cli import running

    s = session(ctx)
    if task is not None:
        running.require_task(s, task)
    limits: dict[str, Any] = {
        "quota": size.parse(quota, "--quota") if quota else s.settings.quota,
        "upload": size.parse_rate(upload, "--upload") if upload else s.settings.upload,
        "download": size.parse_rate(download, "--download") if download else s.settings.download,
    }
    node = running.Node("seeder", s.actor, host, port, advertise, detach=False)
    running.run(s, node, {"task": task, "versions": versions, **limits})


@app.command()
def status(
    ctx: typer.Context,
    at: Annotated[str | None, typer.Argument(metavar="URL", help="A node; default: your own, by --as.")] = None,
) -> None:
    """Show what a node holds and fetches, what it has measured of its sources, and whom it has banned and why.

    Examples: `assay swarm status --as carol` · `assay swarm status http://127.0.0.1:8701`
    """
    from assay.roles.sharing import status_of

    s = session(ctx)
    url = at or _own_url(s)
    found = status_of(url, at is not None or s.client.chain_id == LOCAL_CHAIN)
    try:
        s.screen.result({**found, "url": url}, lambda: _show(s, found, url))
    except (KeyError, TypeError, ValueError) as error:  # a stranger's words
        raise Refused(f"{url} doesn't say how it stands: {error}") from error


def _own_url(s: Session) -> str:
    kept = s.node_folder(s.actor) / "port"
    if not kept.is_file():
        raise Refused(f"{s.actor} has no node that ran from {s.home} on a port of its own: name its URL")
    return f"http://127.0.0.1:{kept.read_text().strip()}"


def _show(s: Session, found: dict[str, Any], url: str) -> None:
    of = f" of {size.shown(found['quota'])}" if found.get("quota") else ""
    typer.echo(f"{url} · {found['artifacts']} artifacts, {size.shown(found['bytes'])}{of}")
    typer.echo(f"{found['news']['releases']} releases, {found['news']['nodes']} nodes known")
    for one in found["fetching"]:
        typer.echo(f"fetches {one['root'][:10]}: {one['here']} of {one['chunks']} chunks")
    rows = [
        [
            str(peer["uri"]), size.shown(peer["received"]), f"{size.shown(peer['bytes_per_second'])}/s",
            f"{peer['success']:.0%}", str(peer["failures"]), str(peer["banned"]),
        ]
        for peer in found["sources"]
    ]  # fmt: skip
    if rows:
        s.screen.table(["source", "received", "rate", "success", "failures", "banned for"], rows)


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
