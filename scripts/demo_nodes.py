"""The processes of a demo: one-shot commands and long-running nodes of the `assay` command, started with one home, one
chain and one password file, and ended together. Knows no plot.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from assay.chain import localnet
from assay.errors import Broken, Refused, Unavailable
from assay.store.engine import Store, open_store

PASSWORD = "local demo keys, no value"  # noqa: S105 - nothing of value is behind it
STOP_SECONDS = 20.0


def alone(path: Path) -> IO[str]:
    """Hold a lock until the process ends, so that two demos never share a folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Refused(f"another demo runs in {path.parent.parent}: wait for it, or use another checkout") from None
    return lock


class Nodes:
    """Starts and ends the demo's processes. Logs lie in `folder`, keys and records in its `home`."""

    def __init__(self, root: Path, folder: Path, rpc: str) -> None:
        self.root, self.folder, self.home, self.rpc = root, folder, folder / "home", rpc
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "password").write_text(PASSWORD)
        (self.home / "password").chmod(0o600)

    def __contains__(self, name: object) -> bool:
        return name in self._running

    def command(self, name: str, *words: str, output: Path | None = None) -> subprocess.Popen[bytes]:
        """Start `assay … --as name words`; its standard output goes to a file."""
        log = (self.folder / "commands.log").open("ab")
        out = output.open("wb") if output else log
        return subprocess.Popen(
            self._words(name, *words), stdout=out, stderr=log, env=self._environment(), cwd=self.root
        )

    def finish(self, process: subprocess.Popen[bytes], what: str, seconds: float) -> None:
        """Wait for a command. Unavailable when it takes too long, Broken when it fails."""
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Unavailable(f"`assay {what}` took more than {seconds:.0f} s") from None
        if code:
            raise Broken(f"`assay {what}` failed with exit code {code}:\n{self.tail(self.folder / 'commands.log')}")

    def start(self, name: str, *words: str) -> None:
        """Start a node that runs until `stop`."""
        log = (self.folder / f"{name}.log").open("ab")
        self._running[name] = subprocess.Popen(
            self._words(name, *words),
            stdout=log,
            stderr=log,
            env=self._environment(),
            cwd=self.root,
            preexec_fn=localnet.mortal(os.getpid()),  # noqa: PLW1509 - as Anvil: nobody outlives a demo that is killed
        )

    def check_alive(self) -> None:
        """Raise Broken when a node has ended with an error, with the end of its log."""
        for name, process in self._running.items():
            if process.poll() not in {None, 0, -signal.SIGTERM}:
                raise Broken(
                    f"{name} ended with exit code {process.returncode}:\n{self.tail(self.folder / f'{name}.log')}"
                )

    def said(self) -> str:
        """Return what the nodes said last."""
        return "\n".join(f"{name}: {self.tail(self.folder / f'{name}.log', 3)}" for name in self._running)

    def stop(self) -> list[str]:
        """Stop all nodes; return the names of those that didn't end by themselves in time."""
        for process in self._running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        until, killed = time.monotonic() + STOP_SECONDS, []
        for name, process in self._running.items():
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                killed.append(name)
        return killed

    def store(self, name: str) -> Store | None:
        """Open the records of a node; None before it has any."""
        path = self.home / "nodes" / name / "store.db"
        return open_store(f"sqlite:///{path}") if path.exists() else None

    @staticmethod
    def tail(path: Path, lines: int = 12) -> str:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])

    def _words(self, name: str, *words: str) -> list[str]:
        options = ("--home", str(self.home), "--rpc", self.rpc, "--as", name)
        return [sys.executable, "-m", "assay.cli.main", *options, *words]

    def _environment(self) -> dict[str, str]:
        own = {
            "ASSAY_PASSWORD_FILE": str(self.home / "password"),
            "ASSAY_DEPLOYMENTS": str(self.folder / "deployments"),
            "OMP_NUM_THREADS": "1",
            "PYTHONUNBUFFERED": "1",
        }
        return {**{key: value for key, value in os.environ.items() if not key.startswith("ASSAY_")}, **own}


class Staged(ABC):
    """A local chain and the processes around it, as long as a `with` block; `begin` starts what belongs to it."""

    nodes: Nodes
    anvil: localnet.Localnet

    def __init__(self, root: Path, name: str, options: localnet.LocalnetOptions, *, fresh: bool) -> None:
        """`name` is the folder below build/, which is made anew if `fresh`; a log and a state lie in it."""
        self.root, self.folder = root, root / "build" / name
        self._options, self._fresh = options, fresh

    @abstractmethod
    def begin(self) -> None:
        """Start everything on the chain that runs."""

    def __enter__(self) -> Self:
        self._lock = alone(self.folder.with_suffix(".lock"))
        if self._fresh:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.anvil = localnet.start(replace(self._options, log=self.folder / "anvil.log"))
        self.nodes = Nodes(self.root, self.folder, self.anvil.url)
        try:
            self.begin()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.nodes.stop()
        self.anvil.stop()
