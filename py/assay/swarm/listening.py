"""Hears of news by asking: for a node that can't be reached, and as a second way for one that can.

Two threads each keep a question open at a contact (`GET /r/after/{n}`), which answers when it has something new; so a
release arrives as fast as at a node that is pushed to, and what was new is passed on in the same way. A contact that
doesn't answer or lies is left for another one. Knows nothing of how a release is checked.
"""

from __future__ import annotations

import threading
import time

from assay.artifact import strict
from assay.errors import AssayError, Refused
from assay.swarm.addresses import Resolver, locate, resolve
from assay.swarm.gossip import LIST_BYTES, Gossip
from assay.swarm.link import Link, Patience

THREADS = 2
STAY_SECONDS = 300.0
"""After this long a thread chooses a contact anew, so that no contact decides for ever what a node hears."""
PATIENCE = Patience(connect=5.0, read=35.0, answer=40.0)
_IDLE_SECONDS = 2.0
_PAUSE_SECONDS = 0.1


class Listener:
    """Threads that ask for news until they are stopped."""

    def __init__(
        self,
        gossip: Gossip,
        *,
        allow_private: bool = False,
        resolver: Resolver = resolve,
        patience: Patience = PATIENCE,
        threads: int = THREADS,
    ) -> None:
        self._gossip, self._private, self._resolver, self._patience = gossip, allow_private, resolver, patience
        self._asked: set[str] = set()
        self._links: set[Link] = set()
        self._guard = threading.Lock()
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._work, name="listen", daemon=True) for _ in range(threads)]

    def start(self) -> None:
        """Begin to ask."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End all questions."""
        self._stopped.set()
        with self._guard:
            links = list(self._links)
        for link in links:
            link.abort()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        contacts = self._gossip.contacts
        while not self._stopped.is_set():
            with self._guard:
                found = contacts.choose(1, time.monotonic(), self._asked)
                self._asked.update(found)
            if not found:
                self._stopped.wait(_IDLE_SECONDS)
                continue
            uri = found[0]
            try:
                self._listen(uri)
                contacts.worked(uri)
            except Refused as error:
                contacts.lied(uri, time.monotonic(), str(error))
            except AssayError as error:
                contacts.failed(uri, time.monotonic(), str(error))
            finally:
                with self._guard:
                    self._asked.discard(uri)

    def _listen(self, uri: str) -> None:
        """Ask one contact again and again, for five minutes."""
        until, serial = time.monotonic() + STAY_SECONDS, 0
        source = locate(uri, allow_private=self._private, resolver=self._resolver)
        link = Link(source, self._patience, until + self._patience.answer)
        with self._guard:
            self._links.add(link)
        try:
            while time.monotonic() < until and not self._stopped.is_set():
                began = time.monotonic()
                serial = self._hear(link.get(f"/r/after/{serial}", LIST_BYTES), uri)
                if time.monotonic() - began < 1.0:  # one that always has news is asked ten times a second at most
                    self._stopped.wait(_PAUSE_SECONDS)
        finally:
            link.close()
            with self._guard:
                self._links.discard(link)

    def _hear(self, data: bytes, uri: str) -> int:
        found = strict.fields(strict.load(data, LIST_BYTES, "the news"), ("next", "releases"), "the news")
        serial = strict.integer(found["next"], "the number of the news")
        self._gossip.hear(found["releases"], uri)
        return serial
