"""Run a function over strangers' bytes in a child process with limits, so that only the child can die of them.

A fork server imports the heavy modules once; each job is a fork of it. Arguments and results are JSON in anonymous
files, never objects. Usable from several threads. No process outlives `close` or the death of this one.

Knows nothing of what the function does. Protects against crashes, endless loops and memory hogs. With `walls` (where
`walls.usable`) also against code that wants network, keys or other files; without, those stay open to it.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from assay.artifact import strict
from assay.artifact.walls import Walls
from assay.errors import AssayError, Broken, Refused, Unavailable
from assay.types import Reason

RESULT_BYTES = 16 << 20
START_SECONDS = 60.0
"""How long the fork server may take for its imports, on top of a job's own seconds."""
_TARGET = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*")
_KINDS: dict[str, type[AssayError]] = {"Unavailable": Unavailable, "Broken": Broken}
_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_LATE = (signal.SIGXCPU, signal.SIGALRM)


def run(
    target: str, args: Mapping[str, Any], memory_bytes: int, seconds: float, preload: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Run one job in a fork server of its own; see `Sandbox.run`."""
    with Sandbox(preload) as sandbox:
        return sandbox.run(target, args, memory_bytes, seconds)


class Job:
    """A started job. Dropping it kills the child."""

    def __init__(self, target: str, result: int, status: int, seconds: float) -> None:
        self._target, self._result, self._status, self._seconds = target, result, status, seconds
        self._give_up = time.monotonic() + START_SECONDS + seconds
        self._lock = threading.Lock()
        self._outcome: dict[str, Any] | AssayError | None = None

    def done(self) -> bool:
        """Whether `result` would return or raise at once."""
        with self._lock:
            self._settle(0.0)
            return self._outcome is not None

    def result(self) -> dict[str, Any]:
        """Wait for the job and return its JSON.

        Raises:
            Refused: the job refused, raised, was stopped by its memory limit or crashed on its input.
            Unavailable: its time is up, or it was killed from outside: the input isn't to blame.
            Broken: the job said so, or a module that it needs can't be imported.
        """
        with self._lock:
            self._settle(max(0.0, self._give_up - time.monotonic()))
            if self._outcome is None:
                self._outcome = Unavailable(f"{self._target} didn't start within {START_SECONDS:.0f} s")
                self._release()
            if isinstance(self._outcome, AssayError):
                raise self._outcome
            return self._outcome

    def cancel(self) -> None:
        """Kill the child if it still runs; `result` then raises Unavailable."""
        with self._lock:
            if self._outcome is None:
                self._outcome = Unavailable(f"{self._target} was cancelled")
                self._release()

    def _settle(self, wait: float) -> None:
        if self._outcome is None and _readable(self._status, wait):
            data = os.read(self._status, 65536)
            try:
                self._outcome = self._read(json.loads(data) if data else None)
            except AssayError as error:
                self._outcome = error
            self._release()

    def _read(self, status: dict[str, Any] | None) -> dict[str, Any]:
        if status is None:
            raise Unavailable(f"the sandbox stopped while {self._target} ran")
        if "broken" in status:
            raise Broken(str(status["broken"]))
        number = status.get("signal", 0)
        if status.get("late") or number in _LATE:
            raise Unavailable(f"{self._target} took more than {self._seconds:g} s")
        if number in _OUTSIDE:
            raise Unavailable(f"{self._target} was killed from outside ({signal.Signals(number).name})")
        if number or status.get("code") != 0:
            how = signal.Signals(number).name if number else f"exit code {status.get('code')}"
            raise Refused(f"{self._target} died of its input ({how})", Reason.SCHEMA)
        return self._value()

    def _value(self) -> dict[str, Any]:
        size = os.fstat(self._result).st_size
        if size > RESULT_BYTES:
            raise Refused(f"{self._target} returned {size} bytes, more than {RESULT_BYTES}", Reason.SIZE)
        answer = strict.load(os.pread(self._result, size, 0), RESULT_BYTES, f"the result of {self._target}")
        if "value" in answer:
            value: dict[str, Any] = answer["value"]
            return value
        error = answer["error"]
        if error["kind"] in _KINDS:
            raise _KINDS[error["kind"]](error["message"])
        reason = Reason(error.get("reason", Reason.SCHEMA))
        raise Refused(error["message"], reason, error.get("leaf"), error.get("value"), error.get("threshold"))

    def _release(self) -> None:
        for handle in (self._result, self._status):
            if handle >= 0:
                os.close(handle)
        self._result = self._status = -1

    def __del__(self) -> None:
        self._release()


class Sandbox:
    """A fork server that keeps `preload` imported, and the jobs in it.

    Args:
        preload: modules to import once, before the first job.
        threads: OpenMP and BLAS threads of a job.
        environment: variables to set besides; nothing of this process's environment is passed on.
        walls: what of the file system is there, and no network; None: all of it.
    """

    def __init__(
        self,
        preload: tuple[str, ...] = (),
        *,
        threads: int = 1,
        environment: Mapping[str, str] | None = None,
        walls: Walls | None = None,
    ) -> None:
        self._preload, self._threads = tuple(preload), threads
        self._environment = dict(environment or {})
        self._walls = walls
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._closed = False

    def warm(self) -> None:
        """Start the imports now instead of at the first job; returns at once."""
        with self._lock:
            self._ensure()

    def start(self, target: str, args: Mapping[str, Any], memory_bytes: int, seconds: float) -> Job:
        """Start `function(args)` of "module:function" in a child.

        Args:
            memory_bytes: what the child may allocate beyond the preloaded modules.
            seconds: wall time from the fork; CPU time is held to that times `threads`.

        Raises:
            Refused: a malformed target, or arguments that aren't JSON.
            Unavailable: no process can be started now.
        """
        if not _TARGET.fullmatch(target):
            raise Refused(f"{target!r} isn't module:function")
        try:
            encoded = json.dumps(args, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise Refused(f"the arguments of {target} aren't JSON: {error}") from error
        request = {"target": target, "memory": memory_bytes, "seconds": seconds, "cpu": seconds * self._threads + 1}
        try:
            return self._send(target, json.dumps(request).encode(), encoded, seconds)
        except OSError as error:
            raise Unavailable(f"can't start {target}: {error}") from error

    def run(self, target: str, args: Mapping[str, Any], memory_bytes: int, seconds: float) -> dict[str, Any]:
        """Start a job and wait for its result; raises what `start` and `Job.result` raise."""
        return self.start(target, args, memory_bytes, seconds).result()

    def close(self) -> None:
        """Kill all jobs and the fork server, and wait until they are gone."""
        with self._lock:
            self._closed = True
            self._stop()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, target: str, request: bytes, args: bytes, seconds: float) -> Job:
        given = os.memfd_create("args", os.MFD_CLOEXEC)
        returned = os.memfd_create("result", os.MFD_CLOEXEC)
        seen, told = os.pipe()
        job = Job(target, returned, seen, seconds)
        try:
            with os.fdopen(os.dup(given), "wb") as sink:
                sink.write(args)
            with self._lock:
                socket.send_fds(self._ensure(), [request], [given, returned, told])
        finally:
            os.close(given)
            os.close(told)
        return job

    def _ensure(self) -> socket.socket:
        if self._closed:
            raise Broken("the sandbox is closed")
        # the server never writes here: a readable socket is one whose other end is gone
        if self._control is None or _readable(self._control.fileno(), 0.0):
            self._stop()
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                number = theirs.fileno()
                around = self._walls.command() if self._walls else []
                self._server = subprocess.Popen(
                    [*around, sys.executable, "-m", "assay.artifact.forkserver", str(number), *self._preload],
                    pass_fds=(number,),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=self._variables(),
                    start_new_session=True,
                )
            ours.settimeout(START_SECONDS)
            self._control = ours
        return self._control

    def _variables(self) -> dict[str, str]:
        threads = str(self._threads)
        return {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "HOME": "/nonexistent",
            "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            **self._environment,
        }

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._server is not None:
            try:
                self._server.wait(1.0)
            except subprocess.TimeoutExpired:
                self._server.kill()  # still importing; its jobs die with it
                self._server.wait()
        self._control = self._server = None


def _readable(handle: int, wait: float) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN | select.POLLHUP)
    return bool(poll.poll(wait * 1000))
