"""`assay doctor`: what is missing or wrong here, one line each, with what to do."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import typer

from assay.cli import local
from assay.cli.session import Session, session
from assay.errors import AssayError, Refused, Unavailable

LEAST_DISK: Final = 2 << 30
LEAST_SKEW: Final = 30


def doctor(ctx: typer.Context) -> None:
    """Check set-up, state folder, keys, chain, contracts and API. Exit code 3 if something is wrong.

    Example: `assay doctor`
    """
    s = session(ctx)
    found = [_try(name, check, s) for name, check in CHECKS]
    s.screen.result(
        found, lambda: s.screen.table(["", "check", ""], [[_sign(one), one["check"], one["says"]] for one in found])
    )
    if any(one["ok"] is False for one in found):
        raise typer.Exit(3)


def _sign(one: dict[str, Any]) -> str:
    return {True: "ok", False: "!!", None: "--"}[one["ok"]]


def _try(name: str, check: Callable[[Session], str], s: Session) -> dict[str, Any]:
    try:
        return {"check": name, "ok": True, "says": check(s)}
    except _Skipped as skipped:
        return {"check": name, "ok": None, "says": str(skipped)}
    except AssayError as error:
        return {"check": name, "ok": False, "says": str(error)}


class _Skipped(Exception):
    """The check doesn't apply here."""


def _python(_s: Session) -> str:
    if sys.version_info[:2] != (3, 11):
        raise Refused(f"python 3.11 is needed, this is {sys.version.split()[0]}: run `make setup`")
    return sys.version.split()[0]


def _anvil(_s: Session) -> str:
    from assay.chain.localnet import ANVIL

    if not ANVIL.is_file():
        raise Refused(f"{ANVIL} is missing: run `make setup`")
    return str(ANVIL)


def _walls(_s: Session) -> str:
    from assay.artifact.walls import MISSING, usable

    if not usable():
        raise _Skipped(MISSING)
    return "bubblewrap: jobs have no network, home or keys"


def _compiled(_s: Session) -> str:
    from assay.chain.compiled import CONTRACTS, compiled

    for name in CONTRACTS:
        compiled(name)
    return f"{len(CONTRACTS)} compiled"


def _home(s: Session) -> str:
    where = s.home if s.home.is_dir() else s.home.absolute().parent
    free = shutil.disk_usage(where).free
    if free < LEAST_DISK:
        raise Refused(f"{where} has {free >> 20} MiB left, fewer than {LEAST_DISK >> 20}")
    return f"{s.home}/ · {free >> 30} GiB free"


def _keys(s: Session) -> str:
    if not s.keys.is_dir():
        raise _Skipped("no accounts yet: `assay up` or `assay account new NAME`")
    for path in [*s.keys.glob("*.json"), *s.home.glob("password")]:
        if path.stat().st_mode & 0o077:
            raise Refused(f"others can read {path}: run `chmod 600 {path}`")
    return ", ".join(s.names.all())


def _chain(s: Session) -> str:
    head = s.client.head()
    skew = int(time.time()) - head.time
    if abs(skew) > LEAST_SKEW:
        raise Unavailable(
            f"the newest block of {s.rpc} is {skew} s from this machine's clock: no new blocks, or a wrong clock"
        )
    return f"{s.rpc} · chain {s.client.chain_id} · block {head.number}"


def _contracts(s: Session) -> str:
    from assay.chain.deploy import verify

    verify(s.client, s.deployment, own_token=False)
    return f"ledger {s.deployment.ledger}"


def _api(s: Session) -> str:
    if not s.local.get("api"):
        raise _Skipped("not up")
    if not local.healthy(f"{s.local['api']}/health"):
        raise Unavailable(f"{s.local['api']} doesn't answer: `assay logs api`, then `assay up`")
    return str(s.local["api"])


def _nodes(s: Session) -> str:
    dead = [node.name for node in local.nodes(s.home) if node.pid_file.is_file() and node.pid() is None]
    if dead:
        raise Unavailable(f"{', '.join(dead)} ended without being stopped: `assay logs {dead[0]}`")
    alive = [node.name for node in local.nodes(s.home) if node.pid() is not None]
    return ", ".join(alive) or "none running"


CHECKS: Final[tuple[tuple[str, Callable[[Session], str]], ...]] = (
    ("python", _python),
    ("anvil", _anvil),
    ("walls", _walls),
    ("compiled contracts", _compiled),
    ("state folder", _home),
    ("accounts", _keys),
    ("chain", _chain),
    ("contracts", _contracts),
    ("API", _api),
    ("nodes", _nodes),
)
