"""News among nodes: a release that this node believes is passed on once, to a few others, and to all who wait for it.

    announce   this node's own release: into the book, then on
    take       a stranger's announcement: checked by `releases` and `records`, then on, if it was new
    settle     those that waited until the chain knew their version
    exchange   ask a contact for its newest, so that what flooding missed arrives too

Whoever can't be reached asks `GET /r/after/{n}`, which answers as soon as something newer than n is there: `listening`.
Knows the chain only through functions, and nothing of HTTP beyond the paths. Doesn't limit who asks: `news` does, with
a `Gate`. Doesn't hide what this node knows. Safe to share between threads.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from assay.artifact import strict
from assay.errors import AssayError, Refused
from assay.protocol.hashing import hex32
from assay.swarm import announcement as announcements
from assay.swarm import record as node_records
from assay.swarm.addresses import Resolver, locate, resolve
from assay.swarm.announcement import Announcement
from assay.swarm.bell import Bell
from assay.swarm.contacts import FANOUT, Contacts
from assay.swarm.link import Link, Patience
from assay.swarm.push import Pusher
from assay.swarm.record import Own, Record
from assay.swarm.records import Records, Staked
from assay.swarm.release import Release
from assay.swarm.releases import Chain, Releases, Taken
from assay.swarm.signed import Network, Stale

LISTED = 64
LIST_BYTES = 128 << 10
"""No answer lists more, in number and in bytes."""
EXCHANGE_SECONDS = 10.0
_SAME_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Gossip:
    """What this node knows of releases and of other nodes, and how it spreads."""

    def __init__(
        self,
        network: Network,
        chain: Chain,
        own: Own,
        enlisted: Callable[[], Sequence[str]],
        *,
        holds: Callable[[bytes], bool] = lambda root: False,
        staked: Staked = lambda account: False,
        allow_private: bool = False,
        resolver: Resolver = resolve,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """
        Args:
            own: this node's record.
            enlisted: the URIs of nodes that the chain names.
            holds: whether this node holds or fetches an artifact.
            staked: whether an account has a stake on the chain.
            clock: unix seconds.
        """
        self._network, self._own, self._holds, self._clock = network, own, holds, clock
        self._private, self._resolver = allow_private, resolver
        self.releases = Releases(network, chain, clock)
        self.records = Records(network, staked)
        self.contacts = Contacts(enlisted, self._named)
        self.bell = Bell()
        self._pusher = Pusher(self.contacts, allow_private=allow_private, resolver=resolver)
        self._lists: dict[int, tuple[float, int, bytes]] = {}
        self._guard = threading.Lock()

    # --- what comes in

    def announce(self, release: Release) -> Taken:
        """Take this node's own release and pass it on. Raises as `Releases.offer`."""
        return self._offer(Announcement(release), "self")

    def take(self, found: Announcement, source: str) -> Taken:
        """Take an announcement from `source` (an IP address or a URI) and pass it on if it is new.

        Raises:
            Refused: no honest node sends this. Stale: nothing for this node, though its sender may be honest.
        """
        return self._offer(found, source)

    def take_record(self, root: bytes, record: Record, source: str) -> None:
        """A node says that it holds or fetches the artifact `root`.

        Raises:
            Refused: forged. Stale: expired, replaced, or of an artifact that this node knows nothing of.
        """
        if not self.knows(root):
            raise Stale(f"this node knows nothing of the artifact {hex32(root)}")
        self.records.take(record, source, self._clock())
        self.records.note(root, record.account, source, self._clock())

    def settle(self) -> list[Release]:
        """Pass on what waited and is on the chain now; call it when there is a new block."""
        taken = self.releases.settle()
        for release in taken:
            self._spread(release, ())
        return taken

    def exchange(self) -> int:
        """Ask one contact for its newest releases; gives how many were new. Does nothing without a contact."""
        found = 0
        for uri in self.contacts.choose(1, time.monotonic()):
            try:
                found = self._ask(uri)
            except Refused as error:
                self.contacts.lied(uri, time.monotonic(), str(error))
            except AssayError as error:
                self.contacts.failed(uri, time.monotonic(), str(error))
            else:
                self.contacts.worked(uri)
        return found

    def hear(self, listed: Any, source: str) -> int:
        """Take a JSON list of announcements that this node asked for; gives how many were new. Raises Refused: one of
        them is what no honest node sends.
        """
        if not isinstance(listed, list) or len(listed) > LISTED:
            strict.refuse(f"the news isn't a list of at most {LISTED}")
        new = 0
        for each in listed:
            try:
                new += self.take(announcements.read(each), source) is Taken.NEW
            except Stale as error:
                _log.debug("news left: %s", error)
        return new

    # --- what goes out

    def knows(self, root: bytes) -> bool:
        """Whether this node holds or fetches an artifact, or a release names it."""
        return self._holds(root) or self.releases.knows(root)

    def newest(self) -> bytes:
        """Return the body of `GET /r`: the newest announcements, a JSON list, newest first."""
        return self._listed(-1)

    def after(self, serial: int) -> bytes:
        """Return the body of `GET /r/after/{n}`: `{"next": n, "releases": […]}`, oldest first."""
        return self._listed(max(0, serial))

    def is_news(self, serial: int) -> bool:
        """Whether there may be something that who has heard of `serial` has not: also after a restart of this node."""
        newest = self.releases.serial
        return newest > serial or (serial > newest and bool(self.releases.after(0)))

    def holders(self, root: bytes) -> list[Record]:
        """Return records of nodes that hold or fetch an artifact, this one's among them if it does; at most 64."""
        found = self.records.holders(root, self._clock())
        own = self._own.record()
        if own.uri and self._holds(root):
            found = [own, *(each for each in found if each.account != own.account)]
        return found[:LISTED]

    def reader(self, value: Any) -> str:
        """Check a record that another node listed, keep it, and return where its account serves now; for the client of
        `fetch`. Raises Refused.
        """
        record = node_records.read(value)
        try:
            self.records.take(record, "fetch", self._clock())
        except Stale:
            newer = self.records.of(record.account, self._clock())
            if newer is None:
                raise
            return newer.uri
        return record.uri

    def snapshot(self) -> dict[str, object]:
        """Return what `status` shows, as plain values."""
        return {
            "releases": len(self.releases.after(0)),
            "nodes": len(self.records),
            "sent": self._pusher.sent,
            "dropped": self._pusher.dropped,
            "resting": self.contacts.snapshot(time.monotonic()),
        }

    def close(self) -> None:
        """Send nothing more."""
        self._pusher.close()

    # --- inside

    def _offer(self, found: Announcement, source: str) -> Taken:
        taken = self.releases.offer(found.release)
        fault: Refused | None = None
        for record in found.records:
            try:
                self.records.take(record, source, self._clock())
                self.records.note(found.release.artifact, record.account, source, self._clock())
            except Stale as error:
                _log.debug("record left: %s", error)
            except Refused as error:
                fault = error
        if taken is Taken.NEW:
            self._spread(found.release, found.records)
        if fault is not None:
            raise fault  # the release is true whoever brought it; who adds a forged record to it is still at fault
        return taken

    def _spread(self, release: Release, heard_with: Sequence[Record]) -> None:
        """Tell a few contacts, though not those that it came from, and all who wait."""
        self.bell.ring()
        own = self._own.record()
        without = [own.uri, *(record.uri for record in heard_with)]
        uris = self.contacts.choose(FANOUT, time.monotonic(), without)
        self._pusher.send(uris, "/r", self._dressed(release, own).to_json())

    def _dressed(self, release: Release, own: Record) -> Announcement:
        """Add where to fetch it: the seeder's record and this node's own."""
        records = [own] if own.uri else []
        seeder = self.records.of(release.seeder, self._clock()) if release.seeder != own.account else None
        if seeder is not None and seeder.uri:
            records.insert(0, seeder)
        elif not records:
            records = self.records.holders(release.artifact, self._clock())
        return Announcement(release, tuple(records[: announcements.RECORDS]))

    def _named(self) -> list[str]:
        return [uri for uri, _ in self.records.uris(self._clock())]

    def _ask(self, uri: str) -> int:
        source = locate(uri, allow_private=self._private, resolver=self._resolver)
        link = Link(source, Patience(), time.monotonic() + EXCHANGE_SECONDS)
        try:
            data = link.get("/r", LIST_BYTES)
        finally:
            link.close()
        return self.hear(strict.load(data, LIST_BYTES, "the news"), uri)

    def _listed(self, serial: int) -> bytes:
        """The body for who has heard of `serial`; −1: the plain list. Kept for a second, so asking often costs little;
        numbers that get the same answer share it.
        """
        newest, now = self.releases.serial, self._clock()
        if serial > newest:
            serial = 0  # it heard that number from an earlier life of this node, or made it up
        found = self.releases.after(0)
        if serial >= 0:
            serial = max((number for number, _ in found if number <= serial), default=0)
        with self._guard:
            at, of, body = self._lists.get(serial, (0.0, -1, b""))
            if of == newest and 0 <= now - at < _SAME_SECONDS:
                return body
            if len(self._lists) >= LISTED:
                self._lists.clear()
        body = self._body([pair for pair in found if pair[0] > serial], serial < 0, newest)
        with self._guard:
            self._lists[serial] = (now, newest, body)
        return body

    def _body(self, found: Sequence[tuple[int, Release]], plain: bool, newest: int) -> bytes:
        own, chosen, room = self._own.record(), list[bytes](), LIST_BYTES - 64
        for _, release in reversed(found[-LISTED:]):
            piece = self._dressed(release, own).to_json()
            room -= len(piece) + 1
            if room < 0:
                break
            chosen.append(piece)
        if plain:
            return b"[" + b",".join(chosen) + b"]"
        newest = max((number for number, _ in found), default=newest)
        return b'{"next":%d,"releases":[%s]}' % (newest, b",".join(reversed(chosen)))
