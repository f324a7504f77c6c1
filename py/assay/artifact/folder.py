"""An artifact on disk: a folder with manifest.json and the files that it lists.

A folder appears complete or not at all, also when the machine stops in between. Opening one hashes every chunk again,
so bytes that changed since are noticed before use. Knows nothing of file formats. Doesn't protect against whoever can
write to the folder while it is read: keep it where strangers can't.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from assay.artifact.manifest import (
    CHUNK_BYTES,
    MANIFEST_BYTES,
    MANIFEST_NAME,
    Binding,
    FileEntry,
    Manifest,
    check_name,
    parse,
)
from assay.artifact.strict import refuse
from assay.errors import Refused, Unavailable
from assay.types import Reason


@dataclass(frozen=True, slots=True)
class Artifact:
    """An artifact whose bytes were hashed and agree with its manifest."""

    folder: Path
    manifest: Manifest
    root: bytes

    def path(self, name: str) -> Path:
        """Where the file lies; Refused when the manifest doesn't list it."""
        return self.folder / self.manifest.entry(name).name


def write_artifact(folder: Path, kind: str, binding: Binding | None, files: Mapping[str, bytes | Path]) -> Manifest:
    """Write `files` (content, or a file to copy) and their manifest as `folder`, replacing what was there.

    Raises:
        Refused: a name, size or binding that a manifest doesn't allow.
        Unavailable: the disk is full or can't be written.
    """
    for name in files:
        check_name(kind, name)
    with staged(folder) as stage:
        for name, source in files.items():
            if isinstance(source, bytes):
                (stage / name).write_bytes(source)
            else:
                shutil.copyfile(source, stage / name)
        return seal(stage, kind, binding)


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside `folder` and put it in its place when the block ends without an error."""
    stage = folder.with_name(f".{folder.name}.{secrets.token_hex(6)}.new")
    try:
        stage.mkdir(parents=True)
        yield stage
        put_in_place(stage, folder)
    except OSError as error:
        raise Unavailable(f"can't write {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def seal(stage: Path, kind: str, binding: Binding | None) -> Manifest:
    """Hash the files in `stage`, flush them to disk and write the manifest beside them."""
    entries = []
    for path in sorted(stage.iterdir()):
        with path.open("rb") as source:
            digests = tuple(hashlib.sha256(piece).digest() for piece in _pieces(source))
        entries.append(FileEntry(path.name, path.stat().st_size, digests))
    manifest = Manifest(kind, binding, tuple(entries))
    encoded = manifest.to_json()
    if len(encoded) > MANIFEST_BYTES:
        refuse("the artifact is too large for one manifest", Reason.SIZE)
    (stage / MANIFEST_NAME).write_bytes(encoded)
    return manifest


def put_in_place(stage: Path, folder: Path) -> None:
    """Flush `stage` to disk and rename it to `folder`; what stood there before goes away."""
    for path in stage.iterdir():
        flush(path)
    flush(stage)
    old = folder.with_name(f".{folder.name}.{secrets.token_hex(6)}.old")
    with suppress(FileNotFoundError):
        folder.rename(old)
    stage.rename(folder)
    flush(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def flush(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_artifact(folder: Path, max_bytes: int) -> Artifact:
    """Read the manifest of `folder` and hash every chunk of every file that it lists; others are ignored.

    Raises:
        Refused: more than `max_bytes` in all, a file that is missing, a link, of another size or of other bytes.
        Unavailable: there is no artifact in this folder, or the disk doesn't answer.
    """
    manifest = parse(read_bounded(folder / MANIFEST_NAME, MANIFEST_BYTES))
    if manifest.size > max_bytes:
        refuse(f"the artifact has {manifest.size} bytes, more than the {max_bytes} that are allowed", Reason.SIZE)
    for entry in manifest.files:
        _check_file(folder / entry.name, entry)
    return Artifact(folder, manifest, manifest.root())


def open_named(near: Path, root: bytes, kind: str, max_bytes: int) -> Artifact:
    """Open the artifact of a kind that lies among the folders in `near`, each named by its root in hex.

    Raises:
        Refused: another kind, another root, or what `open_artifact` refuses. Unavailable: it isn't here.
    """
    folder = near / root.hex()
    if not folder.is_dir():
        raise Unavailable(f"the {kind} 0x{root.hex()} isn't here")
    artifact = open_artifact(folder, max_bytes)
    if artifact.root != root:
        raise Refused(f"{folder} doesn't hold the {kind} that it is named after")
    if artifact.manifest.kind != kind:
        refuse(f"0x{root.hex()} is a {artifact.manifest.kind}, not of kind {kind}")
    return artifact


@contextmanager
def open_bounded(path: Path, max_bytes: int) -> Iterator[tuple[BufferedReader, int]]:
    """Open a file of at most `max_bytes` and give it with its size; a larger one is Refused, and a disk that fails,
    then or while it is read, Unavailable.
    """
    try:
        with open_regular(path) as source:
            size = os.fstat(source.fileno()).st_size
            if size > max_bytes:
                refuse(f"{path.name} has {size} bytes, more than the {max_bytes} that are allowed", Reason.SIZE)
            yield source, size
    except OSError as error:
        raise Unavailable(f"can't read {path}: {error.strerror}") from error


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading; a link, a pipe or a device is Refused, without waiting on it."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if path.is_symlink():
            raise Refused(f"{path.name} is a link", Reason.SCHEMA) from error
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        refuse(f"{path.name} isn't a file")
    return os.fdopen(handle, "rb")


def read_bounded(path: Path, limit: int) -> bytes:
    """Read at most `limit` bytes of a file; a longer one is Refused, one that can't be read is Unavailable."""
    try:
        with open_regular(path) as source:
            data = source.read(limit + 1)
    except OSError as error:
        raise Unavailable(f"can't read {path}: {error.strerror}") from error
    if len(data) > limit:
        refuse(f"{path.name} has more than {limit} bytes", Reason.SIZE)
    return data


def _check_file(path: Path, entry: FileEntry) -> None:
    try:
        with open_regular(path) as source:
            if os.fstat(source.fileno()).st_size != entry.size:
                refuse(f"{entry.name} doesn't have the size that the manifest names", Reason.SIZE)
            for index, (piece, digest) in enumerate(zip(_pieces(source), entry.chunks, strict=False)):
                if hashlib.sha256(piece).digest() != digest:
                    refuse(f"chunk {index} of {entry.name} doesn't match the manifest")
    except FileNotFoundError as error:
        raise Refused(f"the artifact lacks {entry.name}", Reason.MISSING) from error
    except OSError as error:
        raise Unavailable(f"can't read {path}: {error.strerror}") from error


def _pieces(source: BufferedReader) -> Iterator[bytes]:
    while piece := source.read(CHUNK_BYTES):
        yield piece
