"""Artifacts in a store of objects, named by URL: any that speaks S3, Google's, Azure's, or a folder.

    s3://bucket/prefix?endpoint_override=host:port&scheme=http&region=…      file:///srv/artifacts

The tree is that of the node's own folder, `<root>/manifest.json` beside the files, so a bucket that may be read by
everyone is a source for anyone's fetch. An artifact is there when its manifest is, which is written last. Keys come
from the environment (AWS_ACCESS_KEY_ID …), never from the URL, which ends up in logs. What the store says is checked
like a stranger's word. Knows nothing of HTTP servers or the chain. Doesn't coordinate nodes that share a prefix: two
that put at once may exceed the quota together, and one may remove what another still lists.
"""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from assay.artifact.folder import open_regular, read_bounded
from assay.artifact.manifest import CHUNK_BYTES, MANIFEST_BYTES, MANIFEST_NAME, Chunk, FileEntry, Manifest, parse
from assay.errors import Refused, Unavailable
from assay.protocol.hashing import hex32, sha256
from assay.types import Reason

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

STALE_SECONDS = 3600.0
_CONNECT_SECONDS, _REQUEST_SECONDS = 5.0, 30.0
_ROOT = re.compile(r"[0-9a-f]{64}")
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*(/[A-Za-z0-9_\-][A-Za-z0-9_.\-]*)*/?")
_S3_OPTIONS = frozenset({"endpoint_override", "scheme", "region"})
_INDEXED = 32


class ObjectStore:
    """Artifacts under one prefix. Threads share it."""

    def __init__(self, url: str, quota: int | None = None) -> None:
        """`quota` is the most bytes that may lie under the prefix, manifests included.

        Raises:
            Refused: a URL of another form. Unavailable: the store can't be opened.
        """
        self._files, self._prefix = _open(url)
        self._quota = quota
        self._known: OrderedDict[bytes, tuple[Manifest, dict[bytes, Chunk]]] = OrderedDict()
        self._guard = threading.Lock()

    def put(self, folder: Path) -> bytes:
        """Copy the artifact in `folder` there and return its root. Nobody sees it before all of it is there.

        Raises:
            Refused: SIZE: over the quota; or the files don't match the manifest. Unavailable: the store doesn't answer,
                or there is no artifact in `folder`.
        """
        encoded = read_bounded(folder / MANIFEST_NAME, MANIFEST_BYTES)
        manifest = parse(encoded)
        root = manifest.root()
        if self.has(root):
            return root
        if self._quota is not None and self.used() + manifest.size + len(encoded) > self._quota:
            raise Refused(f"the artifact {hex32(root)} doesn't fit in the store's {self._quota} bytes", Reason.SIZE)
        with _answering():
            self._files.create_dir(self._path(root), recursive=True)
            for entry in manifest.files:
                self._copy(folder / entry.name, self._path(root, entry.name), entry)
            self._write_manifest(self._path(root, MANIFEST_NAME), encoded)
        return root

    def has(self, root: bytes) -> bool:
        """Whether the whole artifact is there."""
        with _answering():
            return self._size(self._path(root, MANIFEST_NAME)) is not None

    def manifest(self, root: bytes) -> Manifest:
        """The manifest of an artifact; Unavailable when it isn't there, Refused when it is another one's."""
        return self._index(root)[0]

    def chunk(self, root: bytes, digest: bytes) -> bytes:
        """One chunk, checked.

        Raises:
            Refused: the store holds other bytes there. Unavailable: it doesn't have the chunk, or doesn't answer.
        """
        chunk = self._index(root)[1].get(digest)
        if chunk is None:
            raise Unavailable(f"the artifact has no chunk {hex32(digest)}")
        with _answering(), self._files.open_input_file(self._path(root, chunk.name)) as source:
            data = bytes(source.read_at(chunk.size, chunk.offset))
        if sha256(data) != digest:
            raise Refused(f"the store holds other bytes than chunk {hex32(digest)} has", Reason.SCHEMA)
        return data

    def roots(self) -> list[bytes]:
        """The roots of all artifacts there, sorted."""
        return sorted(root for root, _, whole in self._folders() if whole)

    def used(self) -> int:
        """Bytes of all that lies under the prefix."""
        with _answering():
            return sum(info.size or 0 for info in self._listed(self._prefix))

    def remove(self, root: bytes) -> None:
        """Forget an artifact: its manifest first, so that nobody begins to read what is going away."""
        with self._guard:
            self._known.pop(root, None)
        with _answering():
            if self._size(self._path(root, MANIFEST_NAME)) is not None:
                self._files.delete_file(self._path(root, MANIFEST_NAME))
            if self._listed(self._path(root)):
                self._files.delete_dir(self._path(root))

    def sweep(self, now: float | None = None) -> int:
        """Remove what broken-off puts of more than an hour ago left; returns how many there were."""
        now = time.time() if now is None else now
        stale = [root for root, newest, whole in self._folders() if not whole and newest < now - STALE_SECONDS]
        for root in stale:
            self.remove(root)
        return len(stale)

    def _path(self, root: bytes, name: str = "") -> str:
        if len(root) != 32:
            raise Refused(f"a root has 32 bytes, this one has {len(root)}")
        return "/".join(part for part in (self._prefix, root.hex(), name) if part)

    def _index(self, root: bytes) -> tuple[Manifest, dict[bytes, Chunk]]:
        with self._guard:
            if root in self._known:
                self._known.move_to_end(root)
                return self._known[root]
        manifest = parse(self._read_manifest(self._path(root, MANIFEST_NAME)))
        if manifest.root() != root:
            raise Refused(f"the store holds another manifest under {hex32(root)}", Reason.SCHEMA)
        found = manifest, {chunk.digest: chunk for chunk in manifest.chunks()}
        with self._guard:
            self._known[root] = found
            while len(self._known) > _INDEXED:
                self._known.popitem(last=False)
        return found

    def _read_manifest(self, path: str) -> bytes:
        with _answering(), self._files.open_input_file(path) as source:
            data = bytes(source.read(MANIFEST_BYTES + 1))
        if len(data) > MANIFEST_BYTES:
            raise Refused(f"{path} has more than {MANIFEST_BYTES} bytes", Reason.SIZE)
        return data

    def _write_manifest(self, path: str, encoded: bytes) -> None:
        """An object appears whole or not at all; a local file only if it is moved to its place."""
        stage = f"{path}.new" if self._files.type_name == "local" else path
        with self._files.open_output_stream(stage) as target:
            target.write(encoded)
        if stage != path:
            self._files.move(stage, path)

    def _copy(self, source: Path, path: str, entry: FileEntry) -> None:
        try:
            local = open_regular(source)
        except FileNotFoundError:
            raise Refused(f"the artifact lacks {entry.name}", Reason.MISSING) from None
        with local as file, self._files.open_output_stream(path) as target:
            for index, digest in enumerate(entry.chunks):
                piece = file.read(CHUNK_BYTES)
                if sha256(piece) != digest:
                    raise Refused(f"chunk {index} of {entry.name} doesn't match the manifest", Reason.SCHEMA)
                target.write(piece)

    def _size(self, path: str) -> int | None:
        info = self._files.get_file_info(path)
        return info.size if info.is_file else None

    def _listed(self, path: str) -> list[Any]:
        from pyarrow.fs import FileSelector

        return list(self._files.get_file_info(FileSelector(path, allow_not_found=True, recursive=True)))

    def _folders(self) -> list[tuple[bytes, float, bool]]:
        """Each root under the prefix, when it was last written to (Unix seconds), and whether its manifest is there."""
        found: dict[bytes, tuple[float, bool]] = {}
        with _answering():
            listed = self._listed(self._prefix)
        for info in listed:
            folder, _, name = info.path.removeprefix(f"{self._prefix}/").partition("/")
            if not _ROOT.fullmatch(folder):
                continue
            newest, whole = found.get(bytes.fromhex(folder), (0.0, False))
            written = info.mtime_ns / 1e9 if info.mtime_ns and info.is_file else 0.0
            found[bytes.fromhex(folder)] = max(newest, written), whole or name == MANIFEST_NAME
        return [(root, newest, whole) for root, (newest, whole) in found.items()]


