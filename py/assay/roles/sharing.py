"""Artifacts for people: bringing one into a folder of one's own, verifying it, and what the chain calls a root.

What runs by itself is the seeder's. Doesn't hide from those who serve what is fetched.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from assay.artifact.folder import open_artifact, staged
from assay.artifact.manifest import MANIFEST_NAME
from assay.artifact.strict import load
from assay.errors import Refused
from assay.protocol.hashing import hex32
from assay.roles.taking import FETCH_SECONDS
from assay.store.engine import Store
from assay.swarm import client
from assay.swarm.addresses import locate
from assay.swarm.chunks import ChunkStore
from assay.swarm.link import Link, Patience
from assay.swarm.rate import Rate

Progress = Callable[[str, float], None]
STATUS_SECONDS: Final = 10.0
STATUS_BYTES: Final = 1 << 20
_UNBOUNDED: Final = 1 << 62


def paced(bytes_per_second: int | None) -> Rate:
    """Return a limit for fetches; None sets none."""
    return Rate(bytes_per_second)


def fetch_root(
    root: bytes, uris: Sequence[str], room: Path, most: int, rate: Rate, private: bool, progress: Progress
) -> Path:
    """Return the folder of an artifact of at most `most` bytes, fetched into the store in `room` at no more than
    `rate`. Raises as `swarm.client.fetch`.
    """
    return client.fetch(
        root, uris, ChunkStore(room), most, FETCH_SECONDS, lambda here, of: progress("fetch", here / max(1, of)),
        allow_private=private, rate=rate,
    )  # fmt: skip


def link_to(folder: Path, out: Path) -> dict[str, Any]:
    """Make `out` an artifact like `folder`, with the same files where the disk allows; return what `verified` does."""
    artifact = open_artifact(folder, _UNBOUNDED)
    with staged(out) as stage:
        for name in (MANIFEST_NAME, *(entry.name for entry in artifact.manifest.files)):
            try:
                (stage / name).hardlink_to(folder / name)
            except OSError:
                shutil.copyfile(folder / name, stage / name)
    return {**_plain(artifact.manifest.kind, artifact.root, artifact.manifest.size, folder), "folder": str(out)}


def verified(folder: Path) -> dict[str, Any]:
    """Hash every chunk of an artifact and return its kind, root, bytes and chunks. Refused if a byte is wrong."""
    artifact = open_artifact(folder, _UNBOUNDED)
    found = _plain(artifact.manifest.kind, artifact.root, artifact.manifest.size, folder)
    return {**found, "chunks": len(artifact.manifest.chunks()), "files": [one.name for one in artifact.manifest.files]}


def _plain(kind: str, root: bytes, size: int, folder: Path) -> dict[str, Any]:
    return {"kind": kind, "root": hex32(root), "bytes": size, "folder": str(folder)}


def known_as(store: Store, task: int, root: bytes) -> str | None:
    """Return what the chain calls a root of a task: a checkpoint, or a submission of a round; None if nothing."""
    for row in store.checkpoints(task):
        if row.root == root:
            return f"checkpoint {row.round}" + ("" if row.final or row.round == 0 else ", not final")
    for one in store.submissions(task):
        if one.root == root:
            return f"submission {one.index} of round {one.round}"
    return None


def status_of(url: str, allow_private: bool) -> dict[str, Any]:
    """Return what a node says of its part in the swarm. Unavailable if it doesn't answer."""
    link = Link(locate(url, allow_private=allow_private), Patience(), time.monotonic() + STATUS_SECONDS)
    try:
        found = load(link.get("/swarm", STATUS_BYTES), STATUS_BYTES, "the status")
    finally:
        link.close()
    if not isinstance(found, dict):
        raise Refused(f"{url} doesn't say how it stands")
    return found
