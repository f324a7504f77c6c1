"""Sends announcements to contacts: a few threads, one connection to each contact at a time, short queues, no retries.

What doesn't get through is dropped: the contact hears of it from another node, or asks. Knows nothing of what is sent.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Sequence

from assay.errors import AssayError, Refused
from assay.swarm.addresses import Resolver, locate, resolve
from assay.swarm.contacts import Contacts
from assay.swarm.link import Answered, Link, Patience

THREADS = 8
CONTACTS = 64
"""So many contacts may have something to be sent; what goes beyond is dropped."""
QUEUED = 4
"""Announcements that wait for one contact; a newer one pushes out the oldest."""
PATIENCE = Patience(connect=2.0, read=3.0, answer=5.0)
_ANSWER_BYTES = 4 << 10
_NOT_FOR_IT = 409


class Pusher:
    """Threads that send. Safe to share; `close` ends them."""

    def __init__(
        self,
        contacts: Contacts,
        *,
        allow_private: bool = False,
        resolver: Resolver = resolve,
        patience: Patience = PATIENCE,
        threads: int = THREADS,
    ) -> None:
        self._contacts, self._private, self._resolver, self._patience = contacts, allow_private, resolver, patience
        self._waiting: dict[str, deque[tuple[str, bytes]]] = {}
        self._ready: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._links: set[Link] = set()
        self._closed = False
        self.sent = self.dropped = 0
        self._threads = [threading.Thread(target=self._work, name="push", daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def send(self, uris: Sequence[str], path: str, body: bytes) -> None:
        """Have `body` posted to `path` at each of the URIs, soon or not at all."""
        with self._guard:
            for uri in uris:
                jobs = self._waiting.get(uri)
                if self._closed or (jobs is None and len(self._waiting) >= CONTACTS):
                    self.dropped += 1
                    continue
                if jobs is None:
                    jobs = self._waiting[uri] = deque(maxlen=QUEUED)
                    self._ready.put(uri)
                self.dropped += len(jobs) == QUEUED
                jobs.append((path, body))

    def close(self) -> None:
        """Send no more; ends what is under way."""
        with self._guard:
            self._closed = True
            links = list(self._links)
        for link in links:
            link.abort()
        for _ in self._threads:
            self._ready.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (uri := self._ready.get()) is not None:
            while (job := self._next(uri)) is not None:
                self._post(uri, *job)

    def _next(self, uri: str) -> tuple[str, bytes] | None:
        with self._guard:
            jobs = self._waiting[uri]
            if jobs and not self._closed:
                return jobs.popleft()
            del self._waiting[uri]
            return None

    def _post(self, uri: str, path: str, body: bytes) -> None:
        try:
            source = locate(uri, allow_private=self._private, resolver=self._resolver)
            link = Link(source, self._patience, time.monotonic() + self._patience.answer)
            with self._guard:
                self._links.add(link)
            try:
                if not self._closed:
                    link.post(path, body, _ANSWER_BYTES)
            finally:
                link.close()
                with self._guard:
                    self._links.discard(link)
        except Refused as error:
            self._contacts.lied(uri, time.monotonic(), str(error))
        except AssayError as error:
            if isinstance(error, Answered) and error.status == _NOT_FOR_IT:
                self._contacts.worked(uri)
            else:
                self._contacts.failed(uri, time.monotonic(), str(error))
        else:
            self._contacts.worked(uri)
            with self._guard:
                self.sent += 1
