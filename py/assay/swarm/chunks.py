"""The artifacts that a node keeps, each a folder named by its root, and those that it is still fetching.

An artifact appears under its root complete or not at all. Partial ones grow in a folder of their own until they are
finished or dropped; their checked chunks are given out as those of complete ones are. Knows nothing of HTTP. Doesn't
limit how much is kept: `eviction` says what to drop.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from assay.artifact.folder import flush, open_artifact, put_in_place, read_bounded, staged
from assay.artifact.manifest import MANIFEST_BYTES, MANIFEST_NAME, Chunk, Manifest, parse
from assay.errors import Refused, Unavailable
from assay.swarm.shelf import Shelf, full, is_set, peek

_ROOT = re.compile(r"[0-9a-f]{64}")
_UNBOUNDED = 1 << 62
_INDEXED = 32
_STALE_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class _Index:
    """Where the chunks of an artifact lie: the numbers of equal ones stand together."""

    chunks: tuple[Chunk, ...]
    numbers: dict[bytes, list[int]]


class ChunkStore:
    """A folder of artifacts. Safe to share between threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._partial = folder / "partial"
        self._locks = folder / "locks"
        self._indexes: OrderedDict[bytes, _Index] = OrderedDict()
        self._guard = threading.Lock()
        for needed in (folder, self._partial, self._locks):
            needed.mkdir(parents=True, exist_ok=True)
        self._sweep()

    @property
    def location(self) -> Path:
        """The folder in which each artifact lies in a folder named by its root in hex."""
        return self._folder

    def add(self, folder: Path) -> bytes:
        """Hash the artifact in `folder`, keep it and return its root. Files are linked where the disk allows.

        Raises:
            Refused: it doesn't match its manifest.
            Unavailable: there is none, or the disk is full.
        """
        artifact = open_artifact(folder, _UNBOUNDED)
        if not self.has(artifact.root):
            with staged(self._path(artifact.root)) as stage:
                for entry in artifact.manifest.files:
                    _link(folder / entry.name, stage / entry.name)
                (stage / MANIFEST_NAME).write_bytes(artifact.manifest.to_json())
        return artifact.root

    def has(self, root: bytes) -> bool:
        """Whether the whole artifact is here."""
        return self._path(root).is_dir()

    def folder(self, root: bytes) -> Path:
        """Where the artifact lies; Unavailable when it isn't here. `open_artifact` hashes it again before use."""
        path = self._path(root)
        if not path.is_dir():
            raise Unavailable(f"the artifact 0x{root.hex()} isn't here")
        return path

    def roots(self) -> list[bytes]:
        """The roots of all artifacts here, sorted."""
        return sorted(bytes.fromhex(path.name) for path in self._folder.iterdir() if _ROOT.fullmatch(path.name))

    def remove(self, root: bytes) -> None:
        """Forget an artifact and what was fetched of it."""
        with self._guard:
            self._indexes.pop(root, None)
        for path in (self._path(root), self.partial(root)):
            gone = self._partial / f"{secrets.token_hex(6)}.old"
            with suppress(FileNotFoundError):
                path.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)

    def manifest(self, root: bytes) -> bytes:
        """The manifest's bytes, also of a partial artifact; Unavailable when nothing of it is here."""
        try:
            return read_bounded(self._path(root) / MANIFEST_NAME, MANIFEST_BYTES)
        except Unavailable:
            return read_bounded(self.partial(root) / MANIFEST_NAME, MANIFEST_BYTES)

    def names(self, root: bytes) -> frozenset[str]:
        """The names of an artifact's files; Unavailable when nothing of it is here."""
        return frozenset(chunk.name for chunk in self._index(root).chunks)

    def have(self, root: bytes) -> bytes:
        """Which chunks are here, as a bitfield, most significant bit first; Unavailable when nothing of it is."""
        chunks = len(self._index(root).chunks)
        return full(chunks) if self.has(root) else peek(self.partial(root), chunks)

    def chunk(self, root: bytes, digest: bytes) -> tuple[Path, Chunk]:
        """The file that holds a chunk of this artifact, and where in it; Unavailable when it isn't here."""
        index = self._index(root)
        numbers = index.numbers.get(digest)
        if numbers is None:
            raise Unavailable(f"the artifact has no chunk 0x{digest.hex()}")
        if self.has(root):
            chunk = index.chunks[numbers[0]]
            return self._path(root) / chunk.name, chunk
        bits = peek(self.partial(root), len(index.chunks))
        for i in numbers:
            if is_set(bits, i):
                return self.partial(root) / index.chunks[i].name, index.chunks[i]
        raise Unavailable(f"chunk {numbers[0]} of 0x{root.hex()} isn't here yet")

    def sizes(self) -> dict[bytes, tuple[int, float]]:
        """Bytes on disk of every artifact here, whole or partial, and the unix second of its last change."""
        found: dict[bytes, tuple[int, float]] = {}
        for path in (*self._folder.iterdir(), *self._partial.iterdir()):
            if _ROOT.fullmatch(path.name):
                with suppress(FileNotFoundError):
                    size = sum(file.stat().st_blocks * 512 for file in path.iterdir())
                    before, when = found.get(bytes.fromhex(path.name), (0, 0.0))
                    found[bytes.fromhex(path.name)] = before + size, max(when, path.stat().st_mtime)
        return found

    def partial(self, root: bytes) -> Path:
        """Where an artifact grows while it is fetched; perhaps it doesn't exist yet."""
        return self._partial / _name(root)

    @contextmanager
    def growing(self, root: bytes, manifest: Manifest) -> Iterator[Shelf]:
        """Give the partial artifact of a claimed root, to be filled."""
        shelf = Shelf(self.partial(root), manifest.chunks())
        try:
            yield shelf
        finally:
            shelf.close()

    def adopt(self, root: bytes) -> Path:
        """Move a partial artifact whose every chunk was checked to its place, flushed to the disk."""
        if not self.has(root):
            put_in_place(self.partial(root), self._path(root))
            flush(self._partial)
        return self._path(root)

    @contextmanager
    def claim(self, root: bytes, deadline: float) -> Iterator[None]:
        """Hold the sole right to fetch `root`, also among processes; Unavailable after the monotonic deadline."""
        handle = os.open(self._locks / _name(root), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise Unavailable(f"another fetch of 0x{root.hex()} is still running") from None
                    time.sleep(0.05)
            yield
        finally:
            os.close(handle)

    def _path(self, root: bytes) -> Path:
        return self._folder / _name(root)

    def _index(self, root: bytes) -> _Index:
        with self._guard:
            if root in self._indexes:
                self._indexes.move_to_end(root)
                return self._indexes[root]
        chunks = tuple(parse(self.manifest(root)).chunks())
        numbers: dict[bytes, list[int]] = {}
        for i, chunk in enumerate(chunks):
            numbers.setdefault(chunk.digest, []).append(i)
        with self._guard:
            index = self._indexes[root] = _Index(chunks, numbers)
            while len(self._indexes) > _INDEXED:
                self._indexes.popitem(last=False)
        return index

    def _sweep(self) -> None:
        """Remove what an interrupted `add` or `remove` left behind."""
        before = time.time() - _STALE_SECONDS
        for path in (*self._folder.iterdir(), *self._partial.iterdir()):
            if path.suffix in {".new", ".old"} and path.stat().st_mtime < before:
                shutil.rmtree(path, ignore_errors=True)


def _name(root: bytes) -> str:
    if len(root) != 32:
        raise Refused(f"a root has 32 bytes, this one has {len(root)}")
    return root.hex()


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
