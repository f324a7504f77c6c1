"""Running a role:

In the foreground with signals, or detached with a pid file and a log. Decides nothing about the work.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from assay.cli import local
from assay.cli.amount import duration, program
from assay.cli.env import require_some_trusted
from assay.cli.processes import stop_all
from assay.cli.session import Session
from assay.errors import Refused, Unavailable

if TYPE_CHECKING:
    from assay.roles.config import NodeConfig

ASY: Final = 10**18
WATCH_SECONDS: Final = 3.0
FINISH_SECONDS: Final = 120.0
OPEN_ROUNDS: Final = 3  # submissions that may be open at once: one in work, one being checked, one waiting for its end


@dataclass(frozen=True)
class Node:
    """A node to run: its role, the account that acts, and where it serves."""

    role: str
    name: str
    host: str
    port: int
    advertise: str | None
    detach: bool


def run(s: Session, node: Node, more: dict[str, Any]) -> None:
    """Run a node until it is done or stopped. Refused if the account's node runs already."""
    if node.role in {"trainer", "validator"}:
        require_some_trusted(s)
    process = local.node(s.home, node.name)
    if (pid := process.pid()) is not None and pid != os.getpid():
        raise Refused(
            f"{node.name}'s node runs already (pid {pid}): `{program()} {node.role} stop --as {node.name}` first"
        )
    if s.dry_run:
        s.screen.result({"dry_run": True, "role": node.role, "name": node.name}, f"would run {node.role} {node.name}")
        return
    if node.detach:
        _detach(s, node, more)
        return
    serving = {"host": node.host, "port": node.port, "advertise": node.advertise}
    config = s.node_config(node.name, **serving, **more)
    process.adopt(os.getpid())
    try:
        with _stoppable(s.screen.say, node.role) as stop, _narrated(s, config, node.role):
            _role(node.role)(config, stop, s.screen.line)
    finally:
        process.pid_file.unlink(missing_ok=True)


def labels_file(path: Path | None) -> Path | None:
    """Return where a node finds its owner's labels. Refused if there is no such file, or it isn't one of labels."""
    if path is None:
        return None
    from assay.model.env.preferences import read_labels

    if not path.is_file():
        raise Refused(f"--labels {path}: there is no such file; `assay label` makes one")
    read_labels(path)
    return path.absolute()


def observe(s: Session, host: str, port: int, folder: Path) -> None:
    """Run the API: an observer whose key signs nothing and is thrown away."""
    from assay.api.app import create_app
    from assay.chain.keys import LocalSigner
    from assay.cli.measured import beside
    from assay.roles.observer import run as run_observer

    serving = {"host": host, "port": port, "home": folder, "store_url": f"sqlite:///{folder / 'store.db'}"}
    config = s.node_config(local.API_NODE, signer=LocalSigner(os.urandom(32)), **serving)
    with _stoppable(s.screen.say, "api") as stop:
        run_observer(config, stop, s.screen.line, partial(create_app, evaluations=beside(s)))


def stop(s: Session, name: str) -> None:
    """Stop a node in the background as Ctrl-C would: a validator finishes its open reveal."""
    process = local.node(s.home, name)
    if process.pid() is None:
        s.screen.result({"stopped": []}, f"{name} has no node running")
        return
    s.screen.say(f"stops {name}; a validator finishes its open reveal first")
    stopped = stop_all([process], signal.SIGINT, FINISH_SECONDS)
    s.screen.result({"stopped": stopped}, f"stopped {name}")


def require_task(s: Session, task: int | None) -> int:
    """Return the task to serve: the one named, else the only one that isn't over. Refused if that isn't clear."""
    with s.records() as store:
        rows = store.tasks()
    if task is not None:
        if task not in {row.id for row in rows}:
            raise Refused(f"there is no task {task} on chain {s.client.chain_id}")
        return task
    alive = [row.id for row in rows if row.state in {"published", "running"}]
    if len(alive) != 1:
        have = f"tasks {', '.join(map(str, alive))} are open" if alive else "no task is open"
        raise Refused(f"say which task with --task: {have}")
    return alive[0]


def require_admitted(s: Session, task: int) -> None:
    """Refuse a private task to which the acting account has redeemed no invite."""
    if s.contracts.terms(task)["isPrivate"] and not s.contracts.admits(task, s.names.address(s.actor)):
        asked = s.names.of(s.contracts.initiator(task))
        how = f"ask {asked} for an invite, then {program()} invite redeem LINE"
        raise Refused(f"task {task} is private, and {s.actor} isn't admitted: {how}")


