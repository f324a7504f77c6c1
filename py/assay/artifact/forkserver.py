"""The process from which `sandbox` forks its jobs. Run as `python -m assay.artifact.forkserver FD MODULE…`.

It stays single-threaded and does nothing but fork, watch and kill. When its control socket closes, because the owner
closed it or died, it kills all jobs and leaves. Knows nothing of results: a job writes its own.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import math
import os
import resource
import selectors
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from assay.errors import AssayError, Refused

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_OPEN_FILES = 256
_MAPPED_SLACK = 1 << 30
"""Address space beyond the data limit, for files that are mapped and for reserved but unused ranges."""


@dataclass(frozen=True, slots=True)
class _Child:
    pid: int
    watch: int
    status: int
    deadline: float


def main(arguments: list[str]) -> None:
    """Import the modules, then serve jobs until the control socket closes."""
    control = socket.socket(fileno=int(arguments[0]))
    failure = None
    for module in arguments[1:]:
        try:
            importlib.import_module(module)
        except Exception as error:  # noqa: BLE001  whatever an import raises goes to whoever asks for a job
            failure = f"can't import {module}: {error}"
    gc.collect()
    gc.freeze()  # forks share these objects instead of copying them at the first collection
    _Server(control, failure).serve()


class _Server:
    def __init__(self, control: socket.socket, failure: str | None) -> None:
        self._control, self._failure = control, failure
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ, None)
        self._children: dict[int, _Child] = {}
        self._late: set[int] = set()

    def serve(self) -> None:
        while True:
            for key, _ in self._selector.select(self._wait()):
                if key.data is None:
                    if not self._accept():
                        self._kill_all()
                        return
                elif key.data.pid in self._children:
                    self._on_event(key.fd, key.data)
            now = time.monotonic()
            for child in list(self._children.values()):
                if child.deadline <= now and child.pid not in self._late:
                    self._late.add(child.pid)
                    _kill(child.pid)

    def _wait(self) -> float | None:
        deadlines = [child.deadline for pid, child in self._children.items() if pid not in self._late]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _accept(self) -> bool:
        message, handles, _, _ = socket.recv_fds(self._control, 65536, 3)
        if not message or len(handles) != 3:
            return False
        given, returned, status = handles
        request = json.loads(message)
        try:
            if self._failure is not None:
                _tell(status, {"broken": self._failure})
            else:
                self._fork(request, given, returned, status)
        finally:
            os.close(given)
            os.close(returned)
        return True

    def _fork(self, request: dict[str, Any], given: int, returned: int, status: int) -> None:
        server = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            os.close(status)  # the owner reads this as "the sandbox stopped": try again later
            return
        if pid == 0:
            try:
                self._leave(status)
                _work(request, given, returned, server)
            finally:
                os._exit(1)
        child = _Child(pid, os.pidfd_open(pid), status, time.monotonic() + request["seconds"])
        self._children[pid] = child
        self._selector.register(child.watch, selectors.EVENT_READ, child)
        self._selector.register(child.status, selectors.EVENT_READ, child)  # reports only that the owner hung up

    def _leave(self, status: int) -> None:
        """In the child: let go of everything that belongs to the server."""
        self._selector.close()
        self._control.close()
        os.close(status)
        for other in self._children.values():
            os.close(other.watch)
            os.close(other.status)

    def _on_event(self, handle: int, child: _Child) -> None:
        _kill(child.pid)
        if handle == child.watch:
            self._reap(child)
        else:
            self._selector.unregister(child.status)
            self._late.add(child.pid)

    def _reap(self, child: _Child) -> None:
        _, code = os.waitpid(child.pid, 0)
        number = os.WTERMSIG(code) if os.WIFSIGNALED(code) else 0
        late = number == signal.SIGKILL and child.pid in self._late
        with suppress(KeyError):
            self._selector.unregister(child.status)
        self._selector.unregister(child.watch)
        os.close(child.watch)
        _tell(child.status, {"signal": number, "late": late, "code": None if number else os.WEXITSTATUS(code)})
        self._late.discard(child.pid)
        del self._children[child.pid]

    def _kill_all(self) -> None:
        for pid in self._children:
            _kill(pid)
        for pid in self._children:
            os.waitpid(pid, 0)


def _kill(pid: int) -> None:
    """Kill a child that isn't reaped yet, and all of its process group."""
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def _tell(status: int, message: dict[str, Any]) -> None:
    with suppress(BrokenPipeError):
        os.write(status, json.dumps(message).encode())
    os.close(status)


def _work(request: dict[str, Any], given: int, returned: int, server: int) -> NoReturn:
    """In the child: limit, run, write the result and leave without any clean-up."""
    os.setsid()
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != server:
        os._exit(1)
    os.lseek(given, 0, os.SEEK_SET)
    with os.fdopen(given, "rb") as source:
        args = json.loads(source.read())
    _limit(int(request["memory"]), float(request["cpu"]))
    answer = _answer(request["target"], args)
    os.ftruncate(returned, 0)
    with os.fdopen(returned, "wb") as sink:
        sink.write(answer)
    os._exit(0)


def _answer(target: str, args: dict[str, Any]) -> bytes:
    try:
        module, name = target.split(":")
        function = getattr(importlib.import_module(module), name)
        return json.dumps({"value": function(args)}, allow_nan=False).encode()
    except AssayError as error:
        plain: dict[str, Any] = {"kind": type(error).__name__, "message": str(error)}
        if isinstance(error, Refused):
            plain["reason"] = int(error.reason)
            plain |= {name: _finite(getattr(error, name)) for name in ("leaf", "value", "threshold")}
    except ImportError as error:
        plain = {"kind": "Broken", "message": f"can't import {target}: {error}"}
    except MemoryError:
        plain = {"kind": "Refused", "message": f"{target} needs more memory for its input than it may have"}
    except Exception as error:  # noqa: BLE001  strangers' bytes made it fail: the sentence goes to the owner
        plain = {"kind": "Refused", "message": f"{target} failed on its input: {type(error).__name__}: {error}"[:1000]}
    return json.dumps({"error": plain}).encode()


def _finite(value: float | None) -> float | None:
    return value if value is None or math.isfinite(value) else None


def _limit(memory: int, cpu: float) -> None:
    """Bound what is allocated from here on.

    RLIMIT_DATA counts private writable memory, so that torch's 10 GB and more of mapped but unused address space don't
    matter; RLIMIT_AS on top catches shared mappings.
    """
    page = resource.getpagesize()
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()
    space, data = int(pages[0]) * page, int(pages[5]) * page
    seconds = math.ceil(cpu)
    for kind, limit in (
        (resource.RLIMIT_DATA, data + memory),
        (resource.RLIMIT_AS, space + memory + _MAPPED_SLACK),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, memory),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        bounded = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (bounded, hard if kind == resource.RLIMIT_CPU else bounded))


if __name__ == "__main__":
    main(sys.argv[1:])
