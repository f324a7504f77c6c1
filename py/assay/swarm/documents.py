"""Small files named by their keccak: task specs, which the chain names by hash.

A document is what hashes to its name, whoever sends it. Knows nothing of what it says. Doesn't hide what is asked for.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter, HTTPException, Response

from assay.errors import Refused, Unavailable
from assay.protocol.hashing import hex32, keccak
from assay.swarm.addresses import locate
from assay.swarm.link import Link, Patience

MAX_BYTES = 64 << 10
FETCH_SECONDS = 10.0
_NAME = re.compile(r"0x[0-9a-f]{64}")


class DocumentStore:
    """A folder of documents, one file each. Safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes) -> bytes:
        """Keep a document and return its hash. Raises Refused when it is larger than 64 KiB."""
        if len(data) > MAX_BYTES:
            raise Refused(f"a document has at most {MAX_BYTES} bytes, this one has {len(data)}")
        name = keccak(data)
        partial = self._folder / f".{hex32(name)}.{os.getpid()}"
        partial.write_bytes(data)
        partial.replace(self._folder / hex32(name))
        return name

    def get(self, name: bytes) -> bytes | None:
        """Return a document, or None when it isn't here or its file doesn't hash to its name any more."""
        try:
            data = (self._folder / hex32(name)).read_bytes()
        except FileNotFoundError:
            return None
        return data if keccak(data) == name else None


def router(store: DocumentStore) -> APIRouter:
    """Serve documents at `/s/0x…`."""
    routes = APIRouter(tags=["documents"])

    @routes.get("/s/{name}")
    def document(name: str) -> Response:
        data = store.get(bytes.fromhex(name[2:])) if _NAME.fullmatch(name) else None
        if data is None:
            raise HTTPException(404, "no such document")
        return Response(
            data, media_type="application/json", headers={"Cache-Control": "public, immutable, max-age=31536000"}
        )

    return routes


def fetch(name: bytes, uris: Sequence[str], into: DocumentStore, *, allow_private: bool = False) -> bytes:
    """Return the document `name`, from the store or the first source that has it.

    Raises:
        Refused: no URI may be used.
        Unavailable: no source has it.
    """
    kept = into.get(name)
    if kept is not None:
        return kept
    deadline, said = time.monotonic() + FETCH_SECONDS, []
    for uri in dict.fromkeys(uris):
        try:
            link = Link(locate(uri, allow_private=allow_private), Patience(), deadline)
            try:
                data = link.get(f"/s/{hex32(name)}", MAX_BYTES)
            finally:
                link.close()
        except (Refused, Unavailable) as error:
            said.append(str(error))
            continue
        if keccak(data) == name:
            into.put(data)
            return data
        said.append(f"{uri} sent another document")
    raise Unavailable(f"can't fetch {hex32(name)}: {'; '.join(said)[:600] or 'no source was named'}")
