"""Serves a node's artifacts over HTTP: manifests and chunks by digest, cacheable for ever.

Names from the wire are never paths: a root and a digest are hex of fixed length, looked up in the store. Knows nothing
of who asks. Doesn't limit how often: that is the task of the server that this router is mounted in.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path as File
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Path, Response
from fastapi.responses import StreamingResponse

from assay.artifact.folder import open_regular
from assay.artifact.manifest import Chunk
from assay.errors import Unavailable
from assay.protocol.hashing import hex32, unhex32
from assay.swarm.chunks import ChunkStore

_PIECE = 256 << 10
_FOREVER = "public, max-age=31536000, immutable"
Digest = Annotated[str, Path(pattern=r"^0x[0-9a-f]{64}$", description="32 bytes as 0x and lower-case hex")]
Known = Annotated[str | None, Header(alias="if-none-match")]


def router(store: ChunkStore) -> APIRouter:
    """The routes under /a over `store`: the list of roots, a manifest by root, a chunk by root and digest."""
    routes = APIRouter(prefix="/a", tags=["artifacts"])

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

    @routes.get("/{root}/{digest}", response_class=StreamingResponse)
    def chunk(root: Digest, digest: Digest, if_none_match: Known = None) -> Response:
        """Return one chunk of an artifact, at most 1 MiB."""
        headers = _headers(digest)
        if if_none_match == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        try:
            path, found = store.chunk(unhex32(root), unhex32(digest))
            body = _body(path, found)
        except (Unavailable, FileNotFoundError) as error:
            raise HTTPException(404, "this node doesn't hold that chunk") from error
        headers["Content-Length"] = str(found.size)
        return StreamingResponse(body, media_type="application/octet-stream", headers=headers)

    return routes


def _headers(digest: str) -> dict[str, str]:
    return {"ETag": f'"{digest}"', "Cache-Control": _FOREVER, "X-Content-Type-Options": "nosniff"}


def _body(path: File, chunk: Chunk) -> Iterator[bytes]:
    """Open the file now, so that one that is gone is a 404; give its pieces later."""
    source = open_regular(path)

    def pieces() -> Iterator[bytes]:
        with source:
            for offset in range(0, chunk.size, _PIECE):
                yield os.pread(source.fileno(), min(_PIECE, chunk.size - offset), chunk.offset + offset)

    return pieces()
