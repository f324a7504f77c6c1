"""What the sandbox tests run in its children."""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assay.errors import Broken, Refused, Unavailable
from assay.types import Reason


def echo(args: dict[str, Any]) -> dict[str, Any]:
    return {"pid": os.getpid(), **args}


def environment(args: dict[str, Any]) -> dict[str, Any]:
    return dict(os.environ)


def hog(args: dict[str, Any]) -> dict[str, Any]:
    kept = []
    while True:
        kept.append(bytearray(1 << 20))


def shared_hog(args: dict[str, Any]) -> dict[str, Any]:
    kept = []
    while True:
        kept.append(mmap.mmap(-1, 1 << 28))


def spin(args: dict[str, Any]) -> dict[str, Any]:
    while True:
        pass


def nap(args: dict[str, Any]) -> dict[str, Any]:
    time.sleep(60)
    return {}


def segfault(args: dict[str, Any]) -> dict[str, Any]:
    ctypes.string_at(0)
    return {}


def leave(args: dict[str, Any]) -> dict[str, Any]:
    os._exit(7)


def killed(args: dict[str, Any]) -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def fail(args: dict[str, Any]) -> dict[str, Any]:
    raise ValueError("no such thing")


def refuse(args: dict[str, Any]) -> dict[str, Any]:
    raise Refused("too far", Reason.STEP, 3, 0.5, 0.25)


def unavailable(args: dict[str, Any]) -> dict[str, Any]:
    raise Unavailable("later")


def broken(args: dict[str, Any]) -> dict[str, Any]:
    raise Broken("stop")


def large(args: dict[str, Any]) -> dict[str, Any]:
    return {"text": "x" * args["size"]}


def not_json(args: dict[str, Any]) -> dict[str, Any]:
    return {"value": object()}


def many_files(args: dict[str, Any]) -> dict[str, Any]:
    return {"handles": [os.open("/dev/null", os.O_RDONLY) for _ in range(1000)]}


def orphan(args: dict[str, Any]) -> dict[str, Any]:
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    return {"pid": pid}


def look(args: dict[str, Any]) -> dict[str, Any]:
    """Try what a thief would: read files, write files, reach a port, see other processes."""
    return {
        "read": [_tried(lambda path=path: bool(Path(path).read_bytes())) for path in args["read"]],
        "write": [_tried(lambda path=path: bool(Path(path).write_text("x"))) for path in args["write"]],
        "reach": _tried(lambda: socket.create_connection(("127.0.0.1", args["port"]), 2.0) is not None),
        "processes": len([one for one in Path("/proc").iterdir() if one.name.isdigit()]),
        "user": _tried(lambda: bool(list(Path.home().iterdir()))),
    }


def _tried(act: Callable[[], bool]) -> bool:
    try:
        return act()
    except OSError:
        return False
