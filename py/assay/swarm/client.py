"""Fetches an artifact from nodes that nobody trusts: every chunk is checked on arrival, whoever lied is named and left.

What arrived stays on disk, so a fetch that was interrupted goes on where it stopped. Knows nothing of what the files
mean. Doesn't hide from sources what is fetched.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assay.artifact.folder import open_regular, read_bounded
from assay.artifact.manifest import MANIFEST_BYTES, MANIFEST_NAME, Chunk, Manifest, parse
from assay.errors import Refused, Unavailable
from assay.protocol.hashing import hex32, sha256
from assay.swarm.addresses import Resolver, Source, locate, resolve
from assay.swarm.chunks import ChunkStore
from assay.swarm.link import Link, Patience
from assay.swarm.transfer import Progress, Transfer
from assay.types import Reason

MAX_SOURCES = 8
RETRIES = 3
MANIFEST_ROUNDS = 2
_CONNECTIONS = 4
_ANY_SIZE = 1 << 62
_log = logging.getLogger(__name__)
Fault = Callable[[str, str], None]
"""Called with a source's URI and a sentence on what it did wrong."""


@dataclass(slots=True)
class _Fetch:
    root: bytes
    max_bytes: int
    deadline: float
    patience: Patience
    on_fault: Fault | None
    liars: set[str] = field(default_factory=set)
    lied: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)

    def blame(self, uri: str, what: str) -> None:
        self.liars.add(uri)
        self.lied.append(what)
        _log.warning("source %s left: %s", uri, what)
        if self.on_fault is not None:
            self.on_fault(uri, what)

    def miss(self, what: str) -> None:
        self.silent.append(what)
        _log.info("%s", what)

    def failed(self) -> Refused | Unavailable:
        """Only when every source was reached and each lied is the artifact itself bad, and no later try helps."""
        said = "; ".join(dict.fromkeys(self.lied + self.silent))[:600] or "no source was named"
        message = f"can't fetch {hex32(self.root)}: {said}"
        return Refused(message, Reason.SCHEMA) if self.lied and not self.silent else Unavailable(message)


def fetch(
    root: bytes,
    uris: Sequence[str],
    into: ChunkStore,
    max_bytes: int,
    seconds: float,
    progress: Progress | None = None,
    *,
    allow_private: bool = False,
    patience: Patience | None = None,
    resolver: Resolver = resolve,
    on_fault: Fault | None = None,
) -> Path:
    """Bring the artifact `root` into the store, from as many of `uris` as are of use, and return its folder.

    Args:
        max_bytes: of all files together; the manifest may have 4 MiB besides.
        seconds: for everything; what arrived by then is kept for the next call.
        progress: called in this thread with (bytes here, bytes in all).
        allow_private: also connect to loopback and private networks.
        on_fault: called, perhaps in another thread, for a source that lied.

    Raises:
        Refused: SIZE: larger than `max_bytes`; SCHEMA: every source sends something else than the root names;
            MISSING: no URI may be used.
        Unavailable: no source has it, they are too slow, time is up, or the disk is full.
    """
    if into.has(root):
        return into.folder(root)
    task = _Fetch(root, max_bytes, time.monotonic() + seconds, patience or Patience(), on_fault)
    with into.claim(root, task.deadline):
        if into.has(root):
            return into.folder(root)
        sources = _sources(task, uris, allow_private, resolver)
        folder = into.partial(root)
        try:
            folder.mkdir(exist_ok=True)
            manifest = _manifest(task, sources, folder)
            _fetch_chunks(task, sources, folder, manifest, progress)
            return into.adopt(root)
        except Refused:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        except OSError as error:
            raise Unavailable(f"can't keep {hex32(root)}: {error.strerror or error}") from error


def fetch_manifest(root: bytes, uris: Sequence[str], seconds: float, *, allow_private: bool = False) -> Manifest:
    """Return the manifest of the artifact `root` alone, from the first of `uris` that has it. Raises as `fetch`."""
    task = _Fetch(root, _ANY_SIZE, time.monotonic() + seconds, Patience(), None)
    with tempfile.TemporaryDirectory() as folder:
        return _manifest(task, _sources(task, uris, allow_private, resolve), Path(folder))


def _sources(task: _Fetch, uris: Sequence[str], allow_private: bool, resolver: Resolver) -> list[Source]:
    found: list[Source] = []
    refusal: Refused | None = None
    for uri in dict.fromkeys(uris):
        if len(found) == MAX_SOURCES or time.monotonic() > task.deadline:
            break
        try:
            found.append(locate(uri, allow_private=allow_private, resolver=resolver))
        except Refused as error:
            refusal = error
            _log.warning("source left: %s", error)
        except Unavailable as error:
            task.miss(str(error))
    if refusal is not None and not found and not task.silent:
        raise refusal
    if not found:
        raise task.failed()
    return found


