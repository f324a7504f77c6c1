"""The cheapest way from the artifacts that are held to one that is wanted: whole, or over a chain of deltas.

The whole of a version is offered beside its delta, so that a chain is never longer than who follows it wants. Whoever
lacks a base, or meets a delta that is refused, fetches the whole. Knows nothing of where offers come from: each costs
at most its transfer, since what comes out is checked by root.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Protocol

from assay.errors import Refused, Unavailable
from assay.protocol.hashing import hex32
from assay.swarm import delta
from assay.swarm.chunks import ChunkStore

LONGEST = 16
Fetch = Callable[[bytes, int], Path]
"""From an artifact's root and its most bytes to its folder in the store. Refused: it is bad; Unavailable: not now."""


class Offer(Protocol):
    """How to come by the artifact `root`: fetch `artifact`, which is `root` itself or a delta from `base`."""

    @property
    def root(self) -> bytes: ...

    @property
    def artifact(self) -> bytes: ...

    @property
    def base(self) -> bytes: ...

    @property
    def size(self) -> int: ...


def route(offers: Iterable[Offer], held: Collection[bytes], wanted: bytes, longest: int = LONGEST) -> list[Offer]:
    """Return the offers to take, in order, that cost the fewest bytes to fetch; empty when there is no way, or none is
    needed. No way has more than `longest` steps, and offers that lead in circles do no harm."""
    after: dict[bytes, list[Offer]] = {}
    for offer in offers:
        after.setdefault(b"" if offer.artifact == offer.root else offer.base, []).append(offer)
    count = 0
    heap: list[tuple[int, int, int, bytes, list[Offer]]] = [(0, 0, -1, b"", [])]
    heap += [(0, 0, number, root, []) for number, root in enumerate(sorted(held))]
    count, seen = len(heap), dict[bytes, int]()
    while heap:
        cost, depth, _, at, way = heapq.heappop(heap)
        if at == wanted:
            return way
        if seen.get(at, longest + 1) <= depth or depth == longest:
            continue
        seen[at] = depth
        for offer in after.get(at, ()):
            count += 1
            heapq.heappush(heap, (cost + offer.size, depth + 1, count, offer.root, [*way, offer]))
    return []


def bring(wanted: bytes, offers: Iterable[Offer], store: ChunkStore, fetch: Fetch, max_bytes: int) -> Path:
    """Bring the artifact `wanted` into the store by the cheapest way that works, the whole of it at last.

    Raises what `fetch` raises for the whole.
    """
    left = list(offers)
    while not store.has(wanted):
        way = route(left, store.roots(), wanted)
        if not way:
            break
        for offer in way:
            try:
                _take(offer, store, fetch, max_bytes)
            except (Refused, Unavailable):
                left = [one for one in left if one.artifact != offer.artifact or one.root != offer.root]
                break
    if not store.has(wanted):
        fetch(wanted, max_bytes)
    return store.folder(wanted)


def _take(offer: Offer, store: ChunkStore, fetch: Fetch, max_bytes: int) -> None:
    if store.has(offer.root):
        return
    found = fetch(offer.artifact, min(offer.size, max_bytes))
    if offer.artifact != offer.root:
        out = store.location / offer.root.hex()
        delta.apply(found, store.folder(offer.base), out, offer.root, max_bytes)
    if not store.has(offer.root):
        raise Unavailable(f"{hex32(offer.root)} isn't here after its offer was taken")
