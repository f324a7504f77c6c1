"""What a trainer opens of a drawn step: weights, moments and gradient as artifacts, read shard by shard.

Each is a folder with a manifest like any artifact, so its root is a Merkle root over SHA-256 digests of 1 MiB shards,
it is served, fetched and verified chunk by chunk like any other, and whoever needs one shard can prove it alone. A
trace leaf names these roots. Knows nothing of models or optimizers. Reading holds one shard of each file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assay.artifact.folder import open_regular, read_bounded, seal, staged
from assay.artifact.manifest import CHUNK_BYTES, MANIFEST_BYTES, MANIFEST_NAME, FileEntry, Manifest, parse
from assay.artifact.trace import StepLeaf
from assay.errors import Refused, Unavailable
from assay.types import Reason

Floats = NDArray[np.float32]
SHARD: Final = CHUNK_BYTES // 4
"""Values in a shard."""
WEIGHTS, MOMENTS, GRADIENT = "weights", "moments", "gradient"
PARTS: Final = {
    WEIGHTS: ("weights.bin",),
    MOMENTS: ("first.bin", "second.bin"),
    GRADIENT: ("gradient.bin",),
}


def shards(flat: Floats) -> Iterator[Floats]:
    """Cut float32[n] into its shards, without copying."""
    for at in range(0, flat.size, SHARD):
        yield flat[at : at + SHARD]


def digest(shard: Floats) -> bytes:
    """Return the SHA-256 of a shard as it lies on disk: little-endian float32."""
    return hashlib.sha256(np.ascontiguousarray(shard, "<f4").view(np.uint8).data).digest()


def root_of(kind: str, size: int, digests: Sequence[Sequence[bytes]]) -> bytes:
    """Return the root of an opening with `size` values in each part, from the digests of each part's shards."""
    files = zip(PARTS[kind], digests, strict=True)
    return Manifest(kind, None, tuple(FileEntry(name, 4 * size, tuple(found)) for name, found in files)).root()


def root(kind: str, *parts: Floats) -> bytes:
    """Return the root of an opening, each part float32[n]; nothing is written."""
    return root_of(kind, parts[0].size, [[digest(shard) for shard in shards(part)] for part in parts])


def zero_root(kind: str, size: int) -> bytes:
    """Return the root of an opening of zeros, as before the first step."""
    full, rest = divmod(size, SHARD)
    one = [digest(np.zeros(SHARD, np.float32))] * full
    if rest:
        one.append(digest(np.zeros(rest, np.float32)))
    return root_of(kind, size, [one] * len(PARTS[kind]))


def write(folder: Path, kind: str, *parts: Floats) -> bytes:
    """Write an opening, complete or not at all, and return its root."""
    with staged(folder) as stage:
        for name, part in zip(PARTS[kind], parts, strict=True):
            np.ascontiguousarray(part, "<f4").tofile(stage / name)
        return seal(stage, kind, None).root()


@dataclass(frozen=True, slots=True)
class Opening:
    """An opening whose manifest is the one that a root names. Its bytes are hashed when `shards` gives them out."""

    folder: Path
    manifest: Manifest
    size: int

    def shards(self, part: int = 0) -> Iterator[Floats]:
        """Read one part shard by shard. Refused where a shard isn't what the manifest names."""
        entry = self.manifest.files[part]
        with self._open(entry) as source:
            for expected in entry.chunks:
                shard = np.frombuffer(source.read(CHUNK_BYTES), "<f4")
                if digest(shard) != expected:
                    raise Refused(f"a shard of {entry.name} isn't what was committed to", Reason.STEP)
                yield shard

    @contextmanager
    def reader(self, part: int = 0) -> Iterator[Callable[[int, int], Floats]]:
        """Give a function (place, count) that reads values of a part whose shards were hashed before."""
        with self._open(self.manifest.files[part]) as source:
            yield lambda at, count: np.frombuffer(os.pread(source.fileno(), 4 * count, 4 * at), "<f4")

    def _open(self, entry: FileEntry) -> BufferedReader:
        try:
            source = open_regular(self.folder / entry.name)
        except FileNotFoundError as error:
            raise Refused(f"{entry.name} wasn't opened", Reason.MISSING) from error
        except OSError as error:
            raise Unavailable(f"can't read {self.folder / entry.name}: {error.strerror}") from error
        if os.fstat(source.fileno()).st_size != entry.size:
            source.close()
            raise Refused(f"{entry.name} doesn't have the size that was committed to", Reason.STEP)
        return source


def open_opening(folder: Path, kind: str, expected: bytes, size: int) -> Opening:
    """Open what `write` wrote: the manifest must have the root `expected`, each part `size` values.

    Raises Refused, MISSING when nothing is there: it wasn't opened.
    """
    if not folder.is_dir():
        raise Refused(f"the {kind} 0x{expected.hex()[:16]}… weren't opened", Reason.MISSING)
    manifest = parse(read_bounded(folder / MANIFEST_NAME, MANIFEST_BYTES))
    if manifest.root() != expected or manifest.kind != kind:
        raise Refused(f"the opened {kind} aren't those that were committed to", Reason.STEP)
    if [(entry.name, entry.size) for entry in manifest.files] != [(name, 4 * size) for name in PARTS[kind]]:
        raise Refused(f"the opened {kind} don't have the size of the model", Reason.STEP)
    return Opening(folder, manifest, size)


def wanted(leaves: Sequence[StepLeaf], steps: Sequence[int]) -> list[tuple[str, bytes]]:
    """Return kind and root of all that a trainer has to open when these steps are drawn, the last weights first.

    The state before step 0 is the base checkpoint with zero moments: nobody has to open it.
    """
    found = [(WEIGHTS, leaves[-1].weights_after)]
    for leaf in (leaves[step] for step in steps):
        found.append((GRADIENT, leaf.gradient_root))
        if leaf.step:
            found += [(WEIGHTS, leaf.weights_before), (MOMENTS, leaf.moments_before)]
    return list(dict.fromkeys(found))
