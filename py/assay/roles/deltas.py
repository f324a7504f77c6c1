"""A delta between two checkpoints, made where it saves at least half. `swarm.route` finds the way over several."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from assay.artifact.manifest import parse
from assay.swarm import delta
from assay.swarm.chunks import ChunkStore

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
