"""The HTTP side of news: `/r`, `/r/after/{n}` and `/a/{root}/peers`, with a bound on everything a stranger can do.

    GET  /r                 newest announcements, a JSON list
    POST /r                 announce: 204 new or known, 202 it waits for the chain
    GET  /r/after/{n}       {"next", "releases"} as soon as there is something after n, or after 25 s
    GET  /a/{root}/peers    records of nodes that hold or fetch an artifact, a JSON list
    POST /a/{root}/peers    a record: "I hold or fetch it too": 204
    POST /receipts          a receipt for this server: 204

Errors: 400 malformed or false, 404 nothing known of the artifact, 408 too slow, 409 nothing for this node (expired,
old, of a version or seeder unknown here), 413 too long, 429 and 503 with `Retry-After`.

Who asks is his IP address. Signatures are checked by one thread, with a short queue before it, so that they cost at
most one core and never the event loop. Nothing is kept for a connection: who never reads his answer holds that answer,
at most 128 KiB, until the server closes his connection.

Mount it before the routes of `server`: they take any name under /a/{root}/ for a digest.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, TypeVar

from fastapi import APIRouter, HTTPException, Path, Request, Response

from assay.artifact.strict import MAX_SAFE, dump
from assay.errors import AssayError, Refused, Unavailable
from assay.protocol.hashing import unhex32
from assay.swarm import announcement, record
from assay.swarm.announcement import ANNOUNCEMENT_BYTES
from assay.swarm.gate import READ, WRITE, Gate, Limits, TooMuch
from assay.swarm.gossip import Gossip
from assay.swarm.receipt import RECEIPT_BYTES, Received
from assay.swarm.receipt import parse as parse_receipt
from assay.swarm.record import RECORD_BYTES
from assay.swarm.releases import Taken
from assay.swarm.signed import Stale

POLL_SECONDS = 25.0
BODY_SECONDS = 5.0
QUEUED = 64
"""Calls that wait for the one thread."""
Root = Annotated[str, Path(pattern=r"^0x[0-9a-f]{64}$", description="32 bytes as 0x and lower-case hex")]
Number = Annotated[int, Path(ge=0, le=MAX_SAFE)]
T = TypeVar("T")


class Desk:
    """Where strangers' calls are let in and worked on, one at a time."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.gate = Gate(limits or Limits(), time.monotonic())
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="news")
        self._queued = 0

    def enter(self, request: Request, cost: float) -> str:
        """Count a call and return its source. Raises HTTPException 429."""
        source = request.client.host if request.client is not None else "?"
        try:
            self.gate.enter(source, cost, time.monotonic())
        except TooMuch as error:
            raise refused(429, error, error.seconds) from error
        return source

    async def work(self, source: str, what: Callable[[], T]) -> T:
        """Do it in the thread; what it raises becomes a status, and a lie counts against the source."""
        if self._queued >= QUEUED:
            raise refused(503, Unavailable("this node is busy"), 1.0)
        self._queued += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, what)
        except Stale as error:
            raise refused(409, error) from error
        except Refused as error:
            self.gate.blame(source, time.monotonic())
            raise refused(400, error) from error
        except Unavailable as error:
            raise refused(503, error, 2.0) from error
        finally:
            self._queued -= 1

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def router(gossip: Gossip, desk: Desk) -> APIRouter:
    """The routes for releases."""
    routes = APIRouter(prefix="/r", tags=["news"])

    @routes.get("")
    async def newest(request: Request) -> Response:
        """List the newest announcements."""
        source = desk.enter(request, READ)
        return _json(await desk.work(source, gossip.newest))

    @routes.get("/after/{n}")
    async def after(request: Request, n: Number) -> Response:
        """Answer when there is something after `n`, or after 25 seconds."""
        source = desk.enter(request, READ)
        try:
            desk.gate.begin_wait(source, time.monotonic())
        except TooMuch as error:
            raise refused(503, error, error.seconds) from error
        try:
            await gossip.bell.wait(lambda: gossip.is_news(n), POLL_SECONDS)
        finally:
            desk.gate.end_wait(source, time.monotonic())
        return _json(await desk.work(source, lambda: gossip.after(n)))

    @routes.post("")
    async def announce(request: Request) -> Response:
        """Announce a release."""
        source = desk.enter(request, WRITE)
        data = await _body(request, ANNOUNCEMENT_BYTES)
        taken = await desk.work(source, lambda: gossip.take(announcement.parse(data), source))
        if taken is Taken.NEW:
            desk.gate.thank(source, time.monotonic())
        return Response(status_code=202 if taken is Taken.WAITING else 204)

    return routes


def peers_router(gossip: Gossip, desk: Desk) -> APIRouter:
    """The routes for who holds or fetches an artifact."""
    routes = APIRouter(prefix="/a", tags=["news"])

    @routes.get("/{root}/peers")
    async def peers(request: Request, root: Root) -> Response:
        """List records of nodes that hold or fetch an artifact."""
        desk.enter(request, READ)
        found = [each.plain() for each in gossip.holders(unhex32(root))]
        return _json(dump(found, "the list of peers"))

    @routes.post("/{root}/peers")
    async def join(request: Request, root: Root) -> Response:
        """Say that a node holds or fetches an artifact too."""
        source = desk.enter(request, WRITE)
        if not await desk.work(source, lambda: gossip.knows(unhex32(root))):
            raise refused(404, Unavailable("this node knows nothing of that artifact"))
        data = await _body(request, RECORD_BYTES)
        await desk.work(source, lambda: gossip.take_record(unhex32(root), record.parse(data), source))
        return Response(status_code=204)

    return routes


def receipts_router(received: Received, desk: Desk) -> APIRouter:
    """The route that takes receipts."""
    routes = APIRouter(tags=["news"])

    @routes.post("/receipts")
    async def receipt(request: Request) -> Response:
        """Take a receiver's receipt for what this node served."""
        source = desk.enter(request, WRITE)
        data = await _body(request, RECEIPT_BYTES)
        await desk.work(source, lambda: received.take(parse_receipt(data)))
        return Response(status_code=204)

    return routes


def refused(status: int, error: AssayError, seconds: float | None = None) -> HTTPException:
    """An answer that says no, and when to come again; the connection ends with it."""
    headers = {"Connection": "close"}
    if seconds is not None:
        headers["Retry-After"] = str(max(1, math.ceil(seconds)))
    return HTTPException(status, str(error), headers)


async def _body(request: Request, limit: int) -> bytes:
    """Read a body of at most `limit` bytes within five seconds."""
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.stream():
                data += piece
                if len(data) > limit:
                    raise refused(413, Refused(f"at most {limit} bytes are taken"))
    except TimeoutError as error:
        raise refused(408, Unavailable("the announcement came too slowly")) from error
    return bytes(data)


def _json(body: bytes) -> Response:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(body, media_type="application/json", headers=headers)