def trainer_stake(s: Session, task: int, asked: int | None) -> int:
    """Return the wei to enlist: what was asked, else what three open submissions risk. Refused if it can't back one."""
    from assay.api.amounts import formatted

    terms = s.contracts.terms(task)
    each = int(terms["bond"]) + int(terms["seats"]) * int(terms["seatFee"])
    if asked is not None and asked < each:
        raise Refused(f"--stake {formatted(asked)} is too small: one submission risks {formatted(each)}")
    return asked if asked is not None else -(-OPEN_ROUNDS * each // ASY) * ASY


def validator_stake(s: Session, task: int | None, asked: int | None) -> int:
    """Return the wei to enlist. Refused if none was named and the account isn't enlisted yet."""
    from assay.api.amounts import formatted

    if asked is not None:
        return asked
    if task is not None:
        lot = s.contracts.lot(task, s.names.address(s.actor))
        if lot.hi:
            return (lot.hi - lot.lo) * 10**9
        least = formatted(int(s.contracts.terms(task)["minStake"]))
        raise Refused(
            f"{s.actor} isn't enlisted for task {task}: add --stake TOKENS (the task starts at {least} in all)"
        )
    raise Refused(f"say how much {s.actor} stakes for each task: --stake TOKENS, such as --stake 100")


def check_fault(role: str, fault: str | None) -> None:
    """Refuse a fault that isn't one of the role's."""
    if fault is None:
        return
    from assay.roles import trainer, voting

    known = trainer.FAULTS if role == "trainer" else voting.FAULTS
    if fault not in known:
        raise Refused(f"--fault {fault!r} isn't known; known: {', '.join(known)}")


def canary_rounds(s: Session, task: int, text: str | None) -> frozenset[int]:
    """Return the rounds that `--canaries 2,4` names. Refused if it names none, or one that the task doesn't have."""
    if text is None:
        return frozenset()
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise Refused(f"--canaries: {text!r} isn't a list of rounds; write 2 or 2,4")
    rounds, last = frozenset(map(int, parts)), int(s.contracts.terms(task)["rounds"])
    if wrong := sorted(r for r in rounds if not 1 <= r <= last):
        raise Refused(f"--canaries: task {task} has rounds 1 to {last}, not {wrong[0]}")
    return rounds


def expectation(s: Session, task: int | None, wei: int) -> str:
    """Return what a stake may expect, before it is locked: share, seats, and the way out."""
    from assay.api.amounts import formatted

    leave = f"exit takes {_minutes(s.contracts.unbonding_period())}"
    with s.records() as store:
        open_ = [row for row in store.tasks() if row.state in {"published", "running"} and task in {None, row.id}]
    if not open_:
        return f"stake {formatted(wei)} for each task · no task is open, waits for one · {leave}"
    row = open_[-1]
    mine = s.contracts.lot(row.id, s.names.address(s.actor))
    line = s.contracts.line(row.id) + (0 if mine.hi else wei // 10**9)
    share = (mine.hi - mine.lo if mine.hi else wei // 10**9) / line if line else 1.0
    seats = int(row.terms["seats"])
    if not mine.hi and s.contracts.line(row.id) == 0:
        return f"stake {formatted(wei)} · the first in task {row.id}, its share falls as others enlist · {leave}"
    return f"stake {formatted(wei)} ({share:.0%}) · expect {share * seats:.1f} of {seats} seats a submission · {leave}"


def _minutes(seconds: int) -> str:
    return f"{seconds // 60} min" if seconds % 60 == 0 and seconds < 7200 else duration(seconds)


def _role(name: str) -> Callable[[NodeConfig, threading.Event, Callable[[str], None]], None]:
    import importlib

    module = importlib.import_module(f"assay.roles.{name}")
    found: Callable[[NodeConfig, threading.Event, Callable[[str], None]], None] = module.run
    if name == "initiator":
        from assay.api.app import create_app

        return partial(module.run, app=create_app)
    return found


@contextmanager
def _narrated(s: Session, config: NodeConfig, role: str) -> Iterator[None]:
    """Tell beside the role what its rounds come to: drawn or not, promised, paid, or why not."""
    from assay.cli.narrator import Narrator

    if role == "initiator":
        yield
        return
    narrator = Narrator(config, s.screen.line)
    narrator.start()
    try:
        yield
    finally:
        narrator.stop()


@contextmanager
def _stoppable(say: Callable[[str], None], role: str) -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C or SIGTERM sets; the second one ends the process at once."""
    stop = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        first = "finishes the open reveal; " if role == "validator" else ""
        if number == signal.SIGINT:
            say(f"stopping: {first}Ctrl-C again stops at once")
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _detach(s: Session, node: Node, more: dict[str, Any]) -> None:
    if s.settings.secret() is None:
        raise Refused(f"a node in the background can't ask for {node.name}'s password: set ASSAY_PASSWORD_FILE")
    process = local.node(s.home, node.name)
    arguments = [node.role, "run", "--as", node.name, "--rpc", s.rpc, "--host", node.host, "--port", str(node.port)]
    arguments += ["--advertise", node.advertise] if node.advertise else []
    arguments += ["--task", str(more["task"])] if more.get("task") else []
    arguments += ["--stake", _exact(more["stake"])] if more.get("stake") else []
    arguments += ["--fault", more["fault"], "--fault-from", str(more["fault_from"])] if more.get("fault") else []
    arguments += ["--canaries", ",".join(map(str, sorted(more["canaries"])))] if more.get("canaries") else []
    arguments += [] if more.get("challenge", True) else ["--no-challenge"]
    arguments += ["--labels", str(more["labels"])] if more.get("labels") else []
    pid = process.start(local.command(s, *arguments), s.settings.child_environment())
    deadline = time.monotonic() + WATCH_SECONDS
    while time.monotonic() < deadline:
        if process.pid() is None:
            last = " · ".join(process.tail(1)) or "no output"
            raise Unavailable(f"{node.role} {node.name} ended at once: {last} (log: {process.log})")
        time.sleep(0.2)
    hint = f"{program()} logs {node.name} -f · stop: {program()} {node.role} stop --as {node.name}"
    s.screen.result(
        {"name": node.name, "pid": pid, "log": str(process.log)}, f"{node.role} {node.name} runs, pid {pid} · {hint}"
    )


def _exact(wei: int) -> str:
    from assay.protocol.fields import tokens

    return tokens(wei)
