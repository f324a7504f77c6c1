"""How one source is asked for an artifact: a node by digest, or plain files by Range. Which it is, is found by asking.

A node also tells which chunks it holds, and which other nodes hold or fetch the artifact. Knows nothing of what is
fetched next. Believes no source: bounds and forms are checked here, bytes by whoever asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.artifact import strict
from assay.artifact.manifest import MANIFEST_BYTES, MANIFEST_NAME, Chunk
from assay.errors import Refused
from assay.protocol.hashing import hex32
from assay.swarm.choice import Mask
from assay.swarm.link import Answered, Link
from assay.types import Reason

RECORDS = 64
RECORD_BYTES = 4 << 10
_LIST_BYTES = RECORDS * (RECORD_BYTES + 8)
_ANSWER_BYTES = 64 << 10
_ABSENT = frozenset({400, 403, 404, 405, 410, 422})
"""What servers answer to a path that they don't have: a bucket that can't be listed says 403."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a source is asked: as a node, or for plain files in a folder named by the root under `prefix`."""

    prefix: str | None = None

    def manifest(self, link: Link, root: bytes) -> bytes:
        """Ask for the manifest."""
        if self.prefix is None:
            return link.get(f"/a/{hex32(root)}/manifest", MANIFEST_BYTES)
        return link.get(f"{self.prefix}/{root.hex()}/{MANIFEST_NAME}", MANIFEST_BYTES)

    def chunk(self, link: Link, root: bytes, chunk: Chunk, buffer: memoryview) -> int:
        """Ask for a chunk, read at most its size into `buffer` and return how many bytes came."""
        room = buffer[: chunk.size]
        if self.prefix is None:
            return link.get_into(f"/a/{hex32(root)}/{hex32(chunk.digest)}", room)
        return link.get_into(f"{self.prefix}/{root.hex()}/{chunk.name}", room, chunk.offset)

    def run(
        self,
        link: Link,
        root: bytes,
        chunks: Sequence[Chunk],
        buffer: memoryview,
        deliver: Callable[[int, memoryview], None],
    ) -> None:
        """Ask for chunks that follow one another in a file; each is handed over as it comes, in `buffer`."""
        prefix = "/files" if self.prefix is None else self.prefix
        path = f"{prefix}/{root.hex()}/{chunks[0].name}"
        link.get_run(path, chunks[0].offset, [chunk.size for chunk in chunks], buffer, deliver)

    def has_runs(self, link: Link) -> bool:
        """Whether this source can be asked for several chunks at once."""
        return self.prefix is not None or link.files


NODE = Way()
PLAIN = (Way(""), Way("/files"))
"""A server of the store's folder itself, and a mirror of a node's tree."""


def is_absent(error: Answered) -> bool:
    """Whether a source says that it doesn't have what was asked for, or doesn't know such a path."""
    return error.status in _ABSENT


def find_manifest(link: Link, root: bytes) -> tuple[Way, bytes]:
    """Ask one source for the manifest in every way; gives the way that it understood, and the bytes.

    Raises as `Link.get`; when it has it in no way, as it answered to the first.
    """
    first: Answered | None = None
    for way in (NODE, *PLAIN):
        try:
            return way, way.manifest(link, root)
        except Answered as error:
            if not is_absent(error):
                raise
            first = first or error
    assert first is not None  # noqa: S101 - every way has raised
    raise first


def have(link: Link, root: bytes, chunks: int, more_than: int | None = None) -> Mask:
    """Ask a node which of the artifact's chunks it holds; (chunks,). Nothing yet is all False.

    With `more_than` it is asked to wait, some 5 s at most, until it holds more chunks than that.

    Raises:
        Refused: what it answers isn't such a bitfield.
        Unavailable: as `Link.get`; Answered when it doesn't speak of bitfields or has never heard of the root.
    """
    path = f"/a/{hex32(root)}/have" + ("" if more_than is None else f"/{more_than}")
    return read_bits(link.get(path, -(-chunks // 8)), chunks)


def read_bits(data: bytes, chunks: int) -> Mask:
    """Read a bitfield, most significant bit first; Refused when it has another length or padding that isn't zero."""
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8))
    if len(data) != -(-chunks // 8) or bits[chunks:].any():
        raise Refused(f"a bitfield of {len(data)} bytes doesn't fit {chunks} chunks", Reason.SCHEMA)
    return bits[:chunks].astype(np.bool_)


def announce(link: Link, root: bytes, record: bytes) -> None:
    """Tell a node that this one holds or fetches the artifact too; raises as `Link.post`."""
    link.post(f"/a/{hex32(root)}/peers", record, _ANSWER_BYTES)


def records(link: Link, root: bytes) -> list[Any]:
    """Ask a node for the records of those that hold or fetch the artifact: JSON values, not checked any further.

    Raises as `Link.get`, and Refused when it isn't a list of at most RECORDS objects.
    """
    found = strict.load(link.get(f"/a/{hex32(root)}/peers", _LIST_BYTES), _LIST_BYTES, "the list of peers")
    if not isinstance(found, list) or len(found) > RECORDS or not all(isinstance(item, dict) for item in found):
        raise Refused(f"the list of peers isn't a list of at most {RECORDS} records", Reason.SCHEMA)
    return found


@dataclass(frozen=True, slots=True)
class Sharing:
    """How a fetching node takes part: what it announces, and how it learns who else does.

    Attributes:
        uri: where this node serves, "" when it can't be reached.
        record: its signed record, announced to all sources; empty when it serves nothing.
        reader: checks a record of the list and returns its URI, "" for a node that can't be reached; raises Refused.
    """

    reader: Callable[[Any], str]
    uri: str = ""
    record: bytes = b""
