"""Which artifact stands behind a name that the chain knows: the root of a validator's evidence → the artifact's root.

A name is only a pointer: whoever follows it checks that what it found gives the name. Knows nothing of evidence.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from fastapi import APIRouter, HTTPException, Response

from assay.errors import Refused
from assay.protocol.hashing import hex32, unhex32
from assay.swarm.addresses import locate
from assay.swarm.link import Link, Patience

FETCH_SECONDS = 10.0
_NAME = re.compile(r"0x[0-9a-f]{64}")
_BYTES = 66


class NameStore:
    """A folder of names, one file each that holds a root. Safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, name: bytes, root: bytes) -> None:
        """Let a 32-byte name stand for the artifact `root`."""
        partial = self._folder / f".{hex32(name)}.{os.getpid()}"
        partial.write_text(hex32(root))
        partial.replace(self._folder / hex32(name))

    def get(self, name: bytes) -> bytes | None:
        """Return the artifact's root, or None where the name is unknown or its file is damaged."""
        try:
            return unhex32((self._folder / hex32(name)).read_text())
        except (FileNotFoundError, Refused, UnicodeDecodeError):
            return None

    def remove(self, name: bytes) -> None:
        """Forget a name."""
        (self._folder / hex32(name)).unlink(missing_ok=True)


def router(store: NameStore) -> APIRouter:
    """Serve names at `/n/0x…`: the answer is the artifact's root as text."""
    routes = APIRouter(tags=["names"])

    @routes.get("/n/{name}")
    def named(name: str) -> Response:
        root = store.get(unhex32(name)) if _NAME.fullmatch(name) else None
        if root is None:
            raise HTTPException(404, "no such name")
        return Response(hex32(root), media_type="text/plain", headers={"Cache-Control": "no-store"})

    return routes


def ask(name: bytes, uri: str, *, allow_private: bool = False) -> bytes:
    """Return the root of the artifact that the node at `uri` means by a name.

    Raises:
        Refused: the URI may not be used, or what it answers is no root.
        Unavailable: it can't be reached, or doesn't know the name.
    """
    link = Link(locate(uri, allow_private=allow_private), Patience(), time.monotonic() + FETCH_SECONDS)
    try:
        return unhex32(link.get(f"/n/{hex32(name)}", _BYTES).decode("ascii", "replace"))
    except Refused as error:
        raise Refused(f"{uri} doesn't answer with a root: {error}") from error
    finally:
        link.close()
