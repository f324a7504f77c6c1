"""Lossless deltas between artifacts: small when few values changed, and exact, since what comes out is named by root.

A delta is an artifact itself, of kind `delta`: `delta.json` says from which root to which, `patch.bin` holds the
changes (`patch`). So it is fetched, checked and served like any other. What it gives is put in place only if its root
is the one that was wanted, whoever made the delta. Knows nothing of versions: see `route`. Doesn't fetch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from assay.artifact import strict
from assay.artifact.folder import open_artifact, open_bounded, read_bounded, seal, staged
from assay.artifact.manifest import MANIFEST_BYTES, MANIFEST_NAME, MAX_FILES, Manifest, check_name, parse
from assay.artifact.strict import refuse
from assay.artifact.tensors import UNBOUNDED
from assay.errors import Refused, Unavailable
from assay.protocol.hashing import hex32
from assay.swarm.layout import Bases
from assay.swarm.patch import Reader, Writer
from assay.types import Reason

KIND: Final = "delta"
TABLE, PATCH = "delta.json", "patch.bin"
TABLE_BYTES: Final = 64 << 10
FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Delta:
    """From which artifact to which: roots of 32 bytes, the kind of the latter and its files' names and sizes in bytes,
    sorted by name."""

    base: bytes
    root: bytes
    kind: str
    files: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        """Bytes of all files that come out."""
        return sum(size for _, size in self.files)

    def to_json(self) -> bytes:
        """Return what `read_table` reads."""
        files = [{"name": name, "size": size} for name, size in self.files]
        top = {"base": hex32(self.base), "files": files, "format": FORMAT, "kind": self.kind, "root": hex32(self.root)}
        return strict.dump(top, TABLE)


def make(base: Path, target: Path, out: Path) -> Manifest:
    """Write the delta from the artifact in folder `base` to that in `target` as the artifact `out`.

    Memory is a few blocks of 8 MiB. The files aren't hashed again: whoever applies the delta checks what it gives.

    Raises:
        Refused: a target that is bound to a round, which nobody has a base for, or files that don't fit their manifest.
        Unavailable: an artifact isn't there, or the disk is full.
    """
    old, new = _manifest(base), _manifest(target)
    if new.binding is not None:
        refuse(f"a {new.kind} belongs to one round and has no delta")
    names = [entry.name for entry in old.files]
    lies = Bases(base, names)
    table = Delta(old.root(), new.root(), new.kind, tuple((entry.name, entry.size) for entry in new.files))
    with staged(out) as stage, _opened(base, names) as sources:
        (stage / TABLE).write_bytes(table.to_json())
        with (stage / PATCH).open("wb") as sink:
            writer = Writer(sink, [source for source, _ in sources])
            for entry in new.files:
                with open_bounded(target / entry.name, UNBOUNDED) as (file, size):
                    if size != entry.size:
                        refuse(f"{entry.name} doesn't have the size that its manifest names", Reason.SIZE)
                    writer.file(file, lies.segments(entry.name, target / entry.name))
        return seal(stage, KIND, None)


def read_table(data: bytes) -> Delta:
    """Read a stranger's `delta.json`. Raises Refused."""
    what = TABLE
    top = strict.fields(strict.load(data, TABLE_BYTES, what), ("base", "files", "format", "kind", "root"), what)
    if top["format"] != FORMAT or not isinstance(top["kind"], str):
        refuse(f"{what} isn't of format {FORMAT}")
    if not isinstance(top["files"], list) or not 1 <= len(top["files"]) <= MAX_FILES:
        refuse(f"{what} must list 1 to {MAX_FILES} files")
    files = []
    for item in top["files"]:
        entry = strict.fields(item, ("name", "size"), f"a file of {what}")
        if not isinstance(entry["name"], str):
            refuse(f"a file of {what} has no name")
        check_name(top["kind"], entry["name"])
        files.append((entry["name"], strict.integer(entry["size"], f"a file's size in {what}", 1)))
    names = [name for name, _ in files]
    if names != sorted(set(names)):
        refuse(f"{what} must list its files once each, sorted by name")
    base, root = strict.bytes32(top["base"], f"{what}'s base"), strict.bytes32(top["root"], f"{what}'s root")
    return Delta(base, root, top["kind"], tuple(files))


def apply(delta: Path, base: Path, out: Path, root: bytes, max_bytes: int) -> Path:
    """Rebuild the artifact `root` as folder `out` from a delta and its base, and return `out`.

    Args:
        delta, base: folders of artifacts that are held.
        max_bytes: of what comes out; checked before anything is written.

    Raises:
        Refused: the delta is malformed, from another base, to another root, too large, or doesn't give what it says.
        Unavailable: something isn't there, the base was damaged on this disk, or the disk is full.
    """
    artifact = open_artifact(delta, UNBOUNDED)
    if artifact.manifest.kind != KIND:
        refuse(f"this artifact is a {artifact.manifest.kind}, not a delta")
    table = read_table(read_bounded(artifact.path(TABLE), TABLE_BYTES))
    old = _manifest(base)
    if table.root != root or table.base != old.root():
        refuse("the delta starts from another artifact or leads to another one")
    if table.size > max_bytes:
        refuse(f"the delta would give {table.size} bytes, more than the {max_bytes} that are allowed", Reason.SIZE)
    names = [entry.name for entry in old.files]
    try:
        with staged(out) as stage, _opened(base, names) as sources:
            _rebuild(table, artifact.path(PATCH), sources, stage)
            if seal(stage, table.kind, None).root() != root:
                refuse(f"the delta doesn't give {hex32(root)}")
    except Refused as fault:
        try:
            open_artifact(base, UNBOUNDED)
        except Refused as damage:
            raise Unavailable(f"the base {hex32(table.base)} is damaged on this disk: {damage}") from fault
        raise
    return out


def _rebuild(table: Delta, patch: Path, sources: Sequence[tuple[BinaryIO, int]], stage: Path) -> None:
    with open_bounded(patch, UNBOUNDED) as (source, _):
        reader = Reader(source, sources)
        for name, size in table.files:
            with (stage / name).open("xb") as sink:
                reader.file(size, sink)
        reader.end()


def _manifest(folder: Path) -> Manifest:
    return parse(read_bounded(folder / MANIFEST_NAME, MANIFEST_BYTES))


@contextmanager
def _opened(folder: Path, names: Sequence[str]) -> Iterator[list[tuple[BinaryIO, int]]]:
    with ExitStack() as stack:
        yield [stack.enter_context(open_bounded(folder / name, UNBOUNDED)) for name in names]
