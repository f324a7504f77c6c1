"""What the sandbox tests run in its children."""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import time
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
