"""What this node has measured of each source: bytes, bandwidth, failures, bans with their reason.

A node that serves wrong bytes is banned for as long as the book lives. Safe to share between threads and between
fetches. Knows nothing of connections or of what was fetched. Doesn't tell a source from another that took its URI.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from assay.swarm.choice import Measure, preferred

MOST = 1024
"""Sources that are remembered; the one not heard of for longest goes first, banned ones last."""


@dataclass(slots=True)
class Peer:
    """One source, by its URI."""

    received: int = 0
    failures: int = 0
    busy: int = 0
    banned: str = ""
    said: str = ""
    measure: Measure = field(default_factory=Measure)
    heard: float = 0.0


class PeerBook:
    """All sources that this node has dealt with."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._peers: OrderedDict[str, Peer] = OrderedDict()
        self._guard = threading.Lock()

    def good(self, uri: str, size: int, seconds: float) -> None:
        """A source brought `size` right bytes in so many seconds."""
        with self._guard:
            peer = self._peer(uri)
            peer.received += size
            peer.measure.good(size, seconds)

    def bad(self, uri: str, what: str) -> None:
        """A source didn't bring what it was asked for, which may be nobody's fault."""
        with self._guard:
            peer = self._peer(uri)
            peer.failures += 1
            peer.said = what
            peer.measure.bad()

    def busy(self, uri: str) -> None:
        """A source asked to be left alone for a while."""
        with self._guard:
            self._peer(uri).busy += 1

    def ban(self, uri: str, why: str) -> None:
        """A source lied: it is asked for nothing more."""
        with self._guard:
            peer = self._peer(uri)
            peer.banned = peer.banned or why

    def banned(self, uri: str) -> str:
        """Why a source is banned; empty when it isn't."""
        with self._guard:
            peer = self._peers.get(uri)
            return "" if peer is None else peer.banned

    def choose(self, uris: Sequence[str], most: int, draw: np.random.Generator) -> list[str]:
        """At most so many of `uris` that aren't banned: by bandwidth × success, in their order when all fit."""
        with self._guard:
            free = [uri for uri in dict.fromkeys(uris) if uri not in self._peers or not self._peers[uri].banned]
            weights = {uri: self._peers[uri].measure.weight for uri in free if uri in self._peers}
        return preferred(free, weights, most, draw)

    def snapshot(self) -> list[dict[str, object]]:
        """All sources, most bytes first, as plain values: for `status` and for receipts."""
        with self._guard:
            now = self._clock()
            rows: list[tuple[int, dict[str, object]]] = [
                (
                    peer.received,
                    {
                        "uri": uri,
                        "received": peer.received,
                        "bytes_per_second": round(peer.measure.rate),
                        "success": round(peer.measure.success, 3),
                        "failures": peer.failures,
                        "busy": peer.busy,
                        "banned": peer.banned,
                        "said": peer.said,
                        "seconds_since": round(now - peer.heard, 1),
                    },
                )
                for uri, peer in self._peers.items()
            ]
        return [row for _, row in sorted(rows, key=lambda pair: -pair[0])]

    def _peer(self, uri: str) -> Peer:
        peer = self._peers.get(uri)
        if peer is None:
            peer = self._peers[uri] = Peer()
            if len(self._peers) > MOST:
                self._forget()
        peer.heard = self._clock()
        self._peers.move_to_end(uri)
        return peer

    def _forget(self) -> None:
        oldest = next((uri for uri, peer in self._peers.items() if not peer.banned), next(iter(self._peers)))
        del self._peers[oldest]
