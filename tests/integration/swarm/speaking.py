"""Servers that hold a part of an artifact and say which, and plain file servers, as raw handlers."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Sequence

import numpy as np

from integration.swarm.nodes import Handler, answer
from integration.swarm.seeds import Seed

_SPAN = re.compile(r"Range: bytes=(\d+)-(\d+)")


class Part:
    """A node that holds some chunks of a seed, and knows other nodes. Counts what it is asked."""

    def __init__(self, seed: Seed, held: Sequence[int], peers: Sequence[str] = ()) -> None:
        self.seed, self.held, self.peers = seed, set(held), list(peers)
        self.chunks = seed.manifest.chunks()
        self.asked: list[str] = []
        self.sent: list[int] = []
        self.busy = 0
        self.guard = threading.Lock()

    def __call__(self, connection: socket.socket, path: str) -> None:
        self.asked.append(path)
        if path.endswith("/manifest"):
            answer(connection, self.seed.honest(path))
        elif path.endswith("/peers"):
            answer(connection, json.dumps([{"uri": uri} for uri in self.peers]).encode())
        elif "/have" in path:
            bits = [i in self.held for i in range(len(self.chunks))]
            answer(connection, np.packbits(bits).tobytes())
        else:
            self._chunk(connection, path)

    def _chunk(self, connection: socket.socket, path: str) -> None:
        i = next(k for k, chunk in enumerate(self.chunks) if path.endswith(chunk.digest.hex()))
        with self.guard:
            busy, self.busy = self.busy > 0, max(0, self.busy - 1)
        if busy:
            answer(connection, b"busy", "Retry-After: 0", status="503 Busy")
        elif i in self.held:
            self.sent.append(i)
            answer(connection, self.seed.honest(path))
        else:
            answer(connection, b"not here", status="404 Not Found")


def plain(seed: Seed, prefix: str = "", spans: list[tuple[int, int]] | None = None) -> Handler:
    """A server of files with Range and nothing else; needs `raw(..., whole=True)`."""
    folder = seed.store.folder(seed.root)

    def handle(connection: socket.socket, request: str) -> None:
        path = request.split(" ")[1]
        start = f"{prefix}/{seed.root.hex()}/"
        if not path.startswith(start):
            answer(connection, b"<html>", status="404 Not Found")
            return
        body, match = (folder / path.removeprefix(start)).read_bytes(), _SPAN.search(request)
        if match is None:
            answer(connection, body)
            return
        first, last = int(match[1]), min(int(match[2]), len(body) - 1)
        if spans is not None:
            spans.append((first, last))
        span = f"Content-Range: bytes {first}-{last}/{len(body)}"
        answer(connection, body[first : last + 1], span, status="206 Partial Content")

    return handle
