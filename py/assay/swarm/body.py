"""A part of a file as the body of an answer: read in pieces of 1 MiB, sent no faster than the node wants to.

Knows nothing of what the file is. Doesn't end an answer that nobody reads: `door` does.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from io import BufferedReader

from fastapi import HTTPException, Response
from starlette.types import Receive, Scope, Send

from assay.swarm.rate import Rate

PIECE_BYTES = 1 << 20
MAX_OPEN = 256
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

    def enter(self) -> None:
        """Begin an answer; an HTTPException 503 when too many are under way."""
        if self.open >= MAX_OPEN:
            raise HTTPException(503, "too many downloads at once", {"Retry-After": str(RETRY_SECONDS)})
        self.open += 1

    async def pace(self, size: int) -> None:
        """Wait until `size` bytes may go out."""
        wait = self.rate.reserve(size, time.monotonic())
        if wait > 0:
            await asyncio.sleep(wait)


class FileBody(Response):
    """`size` bytes of an open file from `offset`; the file is closed when they are sent or the client is gone."""

    def __init__(
        self, outlet: Outlet, source: BufferedReader, offset: int, size: int, headers: dict[str, str], status: int = 200
    ) -> None:
        outlet.enter()
        super().__init__(status_code=status, headers={**headers, "Content-Length": str(size)})
        self.media_type = "application/octet-stream"
        self._outlet, self._source, self._offset, self._size = outlet, source, offset, size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with self._source:
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                if scope["method"] == "HEAD":
                    await send({"type": "http.response.body", "body": b""})
                    return
                at, end = self._offset, self._offset + self._size
                while at < end:
                    size = min(PIECE_BYTES, end - at)
                    await self._outlet.pace(size)
                    piece = await asyncio.to_thread(os.pread, self._source.fileno(), size, at)
                    if len(piece) < size:
                        raise OSError("the file became shorter while it was sent")
                    at += size
                    await send({"type": "http.response.body", "body": piece, "more_body": at < end})
                    if self._outlet.count is not None:
                        self._outlet.count(size)
        finally:
            self._outlet.open -= 1
