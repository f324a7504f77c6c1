"""A hundred connections that say nothing, and what they cost others: the 99th percentile of a chunk's time."""

from __future__ import annotations

import http.client
import socket
import time
from contextlib import ExitStack
from typing import Any

from swarm_room import MEGA, Made, room

from assay.artifact.folder import open_artifact

IDLE, ASKED = 100, 3000


def measure(quick: bool) -> dict[str, Any]:
    """Return the p99 of a chunk with 100 idle connections over the p99 without, from alternating blocks."""
    asked = 300 if quick else ASKED
    with room() as here:
        made = here.make(20 * MEGA)
        node = here.node(made)
        host, port = node.uri.removeprefix("http://").split(":")
        digests = [chunk.digest.hex() for chunk in open_artifact(made.folder, 1 << 40).manifest.chunks()]
        alone: list[float] = []
        crowded: list[float] = []
        _ask(host, int(port), made, digests, 100)
        for _ in range(3):
            alone += _ask(host, int(port), made, digests, asked // 3)
            with ExitStack() as stack:
                for number in range(IDLE):
                    connection = stack.enter_context(socket.create_connection((host, int(port))))
                    if number % 2:  # half say nothing at all, half begin a request and leave it at that
                        connection.sendall(b"GET /a HTTP/1.1\r\nHost: x\r\nX-Slow: ")
                crowded += _ask(host, int(port), made, digests, asked // 3)
    return {
        "p99_ratio": _p99(crowded) / _p99(alone),
        "idle": {"connections": IDLE, "requests": asked, "p99_ms": [_p99(alone) * 1e3, _p99(crowded) * 1e3]},
    }


def _ask(host: str, port: int, made: Made, digests: list[str], count: int) -> list[float]:
    connection, seconds = http.client.HTTPConnection(host, port, timeout=10), []
    for number in range(count):
        start = time.monotonic()
        connection.request("GET", f"/a/0x{made.root.hex()}/0x{digests[number % len(digests)]}")
        answer = connection.getresponse()
        answer.read()
        seconds.append(time.monotonic() - start)
        if answer.status != 200:
            raise RuntimeError(f"the node answers {answer.status}")
    connection.close()
    return seconds


def _p99(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.99)]
