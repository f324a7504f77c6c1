"""Who fetches which chunk: the shared state of one download from several sources at once.

Knows nothing of connections. A source that lied gets no further chunk; a chunk that a slow source sits on is given to
another one as well, once nothing else is left to do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from assay.artifact.manifest import CHUNK_BYTES, Chunk
from assay.protocol.hashing import sha256
from assay.swarm import choice
from assay.swarm.choice import Mask, Measure

CONNECTIONS = 4
"""Spread over all sources, one for each at the least."""
Progress = Callable[[int, int], None]
"""Called with the bytes that are here and those of the whole artifact."""
RUN = 16
"""So many chunks are asked for at once, at most, and never more than come in _RUN_SECONDS."""
_RUN_SECONDS = 0.25
_QUICK = 50e6
"""Bytes a second over one connection, above which a third one brings nothing."""
CROWD = 256
"""So many names of others are remembered."""
_TICK = 0.25
_RAMP_SECONDS = 1.0
_EMPTY_SECONDS = 3.0
"""So long sources that hold nothing yet are waited for."""
_LATELY = 2.0
"""A source that brought nothing for so many seconds isn't counted on."""


class Shelf(Protocol):
    """Where verified chunks go."""

    def put(self, i: int, data: memoryview) -> None:
        """Keep chunk i, whose bytes were checked; OSError when the disk doesn't take it."""
        ...


@dataclass(slots=True)
class _Source:
    """What the transfer knows of one source; `have` is None for one that is taken to hold everything."""

    origin: bool
    have: Mask | None
    heard: float
    workers: list[int] = field(default_factory=list)
    measure: Measure = field(default_factory=Measure)
    idle: float | None = None

    def may_work(self, worker: int, most: int) -> bool:
        """Whether this worker is among the first `most` that ask this source."""
        return worker in self.workers[:most]