def _manifest(task: _Fetch, sources: Sequence[Source], folder: Path) -> Manifest:
    """The manifest from an earlier try, or from the first source that has the right one."""
    kept = folder / MANIFEST_NAME
    try:
        return _checked(task, read_bounded(kept, MANIFEST_BYTES))
    except (Unavailable, _WrongRoot):
        pass  # there is none yet, or its file was damaged: ask for it
    for attempt in range(MANIFEST_ROUNDS):
        for source in sources:
            if source.uri not in task.liars and (manifest := _ask_manifest(task, source, kept)) is not None:
                return manifest
        if attempt + 1 < MANIFEST_ROUNDS and len(task.liars) < len(sources):
            time.sleep(min(0.2, max(0.0, task.deadline - time.monotonic())))
    raise task.failed()


def _ask_manifest(task: _Fetch, source: Source, kept: Path) -> Manifest | None:
    """Ask one source; None, and a note of why, when it doesn't have the right manifest."""
    link = Link(source, task.patience, task.deadline)
    try:
        data = link.get(f"/a/{hex32(task.root)}/manifest", MANIFEST_BYTES)
        manifest = _checked(task, data)
    except _TooLarge:
        raise
    except _WrongRoot as error:
        task.blame(source.uri, f"{source.uri} sent {error}")
        return None
    except Unavailable as error:
        task.miss(str(error))
        return None
    except Refused as error:
        task.blame(source.uri, str(error))
        return None
    finally:
        link.close()
    kept.write_bytes(data)
    return manifest


class _TooLarge(Refused):
    """The artifact itself is larger than allowed, as its own manifest says: no source can help."""


class _WrongRoot(Refused):
    """The manifest isn't that of the root: its sender lied, the artifact may be fine."""


def _checked(task: _Fetch, data: bytes) -> Manifest:
    try:
        manifest = parse(data)
    except Refused as error:
        raise _WrongRoot(f"a malformed manifest: {error}", error.reason) from error
    if manifest.root() != task.root:
        raise _WrongRoot("the manifest of another artifact", Reason.SCHEMA)
    if manifest.size > task.max_bytes:
        what = f"the artifact {hex32(task.root)} has {manifest.size} bytes, more than the {task.max_bytes} allowed"
        raise _TooLarge(what, Reason.SIZE)
    return manifest


def _fetch_chunks(
    task: _Fetch, sources: Sequence[Source], folder: Path, manifest: Manifest, progress: Progress | None
) -> None:
    chunks = manifest.chunks()
    transfer = Transfer(folder, chunks, _missing(folder, manifest, chunks))
    sources = [source for source in sources if source.uri not in task.liars]
    each = max(1, _CONNECTIONS // max(1, len(sources)))
    links = [Link(source, task.patience, task.deadline) for source in sources for _ in range(each)]
    pairs = [(source, links[k * each + j]) for k, source in enumerate(sources) for j in range(each)]
    threads = [
        threading.Thread(target=_work, args=(task, transfer, chunks, source, link), daemon=True)
        for source, link in pairs
    ]
    try:
        for thread in threads:
            thread.start()
        transfer.wait(threads, task.deadline, progress, manifest.size)
    finally:
        transfer.stop()
        for link in links:
            link.abort()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
        transfer.close()
    if transfer.failure is not None:
        raise transfer.failure
    if not transfer.complete:
        if time.monotonic() >= task.deadline:
            task.miss("the time is over")
        raise task.failed()


def _missing(folder: Path, manifest: Manifest, chunks: Sequence[Chunk]) -> list[int]:
    """The chunks that an earlier try didn't bring, or that don't read back as they should."""
    missing = []
    for entry in manifest.files:
        ours = [(i, chunk) for i, chunk in enumerate(chunks) if chunk.name == entry.name]
        try:
            with open_regular(folder / entry.name) as source:
                for i, chunk in ours:
                    if sha256(source.read(chunk.size)) != chunk.digest:
                        missing.append(i)
        except FileNotFoundError:
            missing += [i for i, _ in ours]
    return missing


def _work(task: _Fetch, transfer: Transfer, chunks: Sequence[Chunk], source: Source, link: Link) -> None:
    """One thread: fetch chunk after chunk from one source until it lied, failed too often or all is here."""
    failures = 0
    try:
        while (i := transfer.take(source.uri)) is not None:
            try:
                data = link.get(f"/a/{hex32(task.root)}/{hex32(chunks[i].digest)}", chunks[i].size)
                right = transfer.put(i, source.uri, data)
                lie = f"{source.uri} sent other bytes than chunk {i} has"
            except Refused as error:
                right, lie = False, str(error)
            except Unavailable as error:
                transfer.give_back(i, source.uri)
                failures += 1
                if failures == RETRIES:
                    task.miss(str(error))
                    return
                transfer.pause(0.1 * 4**failures)
                continue
            if not right:
                if transfer.bar(source.uri):
                    task.blame(source.uri, lie)
                transfer.give_back(i, source.uri)
                return
            failures = 0
    finally:
        link.close()
