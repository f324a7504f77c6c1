"""Fetches an artifact from nodes that nobody trusts: every chunk is checked on arrival, whoever lied is named and left.

What arrived stays on disk, so a fetch that was interrupted goes on where it stopped, and a node that serves the same
store passes chunks on before it has them all. Knows nothing of what the files mean. Doesn't hide from sources what is
fetched.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from assay.artifact.folder import read_bounded
from assay.artifact.manifest import MANIFEST_BYTES, MANIFEST_NAME, Manifest, parse
from assay.errors import Refused, Unavailable
from assay.protocol.hashing import hex32
from assay.swarm.addresses import Resolver, Source, locate, resolve
from assay.swarm.chunks import ChunkStore
from assay.swarm.crew import Crew
from assay.swarm.job import Fault, Job
from assay.swarm.link import Link, Patience
from assay.swarm.peers import PeerBook
from assay.swarm.rate import Rate
from assay.swarm.sources import NODE, Sharing, Way, find_manifest, read_bits
from assay.swarm.transfer import CONNECTIONS, Progress, Transfer
from assay.types import Reason

MAX_SOURCES = 8
MANIFEST_ROUNDS = 2
_ANY_SIZE = 1 << 62
_log = logging.getLogger(__name__)


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
    book: PeerBook | None = None,
    rate: Rate | None = None,
    sharing: Sharing | None = None,
) -> Path:
    """Bring the artifact `root` into the store, from as many of `uris` as are of use, and return its folder.

    Args:
        max_bytes: of all files together; the manifest may have 4 MiB besides.
        seconds: for everything; what arrived by then is kept for the next call.
        progress: called in this thread with (bytes here, bytes in all).
        allow_private: also connect to loopback and private networks.
        on_fault: called, perhaps in another thread, for a source that lied.
        book: what is known of sources from earlier fetches, and where this one's measures go; liars in it are left out.
        rate: the limit on what comes in, shared by all fetches that it is given to.
        sharing: also learn sources from sources, and tell them that this node is one.

    Raises:
        Refused: SIZE: larger than `max_bytes`; SCHEMA: every source sends something else than the root names;
            MISSING: no URI may be used.
        Unavailable: no source has it, they are too slow, time is up, or the disk is full.
    """
    if into.has(root):
        return into.folder(root)
    deadline = time.monotonic() + seconds
    known = PeerBook() if book is None else book
    job = Job(
        root, max_bytes, deadline, patience or Patience(), on_fault, known, rate, sharing, allow_private, resolver
    )
    with into.claim(root, deadline):
        if into.has(root):
            return into.folder(root)
        sources = _sources(job, uris)
        folder = into.partial(root)
        try:
            folder.mkdir(exist_ok=True)
            manifest, ways = _manifest(job, sources, folder)
            _fetch_chunks(job, sources, ways, into, manifest, progress)
            return into.adopt(root)
        except Refused:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        except OSError as error:
            raise Unavailable(f"can't keep {hex32(root)}: {error.strerror or error}") from error


def fetch_manifest(root: bytes, uris: Sequence[str], seconds: float, *, allow_private: bool = False) -> Manifest:
    """Return the manifest of the artifact `root` alone, from the first of `uris` that has it. Raises as `fetch`."""
    job = Job(root, _ANY_SIZE, time.monotonic() + seconds, allow_private=allow_private)
    with tempfile.TemporaryDirectory() as folder:
        return _manifest(job, _sources(job, uris), Path(folder))[0]


def _sources(job: Job, uris: Sequence[str]) -> list[Source]:
    found: list[Source] = []
    refusal: Refused | None = None
    for uri in dict.fromkeys(uris):
        if why := job.book.banned(uri):
            job.miss(f"{uri} was left before: {why}")
    best = job.book.choose(uris, MAX_SOURCES, np.random.default_rng())
    for uri in dict.fromkeys(best + job.book.choose(uris, len(uris), np.random.default_rng())):
        if len(found) == MAX_SOURCES or time.monotonic() > job.deadline:
            break
        try:
            found.append(locate(uri, allow_private=job.allow_private, resolver=job.resolver))
        except Refused as error:
            refusal = error
            _log.warning("source left: %s", error)
        except Unavailable as error:
            job.miss(str(error))
    if refusal is not None and not found and not job.silent:
        raise refusal
    if not found:
        raise job.failed()
    return found


def _manifest(job: Job, sources: Sequence[Source], folder: Path) -> tuple[Manifest, dict[str, Way]]:
    """The manifest from an earlier try, or from the first source that has it, with the way to ask that one."""
    kept = folder / MANIFEST_NAME
    try:
        return _checked(job, read_bounded(kept, MANIFEST_BYTES)), {}
    except (Unavailable, _WrongRoot):
        pass  # there is none yet, or its file was damaged: ask for it
    for attempt in range(MANIFEST_ROUNDS):
        for source in sources:
            if source.uri not in job.liars and (found := _ask_manifest(job, source, kept)) is not None:
                return found
        if attempt + 1 < MANIFEST_ROUNDS and len(job.liars) < len(sources):
            time.sleep(min(0.2, max(0.0, job.deadline - time.monotonic())))
    raise job.failed()


def _ask_manifest(job: Job, source: Source, kept: Path) -> tuple[Manifest, dict[str, Way]] | None:
    """Ask one source; None, and a note of why, when it doesn't have the right manifest."""
    link = Link(source, job.patience, job.deadline)
    try:
        way, data = find_manifest(link, job.root)
        manifest = _checked(job, data)
    except _TooLarge:
        raise
    except _WrongRoot as error:
        job.blame(source.uri, f"{source.uri} sent {error}")
        return None
    except Unavailable as error:
        job.miss(str(error))
        return None
    except Refused as error:
        job.blame(source.uri, str(error))
        return None
    finally:
        link.close()
    written = kept.with_suffix(".new")
    written.write_bytes(data)
    written.replace(kept)  # this node's server may be reading it
    return manifest, {source.uri: way}


