"""Artifacts as plain files with byte ranges, in the tree of the store's folder: /files/<root in hex>/<name>.

A web server, a CDN or a bucket that serves that folder is the same to a client. Names from the wire are never paths:
a name is looked up in the artifact's manifest. Knows nothing of who asks.
"""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Path, Response

from assay.artifact.folder import open_regular
from assay.artifact.manifest import MANIFEST_NAME
from assay.errors import Unavailable
from assay.swarm.body import FileBody, Outlet
from assay.swarm.chunks import ChunkStore

Root = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="32 bytes in lower-case hex")]
Name = Annotated[str, Path(pattern=r"^[a-z0-9_.\-]{1,64}$")]
Wanted = Annotated[str | None, Header(alias="range", max_length=64)]
Validator = Annotated[str | None, Header(alias="if-range", max_length=128)]
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_FOREVER = "public, max-age=31536000, immutable"


def router(store: ChunkStore, outlet: Outlet) -> APIRouter:
    """The routes under /files over the complete artifacts of `store`."""
    routes = APIRouter(prefix="/files", tags=["files"])

    @routes.api_route("/{root}/{name}", methods=["GET", "HEAD"], response_class=Response)
    async def file(root: Root, name: Name, range_: Wanted = None, if_range: Validator = None) -> Response:
        """Return a file of an artifact, or one range of its bytes."""
        etag = f'"{root}/{name}"'
        headers = {"ETag": etag, "Cache-Control": _FOREVER, "Accept-Ranges": "bytes"}
        try:
            folder = store.folder(bytes.fromhex(root))
            if name != MANIFEST_NAME and name not in store.names(bytes.fromhex(root)):
                raise Unavailable("the artifact has no such file")
            source = open_regular(folder / name)
        except (Unavailable, FileNotFoundError) as error:
            raise HTTPException(404, "this node doesn't hold that file") from error
        size = source.seek(0, 2)
        span = None if if_range not in {None, etag} else _span(range_, size)
        if span is None:
            return FileBody(outlet, source, 0, size, headers)
        first, last = span
        if first > last:
            source.close()
            raise HTTPException(416, "no such bytes", {"Content-Range": f"bytes */{size}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        return FileBody(outlet, source, first, last - first + 1, headers, 206)

    return routes


def _span(text: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte of a range; None for everything: no range, several, or another unit (RFC 9110, 14.2)."""
    found = _RANGE.fullmatch(text.strip()) if text else None
    if found is None or found[1] == found[2] == "":
        return None
    if not found[1]:  # the last n bytes
        wanted = int(found[2])
        return max(0, size - wanted), size - 1 if wanted else -1
    first = int(found[1])
    last = min(int(found[2]), size - 1) if found[2] else size - 1
    if found[2] and int(found[2]) < first:
        return None
    return first, last if first < size else first - 1
