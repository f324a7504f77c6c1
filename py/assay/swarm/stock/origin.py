"""Fetches one file from origins and relays of stock shardcast 0.3.2.

Such an origin signs nothing and names one BLAKE3 for the whole file, which only shows that the transfer was sound, not
whose file it is. With the file's entry of a manifest whose root is known every MiB is checked as it arrives, whatever
the origin says. Names on the wire are never paths, and no program is started. Doesn't resume: there is nothing to
check half a file by.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from assay.artifact.manifest import CHUNK_BYTES, FileEntry
from assay.errors import Refused, Unavailable
from assay.swarm.addresses import Resolver, locate, resolve
from assay.swarm.link import Link, Patience
from assay.types import Reason

TABLE_BYTES = 64 << 10
SHARD_BYTES = 64 << 20
"""The largest shard that is taken: shardcast's own have 50 MB. One is held in memory at a time."""
_LINE = re.compile(rb"v(0|[1-9][0-9]{0,8}): ([0-9a-f]{64})\|([1-9][0-9]{0,4})")
PATIENCE = Patience(answer=300.0)
_WRONG = "sends another file than the one that is wanted"
Fault = Callable[[str, str], None]
"""Called with an origin's URI and a sentence on what it did wrong."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of `distribution.txt`: the BLAKE3 of the whole file, and into how many shards it is cut."""

    version: int
    digest: bytes
    shards: int


def parse_table(data: bytes) -> dict[int, Listed]:
    """Read a `distribution.txt` of at most 64 KiB, by version. Raises Refused when any line has another form."""
    if len(data) > TABLE_BYTES:
        raise Refused(f"distribution.txt has more than {TABLE_BYTES} bytes", Reason.SIZE)
    found: dict[int, Listed] = {}
    for line in data.splitlines():
        match = _LINE.fullmatch(line.strip())
        if match is None:
            if line.strip():
                raise Refused(f"distribution.txt has a line of another form: {line[:40]!r}", Reason.SCHEMA)
            continue
        version = int(match[1])
        if version in found:
            raise Refused(f"distribution.txt lists version {version} twice", Reason.SCHEMA)
        found[version] = Listed(version, bytes.fromhex(match[2].decode()), int(match[3]))
    return found


def versions(
    uri: str, seconds: float, *, allow_private: bool = False, resolver: Resolver = resolve
) -> dict[int, Listed]:
    """Return what one origin lists.

    Raises:
        Refused: the URI may not be used, or what it sends isn't such a list. Unavailable: it doesn't answer.
    """
    link = Link(locate(uri, allow_private=allow_private, resolver=resolver), PATIENCE, time.monotonic() + seconds)
    try:
        return parse_table(link.get("/distribution.txt", TABLE_BYTES))
    finally:
        link.close()


def fetch(
    uris: Sequence[str],
    version: int,
    target: Path,
    max_bytes: int,
    seconds: float,
    *,
    entry: FileEntry | None = None,
    patience: Patience = PATIENCE,
    allow_private: bool = False,
    resolver: Resolver = resolve,
    on_fault: Fault | None = None,
) -> bytes:
    """Bring a version to `target`, from the first origin that has it whole and sound, and return its BLAKE3.

    Args:
        max_bytes: of the whole file.
        seconds: for everything.
        entry: size and chunk digests that the file must have. Without it any file that fits its own hash is taken.
        on_fault: called for an origin that lied.

    Raises:
        Refused: each origin sends something that isn't the file, or is too large.
        Unavailable: none has it, they are too slow, or the disk is full.
    """
    deadline, said, tried_again_helps = time.monotonic() + seconds, [], not uris
    for uri in dict.fromkeys(uris):
        try:
            source = locate(uri, allow_private=allow_private, resolver=resolver)
            link = Link(source, patience, deadline)
            try:
                return _bring(link, version, target, _Check(max_bytes, entry))
            finally:
                link.close()
        except Refused as error:
            said.append(f"{uri}: {error}")
            if on_fault is not None:
                on_fault(uri, str(error))
        except Unavailable as error:
            said.append(str(error))
            tried_again_helps = True
    message = f"can't fetch version {version}: {'; '.join(said)[:600] or 'no origin was named'}"
    raise Unavailable(message) if tried_again_helps else Refused(message, Reason.SCHEMA)


class _Check:
    """Sees every byte of a file in order and refuses it as soon as it can't be the right one."""

    def __init__(self, max_bytes: int, entry: FileEntry | None) -> None:
        self._entry = entry
        self._most = max_bytes if entry is None else min(max_bytes, entry.size)
        self._whole, self._chunk, self._filled, self._size = blake3(), hashlib.sha256(), 0, 0

    @property
    def left(self) -> int:
        """How many bytes may still come."""
        return self._most - self._size

    def add(self, data: bytes) -> None:
        self._whole.update(data)
        if self._entry is None:
            self._size += len(data)
            return
        view = memoryview(data)
        while view:
            part = view[: CHUNK_BYTES - self._filled]
            self._chunk.update(part)
            self._filled += len(part)
            self._size += len(part)
            view = view[len(part) :]
            if self._filled == CHUNK_BYTES or self._size == self._entry.size:
                self._close_chunk(self._entry.chunks[(self._size - 1) // CHUNK_BYTES])

    def finish(self, digest: bytes) -> None:
        if self._entry is not None and self._size != self._entry.size:
            raise Refused(_WRONG, Reason.SIZE)
        if self._whole.digest() != digest:
            raise Refused("sends other bytes than the hash in its distribution.txt names", Reason.SCHEMA)

    def _close_chunk(self, digest: bytes) -> None:
        if self._chunk.digest() != digest:
            raise Refused(_WRONG, Reason.SCHEMA)
        self._chunk, self._filled = hashlib.sha256(), 0


def _bring(link: Link, version: int, target: Path, check: _Check) -> bytes:
    listed = parse_table(link.get("/distribution.txt", TABLE_BYTES)).get(version)
    if listed is None:
        raise Unavailable(f"the origin doesn't list version {version}")
    stage = target.with_name(f".{target.name}.{secrets.token_hex(6)}.new")
    try:
        with stage.open("xb") as file:
            _receive(link, listed, file, check)
            file.flush()
            os.fsync(file.fileno())
        stage.replace(target)
    except OSError as error:
        raise Unavailable(f"can't write {target}: {error.strerror or error}") from error
    finally:
        stage.unlink(missing_ok=True)
    return listed.digest


def _receive(link: Link, listed: Listed, file: BinaryIO, check: _Check) -> None:
    for number in range(1, listed.shards + 1):
        if check.left <= 0:
            raise Refused("lists more shards than the file can have", Reason.SIZE)
        data = link.get(f"/v{listed.version}/shard_{number:05d}.bin", min(check.left, SHARD_BYTES))
        if not data:
            raise Refused("sends an empty shard", Reason.SCHEMA)
        check.add(data)
        file.write(data)
    check.finish(listed.digest)
