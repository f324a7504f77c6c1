"""Lets clients and relays of stock shardcast 0.3.2 download a file from this node.

They see `distribution.txt`, `vN/shard_00001.bin` … and `data1.bin`, which they measure a server with. Shards are cut
out of the file while they are sent, so nothing is stored twice. Knows nothing of artifacts or rounds: whoever offers a
file gives it its number. Can't protect a stock client from others: it believes whatever server it is pointed at.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as File
from typing import Annotated

from blake3 import blake3
from fastapi import APIRouter, HTTPException, Path, Response
from fastapi.responses import StreamingResponse

from assay.artifact.folder import open_regular
from assay.errors import Refused, Unavailable

SHARD_BYTES = 50_000_000
"""What shardcast cuts a file into when it isn't told otherwise."""
KEPT_VERSIONS = 5
MAX_SHARDS = 99_999
_PROBE = bytes(1_000_000)
_PIECE = 1 << 20
Version = Annotated[str, Path(pattern=r"^(0|[1-9][0-9]{0,8})$")]
Number = Annotated[str, Path(pattern=r"^[0-9]{5}$")]


@dataclass(frozen=True, slots=True)
class Offer:
    """A file as one version: its size in bytes and the BLAKE3 of all of it."""

    path: File
    size: int
    digest: bytes


class Gateway:
    """The newest versions of one file. Threads share it."""

    def __init__(self, keep: int = KEPT_VERSIONS, shard_bytes: int = SHARD_BYTES) -> None:
        self._keep, self._shard_bytes = keep, shard_bytes
        self._offers: dict[int, Offer] = {}
        self._guard = threading.Lock()

    def offer(self, version: int, path: File) -> bytes:
        """Hash a file, list it as `version` and return its BLAKE3; what is older than the newest few is listed no more.

        The file must not change as long as it is listed. One that goes away is answered with 404.

        Raises:
            Refused: a version below 0, an empty file, or one of too many shards. Unavailable: it can't be read.
        """
        size, digest = _hashed(path)
        if not 0 <= version <= 999_999_999 or not 0 < size <= self._shard_bytes * MAX_SHARDS:
            raise Refused(f"shardcast can't have {path.name} of {size} bytes as version {version}")
        with self._guard:
            self._offers[version] = Offer(path, size, digest)
            for old in sorted(self._offers)[: -self._keep]:
                del self._offers[old]
        return digest

    def table(self) -> bytes:
        """The content of `distribution.txt`: one line a version, `v1: <blake3>|<shards>`."""
        with self._guard:
            rows = sorted(self._offers.items())
        return "".join(f"v{n}: {offer.digest.hex()}|{self._shards(offer)}\n" for n, offer in rows).encode()

    def shard(self, version: int, number: int) -> tuple[File, int, int]:
        """The file that holds a shard, counted from 1, its offset and size there; Unavailable if there is none."""
        with self._guard:
            offer = self._offers.get(version)
        if offer is None or not 1 <= number <= self._shards(offer):
            raise Unavailable(f"there is no shard {number} of version {version}")
        offset = (number - 1) * self._shard_bytes
        return offer.path, offset, min(self._shard_bytes, offer.size - offset)

    def _shards(self, offer: Offer) -> int:
        return -(-offer.size // self._shard_bytes)


def router(gateway: Gateway) -> APIRouter:
    """The three paths that stock nodes ask for, at the top of the server: they know no prefix."""
    routes = APIRouter(tags=["shardcast"])

    @routes.get("/distribution.txt", response_class=Response)
    def table() -> Response:
        return Response(gateway.table(), media_type="text/plain", headers={"Cache-Control": "no-store"})

    @routes.get("/data1.bin", response_class=Response)
    def probe() -> Response:
        return Response(_PROBE, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})

    @routes.get("/v{version}/shard_{number}.bin", response_class=StreamingResponse)
    def shard(version: Version, number: Number) -> Response:
        try:
            path, offset, size = gateway.shard(int(version), int(number))
            body = _slice(path, offset, size)
        except (Unavailable, Refused, OSError) as error:
            raise HTTPException(404, "there is no such shard") from error
        return StreamingResponse(body, media_type="application/octet-stream", headers={"Content-Length": str(size)})

    return routes


def _hashed(path: File) -> tuple[int, bytes]:
    whole = blake3()
    try:
        with open_regular(path) as source:
            while piece := source.read(_PIECE):
                whole.update(piece)
            return source.tell(), whole.digest()
    except OSError as error:
        raise Unavailable(f"can't read {path}: {error.strerror}") from error


def _slice(path: File, offset: int, size: int) -> Iterator[bytes]:
    """Open the file now, so that one that is gone is a 404; give the pieces later."""
    source = open_regular(path)

    def pieces() -> Iterator[bytes]:
        with source:
            for start in range(0, size, _PIECE):
                yield os.pread(source.fileno(), min(_PIECE, size - start), offset + start)

    return pieces()
