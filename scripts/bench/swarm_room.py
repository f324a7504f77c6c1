"""A folder in memory for one part of the swarm's bench: artifacts, nodes, and an end to all of them.

In memory, since a disk of this kind takes 50 to 100 MB/s and would be what is measured.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swarm_node import Node

from assay.artifact.folder import write_artifact

MEGA = 10**6
MEMORY_DISK = Path("/dev/shm")  # noqa: S108  TemporaryDirectory makes a folder of its own there


@dataclass(frozen=True)
class Made:
    """An artifact of one file, weights.bin, of random bytes."""

    folder: Path
    root: bytes
    size: int

    @property
    def file(self) -> Path:
        return self.folder / "weights.bin"


class Room:
    """Makes artifacts and nodes in one folder, and ends the nodes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.nodes: list[Node] = []
        self._count = 0

    def fresh(self, name: str) -> Path:
        """A new empty folder."""
        self._count += 1
        path = self.folder / f"{name}-{self._count}"
        path.mkdir()
        return path

    def make(self, size: int, seed: int = 0) -> Made:
        """Write an artifact of `size` bytes."""
        import numpy as np

        folder = self.fresh("made") / "artifact"
        source = folder.with_name("raw")
        with source.open("wb") as file:
            chance = np.random.default_rng(seed)
            for start in range(0, size, 16 * MEGA):
                file.write(chance.bytes(min(16 * MEGA, size - start)))
        root = write_artifact(folder, "weights", None, {"weights.bin": source}).root()
        source.unlink()
        return Made(folder, root, size)

    def node(self, *holds: Made, own_copy: bool = False, **settings: Any) -> Node:
        """A new node, which serves what it holds. Its files are links to those made unless it has its own copy."""
        from assay.swarm.chunks import ChunkStore

        store = ChunkStore(self.fresh("node"))
        for made in holds:
            store.add(made.folder)
            if own_copy:
                path = store.folder(made.root) / "weights.bin"
                copied = path.with_suffix(".own")
                copied.write_bytes(path.read_bytes())
                copied.replace(path)
        node = Node(store.location, **settings)
        self.nodes.append(node)
        return node

    def close(self) -> None:
        for node in self.nodes:
            node.close()


@contextmanager
def room() -> Iterator[Room]:
    """A room that is gone afterwards, with all processes in it."""
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    with tempfile.TemporaryDirectory(dir=MEMORY_DISK if MEMORY_DISK.is_dir() else None) as folder:
        made = Room(Path(folder))
        try:
            yield made
        finally:
            made.close()
