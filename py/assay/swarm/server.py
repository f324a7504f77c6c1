"""Serves a node's artifacts over HTTP: manifests, bitfields and chunks by digest, also of those that it still fetches.

Names from the wire are never paths: a root and a digest are hex of fixed length, looked up in the store. Knows nothing
of who asks. Doesn't limit how often a host asks: `door` counts its connections.
"""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Path, Response

from assay.artifact.folder import open_regular
from assay.errors import Unavailable
from assay.protocol.hashing import hex32, unhex32
from assay.swarm import files
from assay.swarm.body import FileBody, Outlet
from assay.swarm.chunks import ChunkStore

WAIT_SECONDS = 5.0
_LOOK_SECONDS = 0.05
_MAX_WAITING = 256
_FOREVER = "public, max-age=31536000, immutable"
Digest = Annotated[str, Path(pattern=r"^0x[0-9a-f]{64}$", description="32 bytes as 0x and lower-case hex")]
Known = Annotated[str | None, Header(alias="if-none-match")]
Held = Annotated[int, Path(ge=0, le=1 << 32, description="how many chunks the asker knows to be here")]


def router(store: ChunkStore, outlet: Outlet | None = None) -> APIRouter:
    """The routes under /a and /files over `store`; all bodies go through one outlet."""
    shared = outlet or Outlet()
    routes = APIRouter()
    artifacts = APIRouter(prefix="/a", tags=["artifacts"])
    _lists(artifacts, store)
    _bitfields(artifacts, store)
    _chunks(artifacts, store, shared)
    routes.include_router(artifacts)
    routes.include_router(files.router(store, shared))
    return routes


def _lists(routes: APIRouter, store: ChunkStore) -> None:
    @routes.get("")
    def artifacts() -> dict[str, list[str]]:
        """List the roots of all artifacts that this node holds."""
        return {"roots": [hex32(root) for root in store.roots()]}

    @routes.get("/{root}/manifest", response_class=Response)
    def manifest(root: Digest, if_none_match: Known = None) -> Response:
        """Return an artifact's manifest, canonical JSON."""
        headers = _headers(root)
        if if_none_match == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        try:
            return Response(store.manifest(unhex32(root)), media_type="application/json", headers=headers)
        except Unavailable as error:
            raise HTTPException(404, str(error)) from error


def _bitfields(routes: APIRouter, store: ChunkStore) -> None:
    waiting = 0

    def bits(root: str) -> bytes:
        try:
            return store.have(unhex32(root))
        except Unavailable as error:
            raise HTTPException(404, "nothing of that artifact is here") from error

    def answer(found: bytes) -> Response:
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return Response(found, media_type="application/octet-stream", headers=headers)

    @routes.get("/{root}/have", response_class=Response)
    def have(root: Digest) -> Response:
        """Return which chunks are here: a bitfield, most significant bit first, padded with zeros."""
        return answer(bits(root))

    @routes.get("/{root}/have/{held}", response_class=Response)
    async def have_more(root: Digest, held: Held) -> Response:
        """Return the bitfield as soon as more than `held` chunks are here, at the latest after 5 s."""
        nonlocal waiting
        if waiting >= _MAX_WAITING:
            raise HTTPException(503, "too many wait", {"Retry-After": "1"})
        until = time.monotonic() + WAIT_SECONDS
        waiting += 1
        try:
            found = await asyncio.to_thread(bits, root)
            while int.from_bytes(found).bit_count() <= held and time.monotonic() < until:
                await asyncio.sleep(_LOOK_SECONDS)
                found = await asyncio.to_thread(bits, root)
        finally:
            waiting -= 1
        return answer(found)


def _chunks(routes: APIRouter, store: ChunkStore, outlet: Outlet) -> None:
    @routes.get("/{root}/{digest}", response_class=Response)
    async def chunk(root: Digest, digest: Digest, if_none_match: Known = None) -> Response:
        """Return one chunk of an artifact, at most 1 MiB."""
        headers = _headers(digest)
        if if_none_match == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        for _ in range(2):  # a partial artifact may have become a whole one in between
            try:
                path, found = store.chunk(unhex32(root), unhex32(digest))
                source = open_regular(path)
            except (Unavailable, FileNotFoundError):
                continue
            if store.has(unhex32(root)):
                headers["X-Assay-Files"] = "1"  # several chunks at once: a range of its file under /files
            return FileBody(outlet, source, found.offset, found.size, headers)
        raise HTTPException(404, "this node doesn't hold that chunk")


def _headers(digest: str) -> dict[str, str]:
    return {"ETag": f'"{digest}"', "Cache-Control": _FOREVER, "X-Content-Type-Options": "nosniff"}