@contextmanager
def _answering() -> Iterator[None]:
    """Turn what pyarrow raises into the project's errors."""
    try:
        yield
    except FileNotFoundError as error:
        raise Unavailable("the store doesn't have that") from error
    except OSError as error:
        raise Unavailable(f"the store doesn't answer: {str(error)[:300]}") from error


def _open(url: str) -> tuple[FileSystem, str]:
    """The file system that a URL names, and the prefix in it."""
    from pyarrow.fs import FileSystem

    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError:
        raise Refused("the store's URL isn't a URL") from None
    if "@" in parts.netloc or parts.fragment:
        raise Refused("the store's URL has a user or a fragment: keys belong in the environment")
    if parts.scheme == "s3":
        return _open_s3(parts.netloc, parts.path, options)
    if parts.scheme not in {"file", "gs", "abfs", "abfss"}:
        raise Refused(f"a store's URL begins with s3://, gs://, abfs:// or file://, not {parts.scheme[:10]!r}")
    with _answering():
        try:
            files, path = FileSystem.from_uri(url)
        except ValueError as error:
            raise Refused(f"the store's URL isn't one: {str(error)[:200]}") from error
    return files, path.rstrip("/")


def _open_s3(bucket: str, path: str, options: dict[str, str]) -> tuple[FileSystem, str]:
    from pyarrow.fs import S3FileSystem

    prefix = f"{bucket}{path}"
    if not _PREFIX.fullmatch(prefix) or not options.keys() <= _S3_OPTIONS:
        known = ", ".join(sorted(_S3_OPTIONS))
        raise Refused(f"an S3 store's URL is s3://bucket/prefix, with no other options than {known}")
    with _answering():
        files = S3FileSystem(connect_timeout=_CONNECT_SECONDS, request_timeout=_REQUEST_SECONDS, **options)
    return files, prefix.rstrip("/")
