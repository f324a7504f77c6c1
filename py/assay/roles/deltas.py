"""Checkpoints by deltas: making one where it saves at least half, and coming to a checkpoint by one.

A delta that doesn't lead to the checkpoint's root is refused and the whole one is fetched. Runs in threads of its own.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from assay.artifact.manifest import parse
from assay.errors import Refused, Unavailable
from assay.swarm import delta
from assay.swarm.chunks import ChunkStore
from assay.swarm.release import DELTA, Release

LEAST_BYTES: Final = 8 << 20
"""A smaller checkpoint is fetched whole: two more round trips would take longer."""
MOST_SHARE: Final = 0.5


def make(chunks: ChunkStore, base: bytes, root: bytes) -> tuple[bytes, int] | None:
    """Keep the delta between two checkpoints that are held; gives its root and bytes, None where it isn't worth it."""
    whole = parse(chunks.manifest(root)).size
    if whole < LEAST_BYTES:
        return None
    with tempfile.TemporaryDirectory(dir=chunks.location.parent, prefix=".delta-") as room:
        made = delta.make(chunks.folder(base), chunks.folder(root), Path(room) / "delta")
        if made.size > whole * MOST_SHARE:
            return None
        return chunks.add(Path(room) / "delta"), made.size


def follow(
    chunks: ChunkStore, releases: list[Release], root: bytes, most: int, fetch: Callable[[bytes, int], Path]
) -> bool:
    """Come to the checkpoint `root` of at most `most` bytes by one of its deltas whose base is held, the smallest
    first; False where none leads there. `fetch` brings an artifact of at most so many bytes.
    """
    usable = [one for one in releases if one.codec == DELTA and one.root == root and chunks.has(one.base)]
    for release in sorted(usable, key=lambda one: one.size):
        with tempfile.TemporaryDirectory(dir=chunks.location.parent, prefix=".delta-") as room:
            out = Path(room) / "checkpoint"
            try:
                patch = fetch(release.artifact, release.size)
                chunks.add(delta.apply(patch, chunks.folder(release.base), out, root, most))
            except (Refused, Unavailable):
                continue  # a false delta costs its transfer; the whole checkpoint is still there
            finally:
                shutil.rmtree(out, ignore_errors=True)
        return True
    return False
