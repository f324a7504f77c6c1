"""Whether a submission can be had: after the seal each seat draws one chunk of it, which must be served in its window.

    chunk = keccak("assay.chunk" ‖ seed ‖ uint16 submission ‖ uint8 seat) mod chunks

The seed is the round's audit seed (16 bytes), known to nobody before the seal, so a trainer can't keep back a part that
won't be asked for. Who keeps back a share f of the chunks passes s seats with (1 − f)^s; a validator that replays a
submission needs all of it anyway, so this catches early and cheaply who serves nothing, and isn't the last word.

A chunk that can't be had until the window ends is a vote `UNAVAILABLE`; that is the caller's to say. Knows nothing of
votes. Doesn't tell a source that is down from a path to it that is.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from assay.artifact.manifest import MANIFEST_BYTES, Chunk, parse
from assay.errors import Refused, Unavailable
from assay.protocol.hashing import hex32, keccak, sha256
from assay.swarm.addresses import Resolver, locate, resolve
from assay.swarm.link import Link, Patience

SEED_BYTES = 16
PAUSE_SECONDS = 1.0
"""Between two rounds of asking all sources."""
_TAG = b"assay.chunk"


@dataclass(frozen=True, slots=True)
class Draw:
    """Which chunk: the round's audit seed, the submission's index in the round, the seat."""

    seed: bytes
    submission: int
    seat: int

    def chunk(self, chunks: int) -> int:
        """Return the index of the drawn chunk among `chunks`. Raises Refused: another form of seed or numbers."""
        if len(self.seed) != SEED_BYTES or chunks < 1:
            raise Refused(f"a chunk is drawn by a seed of {SEED_BYTES} bytes from at least one")
        if not 0 <= self.submission < 1 << 16 or not 0 <= self.seat < 1 << 8:
            raise Refused("a submission counts up to 65,535 and a seat up to 255")
        place = self.submission.to_bytes(2, "big") + self.seat.to_bytes(1, "big")
        return int.from_bytes(keccak(_TAG + self.seed + place), "big") % chunks


@dataclass(frozen=True, slots=True)
class Found:
    """The drawn chunk was served by `uri`, `seconds` after the probe began."""

    uri: str
    index: int
    chunk: Chunk
    seconds: float


def probe(
    root: bytes,
    uris: Sequence[str],
    draw: Draw,
    seconds: float,
    *,
    allow_private: bool = False,
    patience: Patience | None = None,
    resolver: Resolver = resolve,
) -> Found:
    """Ask the sources of the artifact `root` for the drawn chunk, again and again until one of them serves it.

    Args:
        seconds: how long to try, the rest of the window.

    Raises:
        Unavailable: no source served it in time; the message says what each did last.
        Refused: no URI may be used.
    """
    began = time.monotonic()
    deadline, said, refusal = began + seconds, dict[str, str](), None
    usable = list(dict.fromkeys(uris))
    while usable:
        for uri in list(usable):
            try:
                source = locate(uri, allow_private=allow_private, resolver=resolver)
            except Refused as error:
                refusal = error
                usable.remove(uri)
                continue
            except Unavailable as error:
                said[uri] = str(error)
                continue
            try:
                index, chunk = _ask(Link(source, patience or Patience(), deadline), root, draw)
                return Found(uri, index, chunk, time.monotonic() - began)
            except (Refused, Unavailable) as error:
                said[uri] = str(error)
            if time.monotonic() >= deadline:
                break
        if time.monotonic() + PAUSE_SECONDS >= deadline:
            break
        time.sleep(PAUSE_SECONDS)
    if refusal is not None and not said:
        raise refusal
    why = "; ".join(said.values())[:600] or "no source was named"
    raise Unavailable(f"the drawn chunk of {hex32(root)} isn't served: {why}")


def _ask(link: Link, root: bytes, draw: Draw) -> tuple[int, Chunk]:
    """Fetch manifest and chunk from one source and check both. Raises Refused: other bytes than the root names."""
    try:
        manifest = parse(link.get(f"/a/{hex32(root)}/manifest", MANIFEST_BYTES))
        if manifest.root() != root:
            raise Refused("it sends the manifest of another artifact")
        chunks = manifest.chunks()
        index = draw.chunk(len(chunks))
        chunk = chunks[index]
        data = link.get(f"/a/{hex32(root)}/{hex32(chunk.digest)}", chunk.size)
        if len(data) != chunk.size or sha256(data) != chunk.digest:
            raise Refused(f"it sends other bytes than chunk {index} has")
    finally:
        link.close()
    return index, chunk
