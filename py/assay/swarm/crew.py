"""The threads of one fetch: workers that bring chunks, lookouts that ask who holds what, a scout that finds peers.

Knows nothing of files. Memory is one chunk for each worker. Protects nothing that it was told by a source: chunks are
checked as they arrive, and whoever sent a wrong one is left at once.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.artifact.manifest import CHUNK_BYTES, Chunk
from assay.errors import Refused, Unavailable
from assay.swarm.addresses import URI_CHARACTERS, Source, locate
from assay.swarm.choice import Mask
from assay.swarm.job import Job
from assay.swarm.link import Answered, Link
from assay.swarm.sources import NODE, PLAIN, Way, announce, have, is_absent, records
from assay.swarm.transfer import Transfer
from assay.types import Reason

RETRIES = 3
BUSY_RETRIES = 30
PEERS = 8
"""Sources learned from others, at a time."""
_POLL_SECONDS = 5.0
"""How long a node waits at most before it answers that nothing new is here."""
_LOOK_SECONDS = 0.1
_NOTHING_SECONDS = 0.5
_SCOUT_SECONDS = (0.2, 2.0)
_ANNOUNCE_SECONDS = 30.0
_AGAIN_SECONDS = 10.0


@dataclass(slots=True)
class Seat:
    """A source at work, and how it is asked."""

    source: Source
    given: bool
    way: Way = NODE
    watched: bool = False


class Crew:
    """Starts threads for each source, and ends them all."""

    def __init__(self, job: Job, transfer: Transfer, chunks: Sequence[Chunk]) -> None:
        self._job, self._transfer, self._chunks = job, transfer, chunks
        self._seats: dict[str, Seat] = {}
        self._met: dict[str, float] = {}
        self._links: set[Link] = set()
        self._threads: list[threading.Thread] = []
        self._guard = threading.Lock()
        self._ended = False

    def ask(self, source: Source, way: Way = NODE, *, workers: int = 1, given: bool = True) -> None:
        """Put a source to work. One that was `given` by the caller is taken to hold everything until it says no."""
        seat = Seat(source, given, way)
        with self._guard:
            self._seats[source.uri] = seat
        nothing = None if given else np.zeros(len(self._chunks), dtype=np.bool_)
        self._transfer.join(source.uri, range(workers), origin=given, have=nothing)
        for worker in range(workers):
            self._start(self._work, seat, worker)
        if not given:
            self._watch(seat)

    def scout(self) -> None:
        """Look for further sources, and tell that this node is one, while the fetch lasts."""
        if self._job.sharing is not None:
            self._start(self._scout)

    def end(self) -> None:
        """Stop all threads and wait for them."""
        self._transfer.stop()
        with self._guard:
            self._ended = True
            for link in self._links:
                link.abort()
        for thread in self._threads:
            thread.join()

    # --- one thread each

    def _work(self, seat: Seat, worker: int) -> None:
        """Fetch chunk after chunk from one source until it lied, failed too often or all is here."""
        uri, link = seat.source.uri, self._link(seat.source)
        buffer = memoryview(bytearray(CHUNK_BYTES))
        failures = busy = 0
        try:
            while (i := self._next(uri, worker)) is not None:
                refusal = self._try(seat, link, i, buffer)
                if refusal is None:
                    failures = busy = 0
                    continue
                if _is_busy(refusal):
                    busy += 1
                else:
                    failures += 1
                if failures == RETRIES or busy == BUSY_RETRIES:
                    self._job.miss(str(refusal))
                    return
                self._transfer.pause(self._note(uri, refusal, failures, busy), uri)
        finally:
            self._close(link)
            self._transfer.retire(uri, worker)

    def _look(self, seat: Seat) -> None:
        """Ask one node again and again which chunks it holds, until it holds all."""
        uri, link = seat.source.uri, self._link(seat.source)
        held: int | None = None
        failures = 0
        try:
            while self._transfer.going(uri):
                try:
                    mask = self._holds(link, held)
                    failures = 0
                except Refused as error:
                    self._leave_liar(uri, str(error))
                    return
                except Unavailable as error:
                    failures += 1
                    if failures == RETRIES:
                        self._job.miss(str(error))
                        self._transfer.leave(uri)
                        return
                    self._transfer.pause(0.1 * 4**failures, uri)
                    continue
                self._transfer.know(uri, mask)
                held = int(mask.sum())
                if held == len(self._chunks):
                    return
                watched = sum(other.watched and self._transfer.going(name) for name, other in self._copy())
                self._transfer.pause(_LOOK_SECONDS * max(1, watched) if held else _NOTHING_SECONDS, uri)
        finally:
            self._close(link)

    def _scout(self) -> None:
        told: dict[str, float] = {}
        wait, longest = _SCOUT_SECONDS
        while self._transfer.going():
            seats = [seat for uri, seat in self._copy() if seat.way == NODE and self._transfer.going(uri)]
            learned = [seat for seat in seats if not seat.given]
            random.shuffle(learned)
            for seat in [seat for seat in seats if seat.given] + learned[:2]:
                self._consult(seat, told)
            self._transfer.pause(wait * random.uniform(0.7, 1.3))  # noqa: S311 - spreads load, keeps no secret
            wait = min(longest, 1.5 * wait)

    # --- what they do

    def _next(self, uri: str, worker: int) -> int | None:
        """Keep to the limit on bandwidth, then take a chunk."""
        seconds = self._job.pace(CHUNK_BYTES)
        if seconds > 0:
            self._transfer.pause(seconds, uri)
        return self._transfer.take(uri, worker)

    def _try(self, seat: Seat, link: Link, i: int, buffer: memoryview) -> Unavailable | None:
        """Fetch one chunk; gives what went wrong when it is worth counting. A liar is left."""
        uri, run, whole = seat.source.uri, [i], False
        try:
            if self._job.rate is None and seat.way.has_runs(link):
                run = self._transfer.extend(i, uri)
            try:
                self._bring_all(seat, link, run, buffer)
            except Unavailable as error:
                return self._settle(seat, link, i, buffer, error)
            whole = True
        except Refused as error:
            self._leave_liar(uri, str(error))  # before anybody can take the chunk again
        finally:
            if not whole:
                self._transfer.give_back(run, uri)
        return None

    def _bring_all(self, seat: Seat, link: Link, run: Sequence[int], buffer: memoryview) -> None:
        if len(run) == 1:
            self._bring(seat, seat.way, link, run[0], buffer)
            return
        uri, start = seat.source.uri, time.monotonic()
        wrong: Refused | None = None

        def deliver(k: int, data: memoryview) -> None:
            nonlocal start, wrong
            try:
                self._keep(uri, run[k], data, time.monotonic() - start)
            except Refused as error:
                if wrong is not None:
                    raise
                wrong = error  # what else is under way may be right: only this chunk comes again
                self._leave_liar(uri, str(error))
                self._transfer.give_back([run[k]], uri)
            start = time.monotonic()

        seat.way.run(link, self._job.root, [self._chunks[i] for i in run], buffer, deliver)
        if wrong is not None:
            raise wrong

    def _bring(self, seat: Seat, way: Way, link: Link, i: int, buffer: memoryview) -> None:
        uri, chunk, start = seat.source.uri, self._chunks[i], time.monotonic()
        size = way.chunk(link, self._job.root, chunk, buffer)
        self._keep(uri, i, buffer[:size], time.monotonic() - start)

    def _keep(self, uri: str, i: int, data: memoryview, seconds: float) -> None:
        if not self._transfer.put(i, uri, data, seconds):
            raise Refused(f"{uri} sent other bytes than chunk {i} has", Reason.SCHEMA)
        self._job.book.good(uri, len(data), seconds)

    def _settle(self, seat: Seat, link: Link, i: int, buffer: memoryview, refusal: Unavailable) -> Unavailable | None:
        """Find out why a source doesn't have a chunk: None when it holds a part only, or is asked in another way."""
        link.files = False  # whatever it was, one chunk is asked for next
        if not isinstance(refusal, Answered) or not is_absent(refusal) or seat.way != NODE:
            return refusal
        try:
            mask = have(link, self._job.root, len(self._chunks))
        except Answered as error:
            if not is_absent(error):
                return error
            if seat.given and self._is_plain(seat, link, i, buffer):
                return None
            self._job.miss(str(refusal))
            mask = np.zeros(len(self._chunks), dtype=np.bool_)  # perhaps it fetches too, and begins soon
        except Unavailable as error:
            return error
        self._transfer.know(seat.source.uri, mask)
        self._transfer.meet([seat.source.uri])
        self._watch(seat)
        return refusal if mask[i] else None

    def _is_plain(self, seat: Seat, link: Link, i: int, buffer: memoryview) -> bool:
        for way in PLAIN:
            try:
                self._bring(seat, way, link, i, buffer)
            except Unavailable:
                continue
            seat.way = way
            return True
        return False

    def _holds(self, link: Link, held: int | None) -> Mask:
        """The chunks that a node holds, after a while or as soon as they are more than `held`."""
        root, chunks = self._job.root, len(self._chunks)
        try:
            return have(link, root, chunks, held if self._job.patience.read > _POLL_SECONDS else None)
        except Answered as error:
            if not is_absent(error):
                raise
            return np.zeros(chunks, dtype=np.bool_)

    def _note(self, uri: str, refusal: Unavailable, failures: int, busy: int) -> float:
        """Write a failure down and return how many seconds to wait after it."""
        if _is_busy(refusal):
            self._job.book.busy(uri)
            asked = refusal.retry_after if isinstance(refusal, Answered) else 0.0
            return max(asked, min(2.0, 0.05 * 2.0**busy)) * random.uniform(0.7, 1.3)  # noqa: S311 - not a secret
        self._job.book.bad(uri, str(refusal))
        return 0.1 * 4.0**failures

    def _leave_liar(self, uri: str, what: str) -> None:
        if self._transfer.bar(uri):
            self._job.blame(uri, what)

    def _consult(self, seat: Seat, told: dict[str, float]) -> None:
        """Announce this node to one source, and ask it who else holds or fetches the artifact."""
        uri, root, now = seat.source.uri, self._job.root, time.monotonic()
        sharing = self._job.sharing
        link, found = self._link(seat.source), list[Any]()
        try:
            if sharing and sharing.record and now - told.get(uri, -_ANNOUNCE_SECONDS) >= _ANNOUNCE_SECONDS:
                told[uri] = now
                with suppress(Answered):
                    announce(link, root, sharing.record)
            found = records(link, root)
        except (Refused, Unavailable):
            return  # the workers find out what it is worth
        finally:
            self._close(link)
        self._transfer.meet(str(record.get("uri", ""))[:URI_CHARACTERS] for record in found)
        random.shuffle(found)
        for record in found:
            self._meet(record)

    def _meet(self, record: dict[str, Any]) -> None:
        """Put the node of a record to work, unless it is known or there are enough."""
        sharing, now = self._job.sharing, time.monotonic()
        learned = sum(not seat.given and self._transfer.going(uri) for uri, seat in self._copy())
        if sharing is None or learned >= PEERS or self._known(str(record.get("uri", "")), now):
            return
        try:
            uri = sharing.reader(record)
            if not uri or self._known(uri, now):
                return
            self._met[uri] = now
            source = locate(uri, allow_private=self._job.allow_private, resolver=self._job.resolver)
        except (Refused, Unavailable):
            return
        self.ask(source, given=False)

    def _known(self, uri: str, now: float) -> bool:
        sharing = self._job.sharing
        mine = sharing is not None and uri == sharing.uri
        lately = now - self._met.get(uri, -_AGAIN_SECONDS) < _AGAIN_SECONDS
        return mine or lately or self._transfer.going(uri) or bool(self._job.book.banned(uri))

    # --- threads and links

    def _watch(self, seat: Seat) -> None:
        with self._guard:
            first, seat.watched = not seat.watched, True
        if first:
            self._start(self._look, seat)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        with self._guard:
            if not self._ended:
                thread = threading.Thread(target=target, args=args, name=target.__name__.strip("_"), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _link(self, source: Source) -> Link:
        link = Link(source, self._job.patience, self._job.deadline)
        with self._guard:
            self._links.add(link)
            if self._ended:
                link.abort()
        return link

    def _close(self, link: Link) -> None:
        with self._guard:
            self._links.discard(link)
        link.close()

    def _copy(self) -> list[tuple[str, Seat]]:
        with self._guard:
            return list(self._seats.items())


def _is_busy(refusal: Unavailable) -> bool:
    return isinstance(refusal, Answered) and refusal.status in {429, 503}
