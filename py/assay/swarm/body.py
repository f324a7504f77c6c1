"""A part of a file as the body of an answer: read in pieces of 1 MiB, sent no faster than the node wants to.

Knows nothing of what the file is. Doesn't end an answer that nobody reads: `door` does.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from ipaddress import ip_address

from fastapi import Response
from starlette.types import Receive, Scope, Send

from assay.swarm.rate import Rate

PIECE_BYTES = 1 << 20
MAX_OPEN, OPEN_EACH = 256, 64
"""Answers under way, in all and to one host; this machine and its proxies may have all."""
OWED_SECONDS = 5.0
"""How far the upload limit may run behind before further answers are refused: nobody waits for longer."""
RETRY_SECONDS = 1
Count = Callable[[int], None]
"""Called with the bytes of every piece that was handed to the network."""


class Outlet:
    """What all answers of a node share: its upload limit, and how many files are sent at once.

    Used in the server's event loop only.
    """

    def __init__(self, rate: Rate | None = None, count: Count | None = None) -> None:
        self.rate = rate or Rate(None)
        self.count = count
        self.open = 0
        self._hosts: Counter[str] = Counter()

    def wait(self, host: str) -> float:
        """The seconds after which a host should ask again; 0 when it is answered now."""
        owed = self.rate.reserve(0, time.monotonic())
        if owed > OWED_SECONDS:
            return owed
        busy = self.open >= MAX_OPEN or (self._hosts[host] >= OPEN_EACH and not _is_here(host))
        return RETRY_SECONDS if busy else 0.0

    @contextmanager
    def answering(self, host: str) -> Iterator[None]:
        """Count an answer while it is under way."""
        self.open += 1
        self._hosts[host] += 1
        try:
            yield
        finally:
            self.open -= 1
            self._hosts[host] -= 1
            if self._hosts[host] <= 0:
                del self._hosts[host]

    async def pace(self, size: int) -> None:
        """Wait until `size` bytes may go out."""
        wait = self.rate.reserve(size, time.monotonic())
        if wait > 0:
            await asyncio.sleep(wait)


class FileBody(Response):
    """`size` bytes of an open file from `offset`, or 503 when too much is under way.

    The file is closed when they are sent or the client is gone.
    """

    def __init__(
        self, outlet: Outlet, source: BufferedReader, offset: int, size: int, headers: dict[str, str], status: int = 200
    ) -> None:
        super().__init__(status_code=status, headers={**headers, "Content-Length": str(size)})
        self.media_type = "application/octet-stream"
        self._outlet, self._source, self._offset, self._size = outlet, source, offset, size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = str((scope.get("client") or ("",))[0])
        with self._source:
            wait = self._outlet.wait(host)
            if wait > 0:
                later = {"Retry-After": str(math.ceil(wait)), "Cache-Control": "no-store"}
                await Response("too many downloads at once", 503, later)(scope, receive, send)
                return
            with self._outlet.answering(host):
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                if scope["method"] != "HEAD":
                    await self._pieces(receive, send)
                # waits until the last piece has left: what lies in memory for a slow reader counts as under way
                await send({"type": "http.response.body", "body": b""})

    async def _pieces(self, receive: Receive, send: Send) -> None:
        """Send piece after piece; a long answer ends when its reader is gone, which `send` doesn't say."""
        at, end = self._offset, self._offset + self._size
        gone = asyncio.create_task(_gone(receive)) if self._size > PIECE_BYTES else None
        try:
            while at < end and not (gone is not None and gone.done()):
                size = min(PIECE_BYTES, end - at)
                await self._outlet.pace(size)
                piece = await self._read(size, at)
                if len(piece) < size:
                    raise OSError("the file became shorter while it was sent")
                at += size
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                if self._outlet.count is not None:
                    self._outlet.count(size)
        finally:
            if gone is not None:
                gone.cancel()

    async def _read(self, size: int, at: int) -> bytes:
        """Read at once what lies in memory, and in another thread what must come from the disk."""
        handle = self._source.fileno()
        if _in_memory(handle, at) and _in_memory(handle, at + size - 1):
            return os.pread(handle, size, at)
        return await asyncio.to_thread(os.pread, handle, size, at)


def _in_memory(handle: int, at: int) -> bool:
    """Whether one byte of a file can be read without the disk; False where the file system can't say."""
    try:
        return os.preadv(handle, [bytearray(1)], at, os.RWF_NOWAIT) == 1
    except OSError:
        return False


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return True  # no address: a local socket
