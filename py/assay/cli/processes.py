"""Processes that outlive the command that started them: pid file, log, stop.

A pid file holds the pid and the start time of the process, so that a pid that the system gave to another process is
never taken for ours, let alone stopped. Knows nothing of what the processes do.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from assay.errors import Unavailable

KILL_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Detached:
    """A process by name, with its pid file and its log."""

    name: str
    pid_file: Path
    log: Path

    def pid(self) -> int | None:
        """Return the pid while the process runs, else None."""
        try:
            kept = json.loads(self.pid_file.read_text())
            pid, started = (kept["pid"], kept["started"]) if isinstance(kept, dict) else (int(kept), None)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        now = _started(pid)
        return pid if now is not None and started in {None, now} else None

    def start(self, argv: Sequence[str], environment: Mapping[str, str]) -> int:
        """Start the process in its own session with its output in the log;

        Return its pid. One that runs already is kept.
        """
        if (running := self.pid()) is not None:
            return running
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            pid = _spawn(argv, environment, log)
        self.adopt(pid)
        return pid

    def adopt(self, pid: int) -> None:
        """Write the pid file for a process that runs."""
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        self.pid_file.write_text(json.dumps({"pid": pid, "started": _started(pid)}) + "\n")

    def tail(self, lines: int) -> list[str]:
        """Return the last lines of the log."""
        try:
            return self.log.read_text(errors="replace").splitlines()[-lines:]
        except FileNotFoundError:
            return []


def stop_all(processes: Iterable[Detached], how: signal.Signals, seconds: float) -> list[str]:
    """Send `how` to all that run, wait up to `seconds`, kill what is left, remove the pid files;

    Return the names of what ran.
    """
    stopping: list[tuple[Detached, int, str | None]] = []
    for process in processes:
        pid = process.pid()
        if pid is None:
            process.pid_file.unlink(missing_ok=True)
            continue
        stopping.append((process, pid, _started(pid)))
        _send(pid, how)
    deadline = time.monotonic() + seconds
    for process, pid, started in stopping:
        # A process removes its pid file before it has ended: only the pid itself tells when it is gone.
        if not _gone_by(pid, started, deadline):
            _send(pid, signal.SIGKILL)
            if not _gone_by(pid, started, time.monotonic() + KILL_SECONDS):
                raise Unavailable(f"{process.name} (pid {pid}) doesn't stop, even killed")
        process.pid_file.unlink(missing_ok=True)
    return [process.name for process, _, _ in stopping]


def _gone_by(pid: int, started: str | None, deadline: float) -> bool:
    while started is not None and _started(pid) == started:
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
    return True


def _spawn(argv: Sequence[str], environment: Mapping[str, str], log: IO[bytes]) -> int:
    return subprocess.Popen(
        list(argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(environment), start_new_session=True
    ).pid


def _send(pid: int, how: signal.Signals) -> None:
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return


def _started(pid: int) -> str | None:
    """Return when the process started, in the system's own unit;

    None if it doesn't run or has ended without being waited for.
    """
    with suppress(ChildProcessError, OverflowError):
        os.waitpid(pid, os.WNOHANG)  # reaps it when it is our own child
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else fields[19]