class Transfer:
    """The chunks of one artifact on their way into one shelf. Threads share it."""

    def __init__(
        self, shelf: Shelf, chunks: Sequence[Chunk], here: Mask, draw: np.random.Generator | None, me: str = ""
    ) -> None:
        """`draw` None fetches in order; `me` is this node's URI when it shares the work with others."""
        self._shelf, self._chunks, self._draw, self._me = shelf, chunks, draw, me
        self._sizes = np.array([chunk.size for chunk in chunks], dtype=np.int64)
        self._here, self._wanted = here.copy(), ~here
        self._fetched, self._start = 0, time.monotonic()
        self._left = int(self._wanted.sum())
        self._missing_bytes = int(self._sizes[self._wanted].sum())
        self._peers_hold = np.zeros(len(chunks), dtype=np.int32)
        self._crowd: frozenset[str] = frozenset()
        self._turns: choice.Counts | None = None
        self._passed = 0
        self._sources: dict[str, _Source] = {}
        self._holders: dict[int, dict[str, float]] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._barred: set[str] = set()
        self.failure: OSError | None = None

    @property
    def missing_bytes(self) -> int:
        """Bytes of the chunks that aren't here yet."""
        with self._changed:
            return self._missing_bytes

    @property
    def complete(self) -> bool:
        """Whether every chunk is here and was checked."""
        with self._changed:
            return not self._left

    def join(self, uri: str, workers: Sequence[int], *, origin: bool, have: Mask | None = None) -> None:
        """Count with a source, asked by some workers. An origin is spared what peers bring.

        `have` None: it is taken to hold everything.
        """
        with self._changed:
            self._sources[uri] = source = _Source(origin, None, time.monotonic(), list(workers))
            self._hold(source, have)

    def know(self, uri: str, have: Mask) -> None:
        """Note which chunks a source says it holds."""
        with self._changed:
            source = self._sources.get(uri)
            old = have if source is None or source.have is None else source.have
            if source is not None and (old is have or not np.array_equal(old, have)):
                self._tally(source, -1)
                self._hold(source, have)

    def meet(self, names: Iterable[str]) -> None:
        """Note who else fetches the artifact, so that everybody asks the origin for something else first."""
        with self._changed:
            crowd = self._crowd | {name for name in names if name}
            if crowd != self._crowd and len(crowd) <= CROWD:
                self._crowd = crowd
                self._turns = choice.turns(crowd, self._me, len(self._chunks))

    def retire(self, uri: str, worker: int) -> None:
        """Note that a worker has stopped; a source without workers is left."""
        with self._changed:
            source = self._sources.get(uri)
            if source is not None:
                source.workers = [other for other in source.workers if other != worker]
                if not source.workers:
                    self._leave(uri)
            self._changed.notify_all()

    def leave(self, uri: str) -> None:
        """Count no more with a source; whoever waits for a chunk for it gets None."""
        with self._changed:
            self._leave(uri)

    def bar(self, uri: str) -> bool:
        """Leave a source for good; False when it was barred before."""
        with self._changed:
            first = uri not in self._barred
            self._barred.add(uri)
            self._leave(uri)
            return first

    def going(self, uri: str | None = None) -> bool:
        """Whether there is something left to do, with this source if one is named."""
        with self._changed:
            return self._going(uri)

    def take(self, uri: str, worker: int = 0) -> int | None:
        """The next chunk to fetch from this source, waiting for one if need be; None when it is no longer needed."""
        with self._changed:
            while self._going(uri):
                source = self._sources[uri]
                i = self._next(uri, source) if source.may_work(worker, self._connections(source)) else None
                if i is not None:
                    source.heard = time.monotonic()
                    self._holders.setdefault(i, {})[uri] = source.heard
                    self._wanted[i] = False
                    return i
                self._changed.wait(_TICK)
            return None

    def extend(self, i: int, uri: str) -> list[int]:
        """Take the chunks after i too that a quick source is to be asked for in one request; gives i and them."""
        with self._changed:
            source, run = self._sources.get(uri), [i]
            if source is None or source.have is not None:
                return run
            quick = int(source.measure.rate * _RUN_SECONDS / CHUNK_BYTES)
            most = min(RUN, quick, 1 + int(self._wanted.sum()) // (2 * self._connections(source)))
            while len(run) < most and self._follows(i, run[-1] + 1):
                run.append(run[-1] + 1)
                self._holders.setdefault(run[-1], {})[uri] = source.heard
                self._wanted[run[-1]] = False
            return run

    def put(self, i: int, uri: str, data: memoryview, seconds: float) -> bool:
        """Keep chunk i when `data`, which took so many seconds, is what its digest names.

        False when it isn't: the source lied.
        """
        chunk = self._chunks[i]
        if len(data) != chunk.size or sha256(data) != chunk.digest:
            return False
        try:
            if not self._here[i]:
                self._shelf.put(i, data)
        except OSError as error:
            with self._changed:
                self.failure = error
                self._closed = True
                self._changed.notify_all()
            return True
        with self._changed:
            self._arrived(i)
            source = self._sources.get(uri)
            if source is not None:
                source.measure.good(chunk.size, seconds)
                source.heard = time.monotonic()
            self._changed.notify_all()
        return True

    def give_back(self, run: Sequence[int], uri: str) -> None:
        """This source doesn't bring these chunks, or not all of them."""
        with self._changed:
            for i in run:
                holders = self._holders.get(i, {})
                holders.pop(uri, None)
                if not holders:
                    self._holders.pop(i, None)
                    self._wanted[i] = not self._here[i]
            self._changed.notify_all()

    def wait(self, deadline: float, progress: Progress | None, total: int) -> None:
        """Report progress until all is here, no source is left that holds anything, or the deadline is over."""
        reported, held = -1, time.monotonic()
        while True:
            here = total - self.missing_bytes
            if progress is not None and here != reported:
                progress(here, total)
                reported = here
            with self._changed:
                now = time.monotonic()
                left = deadline - now
                if any(source.have is None or source.have.any() for source in self._sources.values()):
                    held = now
                if not self._going() or not self._sources or left <= 0 or now - held > _EMPTY_SECONDS:
                    return
                self._changed.wait(min(left, 0.1))

    def pause(self, seconds: float, uri: str | None = None) -> None:
        """Wait so long, unless the transfer ends or the named source is left."""
        until = time.monotonic() + seconds
        with self._changed:
            while self._going(uri) and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)

    def stop(self) -> None:
        """Give out no more chunks."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _going(self, uri: str | None = None) -> bool:
        return self._left > 0 and not self._closed and (uri is None or uri in self._sources)

    def _follows(self, i: int, j: int) -> bool:
        """Whether chunk j may come in one request with chunk i, being as rare and in the same file."""
        return (
            j < len(self._chunks)
            and bool(self._wanted[j])
            and self._chunks[j].name == self._chunks[i].name
            and self._peers_hold[j] == self._peers_hold[i]
            and (self._turns is None or self._turns[j] <= self._passed)
        )

    def _connections(self, source: _Source) -> int:
        """How many connections a source may have: two keep a quick one busy.

        A node that shares starts with few: peers may turn up any moment.
        """
        most = CONNECTIONS // max(1, len(self._sources))
        if source.measure.rate > _QUICK:
            most = min(most, 2)
        if self._me:
            most = min(most, 1 + int((time.monotonic() - self._start) / _RAMP_SECONDS))
        return max(1, most)

    def _arrived(self, i: int) -> None:
        self._holders.pop(i, None)
        self._wanted[i] = False
        if not self._here[i]:
            self._here[i] = True
            self._left -= 1
            self._fetched += 1
            self._missing_bytes -= self._chunks[i].size

    def _hold(self, source: _Source, have: Mask | None) -> None:
        source.have = None if have is None or have.all() else have
        if source.have is not None:
            source.origin = False
        self._tally(source, 1)
        self._changed.notify_all()

    def _leave(self, uri: str) -> None:
        source = self._sources.pop(uri, None)
        if source is not None:
            self._tally(source, -1)
        self._changed.notify_all()

    def _tally(self, source: _Source, by: int) -> None:
        """Count what a peer holds; origins don't make a chunk less rare."""
        if not source.origin:
            self._peers_hold += by if source.have is None else by * source.have.astype(np.int32)

    def _next(self, uri: str, source: _Source) -> int | None:
        can = self._wanted if source.have is None else self._wanted & source.have
        if source.origin:
            can = self._sparing(can, source)
        i = choice.next_chunk(can, self._peers_hold, self._fetched, self._draw)
        return self._doubled(uri, source) if i is None else i

    def _sparing(self, can: Mask, origin: _Source) -> Mask:
        """What an origin is asked for: chunks that no peer holds, in turn, and others only when peers would be slow."""
        shared = can & (self._peers_hold > 0)
        alone = self._in_turn(can & ~shared, origin)
        if alone.any() or not shared.any():
            return alone
        now = time.monotonic()
        rate = sum(
            peer.measure.rate or origin.measure.rate
            for peer in self._sources.values()
            if not peer.origin and now - peer.heard < _LATELY
        )
        spared = choice.left_to_peers(int(self._sizes[shared].sum()), rate, origin.measure.rate)
        return np.zeros_like(can) if spared else shared

    def _in_turn(self, alone: Mask, origin: _Source) -> Mask:
        """Those of the chunks that nobody else is to fetch first; whoever takes too long is passed over."""
        if self._turns is None or not alone.any():
            return alone
        now = time.monotonic()
        if origin.idle is not None:
            passed = choice.step(now - origin.idle, int(self._sizes.max()), origin.measure.rate)
            self._passed = max(self._passed, passed)
        due = alone & (self._turns <= self._passed)
        if due.any():
            origin.idle = None
        elif origin.idle is None:
            origin.idle = now
        return due

    def _doubled(self, uri: str, source: _Source) -> int | None:
        now = time.monotonic()
        rates = {name: other.measure.rate for name, other in self._sources.items()}
        for i, holders in self._holders.items():
            if uri in holders or (source.have is not None and not source.have[i]):
                continue
            if choice.may_double(now, holders, rates, self._chunks[i].size):
                return i
        return None
