"""Runs an environment's functions in a child process with limits per call, so that its code can't harm a round.

A call that hangs, raises, dies, forks, eats memory or gives megabytes has a reason instead of a value, the child is
started again where it died, and the next call goes on. Calls go over in batches: a batch is one message, its answers
come back one by one. Knows no tokens. It doesn't hide files or keys; where bubblewrap is installed the jobs that use it
run behind walls (`artifact.walls`).
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import assay
from assay.errors import Refused, Unavailable
from assay.model.env.child import HEADER, MAX_ANSWER, MAX_REQUEST
from assay.protocol.fields import Option

Log = Callable[[str], None]
BATCH: Final = 1024
MAX_DEATHS: Final = 16
"""So many calls of one batch may end the child; the rest of it then isn't tried."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one call: seconds of CPU and of wall time; of the child: address space in bytes, open files, start."""

    cpu: float = 10.0
    wall: float = 60.0
    memory: int = 2 << 30
    files: int = 64
    start: float = 120.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call gave, or why it gave nothing."""

    value: Any = None
    reason: str = ""


class _Gone(Exception):
    """The child can't answer any more; the message says why."""


class Host:
    """One environment in a child process. Thread-safe; ends with `close`, with this object, or with this process."""

    def __init__(
        self, target: str, options: Mapping[str, Option], limits: Limits | None = None, log: Log | None = None
    ) -> None:
        """`target` is "module:function", which makes a `TextEnvironment` of `options`. `log` gets a line a failure."""
        self._setup = {"target": target, "options": dict(options)}
        self._limits, self._log = limits or Limits(), log
        self._lock = threading.Lock()
        self._child: _Child | None = None

    def about(self) -> dict[str, Any]:
        """Return how many `seeds` the environment has and what else it `can`.

        Raises:
            Refused: making it failed. Unavailable: no process could be started, or it took too long.
        """
        with self._lock:
            return self._running().about

    def ask(self, what: str, calls: Sequence[Sequence[Any]]) -> list[Answer]:
        """Call one function (render, score, answer, pair, item) with each of many arguments, and return the answers."""
        found: list[Answer] = []
        with self._lock:
            for at in range(0, len(calls), BATCH):
                found += self._batch(what, [list(call) for call in calls[at : at + BATCH]])
        for call, answer in zip(calls, found, strict=True):
            if answer.reason and self._log is not None:
                self._log(f"{what} of item {call[0]}: {answer.reason}")
        return found

    def close(self) -> None:
        """End the child."""
        with self._lock:
            if self._child is not None:
                self._child.end()
            self._child = None

    def _batch(self, what: str, calls: list[list[Any]]) -> list[Answer]:
        found: list[Answer] = []
        deaths = 0
        while len(found) < len(calls):
            if deaths >= MAX_DEATHS:
                left = len(calls) - len(found)
                found += [Answer(reason=f"not tried: {deaths} calls before it ended their process")] * left
                break
            child = self._running()
            try:
                child.send({"what": what, "calls": calls[len(found) :]}, self._limits.wall)
                while len(found) < len(calls):
                    found.append(_answer(child.receive(self._limits.wall)))
            except _Gone as gone:
                found.append(Answer(reason=str(gone)))
                deaths += 1
                child.end()
                self._child = None
        return found

    def _running(self) -> _Child:
        if self._child is not None and self._child.usable():
            return self._child
        child = _Child()
        try:
            child.send({**self._setup, **asdict(self._limits)}, self._limits.start)
            first = child.receive(self._limits.start)
        except _Gone as gone:
            child.end()
            raise Unavailable(f"the environment's process {gone}") from None
        if "value" not in first:
            child.end()
            said = str(first.get("broken", "it didn't say why"))
            raise Refused(f"the environment can't be made: {said.removeprefix('Refused: ')}")
        child.about = first["value"]
        self._child = child
        return child


def _answer(frame: dict[str, Any]) -> Answer:
    if "value" in frame:
        return Answer(frame["value"])
    return Answer(reason=str(frame.get("reason", "no value"))[:1000])


class _Child:
    """The process and its two pipes; `_Gone` is raised where it doesn't answer."""

    def __init__(self) -> None:
        package = str(Path(assay.__file__).parent.parent)
        variables = {
            "PYTHONPATH": package,
            "PYTHONHASHSEED": "0",  # else sets of strings have another order in each process
            "PYTHONDONTWRITEBYTECODE": "1",
            "LC_ALL": "C.UTF-8",
            "MPLCONFIGDIR": tempfile.gettempdir(),  # matplotlib asks for one; nothing is written
            **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
        }
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-P", "-m", "assay.model.env.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=variables,
                start_new_session=True,
            )
        except OSError as error:
            raise Unavailable(f"the environment's process can't be started: {error.strerror}") from error
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: S101  pipes, as asked
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        self._owner = os.getpid()
        self._held = bytearray()
        self.about: dict[str, Any] = {}
        self._end = weakref.finalize(self, _end, self._process, self._owner)

    def usable(self) -> bool:
        """Tell whether it lives, and is this process's own: a fork must not share it."""
        return self._owner == os.getpid() and self._process.poll() is None

    def send(self, request: dict[str, Any], seconds: float) -> None:
        data = json.dumps(request).encode()
        if len(data) > MAX_REQUEST:
            raise _Gone(f"can't be asked with {len(data)} bytes")
        rest, until = memoryview(len(data).to_bytes(HEADER, "big") + data), time.monotonic() + seconds
        while rest:
            self._wait(self._in, select.POLLOUT, until, seconds)
            try:
                rest = rest[os.write(self._in, rest) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise _Gone(self._how()) from None

    def receive(self, seconds: float) -> dict[str, Any]:
        until = time.monotonic() + seconds
        while True:
            if len(self._held) >= HEADER:
                size = int.from_bytes(self._held[:HEADER], "big")
                if size > MAX_ANSWER:
                    raise _Gone("wrote what isn't an answer")
                if len(self._held) >= HEADER + size:
                    data = bytes(self._held[HEADER : HEADER + size])
                    del self._held[: HEADER + size]
                    return _frame(data)
            self._wait(self._out, select.POLLIN, until, seconds)
            more = os.read(self._out, 1 << 16)
            if not more:
                raise _Gone(self._how())
            self._held += more

    def end(self) -> None:
        self._end()

    def _wait(self, handle: int, event: int, until: float, seconds: float) -> None:
        poll = select.poll()
        poll.register(handle, event)
        if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
            raise _Gone(f"took more than {seconds:g} s")

    def _how(self) -> str:
        try:
            code = self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            return "closed its pipe"
        if code == -signal.SIGXCPU:
            return "took more CPU time than it may"
        return f"died of {signal.Signals(-code).name}" if code < 0 else f"left with exit code {code}"


def _frame(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _Gone("wrote what isn't an answer")
    return found


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    if owner != os.getpid():  # a fork's copy of the object: the process isn't its own
        return
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(OSError, subprocess.TimeoutExpired):
        process.wait(5.0)
