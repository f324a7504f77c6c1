"""One fetch: what is wanted, how patient it is, and what its sources did wrong.

Knows nothing of connections or of how the work is divided.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from assay.errors import Refused, Unavailable
from assay.protocol.hashing import hex32
from assay.swarm.addresses import Resolver, resolve
from assay.swarm.link import Patience
from assay.swarm.peers import PeerBook
from assay.swarm.rate import Rate
from assay.swarm.sources import Sharing
from assay.types import Reason

_log = logging.getLogger(__name__)
Fault = Callable[[str, str], None]
"""Called with a source's URI and a sentence on what it did wrong."""


@dataclass(slots=True)
class Job:
    """The order that `fetch` got, and who failed it. Threads share it."""

    root: bytes
    max_bytes: int
    deadline: float
    patience: Patience = field(default_factory=Patience)
    on_fault: Fault | None = None
    book: PeerBook = field(default_factory=PeerBook)
    rate: Rate | None = None
    sharing: Sharing | None = None
    allow_private: bool = False
    resolver: Resolver = resolve
    liars: set[str] = field(default_factory=set)
    lied: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def blame(self, uri: str, what: str) -> None:
        """Note that a source lied, once and for all."""
        self.liars.add(uri)
        self.lied.append(what)
        self.book.ban(uri, what)
        _log.warning("source %s left: %s", uri, what)
        if self.on_fault is not None:
            self.on_fault(uri, what)

    def miss(self, what: str) -> None:
        """Note that a source is of no use now."""
        self.silent.append(what)
        _log.info("%s", what)

    def pace(self, size: int) -> float:
        """The seconds to wait before `size` more bytes are asked for."""
        if self.rate is None:
            return 0.0
        with self.guard:
            return self.rate.reserve(size, time.monotonic())

    def failed(self) -> Refused | Unavailable:
        """Only when every source was reached and each lied is the artifact itself bad, and no later try helps."""
        said = "; ".join(dict.fromkeys(self.lied + self.silent))[:600] or "no source was named"
        message = f"can't fetch {hex32(self.root)}: {said}"
        return Refused(message, Reason.SCHEMA) if self.lied and not self.silent else Unavailable(message)