class _TooLarge(Refused):
    """The artifact itself is larger than allowed, as its own manifest says: no source can help."""


class _WrongRoot(Refused):
    """The manifest isn't that of the root: its sender lied, the artifact may be fine."""


def _checked(job: Job, data: bytes) -> Manifest:
    try:
        manifest = parse(data)
    except Refused as error:
        raise _WrongRoot(f"a malformed manifest: {error}", error.reason) from error
    if manifest.root() != job.root:
        raise _WrongRoot("the manifest of another artifact", Reason.SCHEMA)
    if manifest.size > job.max_bytes:
        what = f"the artifact {hex32(job.root)} has {manifest.size} bytes, more than the {job.max_bytes} allowed"
        raise _TooLarge(what, Reason.SIZE)
    return manifest


def _fetch_chunks(
    job: Job,
    sources: Sequence[Source],
    ways: dict[str, Way],
    into: ChunkStore,
    manifest: Manifest,
    progress: Progress | None,
) -> None:
    chunks, sharing = manifest.chunks(), job.sharing
    sources = [source for source in sources if source.uri not in job.liars]
    draw = None if sharing is None and len(sources) == 1 else np.random.default_rng()
    with into.growing(job.root, manifest) as shelf:
        here = read_bits(shelf.have(), len(chunks))
        transfer = Transfer(shelf, chunks, here, draw, "" if sharing is None else sharing.uri)
        crew = Crew(job, transfer, chunks)
        try:
            for source in sources:
                workers = max(1, CONNECTIONS // len(sources))
                crew.ask(source, ways.get(source.uri, NODE), workers=workers)
            crew.scout()
            transfer.wait(job.deadline, progress, manifest.size)
        finally:
            crew.end()
    if transfer.failure is not None:
        raise transfer.failure
    if not transfer.complete:
        if time.monotonic() >= job.deadline:
            job.miss("the time is over")
        raise job.failed()
