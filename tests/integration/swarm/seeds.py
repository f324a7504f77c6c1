"""An artifact somewhere, and an empty store to fetch it into."""

from __future__ import annotations

from pathlib import Path

from assay.artifact.folder import open_artifact
from assay.artifact.manifest import Manifest
from assay.swarm.chunks import ChunkStore
from assay.swarm.client import fetch
from assay.swarm.link import Patience
from integration.swarm.nodes import MIB, make_artifact

LIMIT = 64 * MIB
QUICK = Patience(connect=2.0, read=1.0, answer=1.5)


class Seed:
    """An artifact, a store that holds it, and an empty store to fetch into."""

    def __init__(self, folder: Path, mebibytes: float) -> None:
        self.manifest: Manifest = make_artifact(folder / "made", mebibytes)
        self.store = ChunkStore(folder / "seeds")
        self.root = self.store.add(folder / "made")
        self.mine = ChunkStore(folder / "mine")

    def fetch(self, *uris: str, seconds: float = 20, limit: int = LIMIT, patience: Patience | None = None) -> list[str]:
        """Fetch into `mine`; gives the URIs of those who lied."""
        liars: list[str] = []
        path = fetch(
            self.root, uris, self.mine, limit, seconds, allow_private=True, patience=patience,
            on_fault=lambda uri, _: liars.append(uri),
        )  # fmt: skip
        assert open_artifact(path, limit).root == self.root
        return liars

    def honest(self, path: str) -> bytes:
        """What an honest node answers."""
        if path.endswith("/manifest"):
            return self.manifest.to_json()
        file, chunk = self.store.chunk(self.root, bytes.fromhex(path[-64:]))
        with file.open("rb") as source:
            source.seek(chunk.offset)
            return source.read(chunk.size)


def left(seed: Seed) -> list[Path]:
    """What is in the store to fetch into, except locks."""
    return [path for path in seed.mine._folder.rglob("*") if path.is_file() and path.parent.name != "locks"]
