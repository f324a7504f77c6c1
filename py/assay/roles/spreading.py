"""A node's part in the swarm: it says where it serves, hears of new checkpoints, tells of its own, and makes room.

Knows which artifacts the chain still needs; how they move is the swarm's. Doesn't pay for what is served.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from fastapi import APIRouter

from assay.artifact.manifest import parse
from assay.errors import Refused, Unavailable
from assay.protocol.hashing import hex32
from assay.roles import deltas
from assay.roles.serving import Pulse
from assay.store.engine import Store
from assay.store.rows import CheckpointRow
from assay.swarm import news
from assay.swarm.body import Outlet
from assay.swarm.chunks import ChunkStore
from assay.swarm.eviction import KEPT_VERSIONS, Held, to_drop
from assay.swarm.gossip import Gossip
from assay.swarm.listening import Listener
from assay.swarm.peers import PeerBook
from assay.swarm.rate import Rate
from assay.swarm.record import Own
from assay.swarm.release import DELTA, LIFE_SECONDS, NOTHING, WHOLE, Release, sign
from assay.swarm.releases import Chain
from assay.swarm.signed import Network, Stale
from assay.swarm.sources import Sharing
from assay.types import Signer

ROOM_SECONDS: Final = 30.0
LOOSE_SECONDS: Final = 86_400.0
"""An artifact of which the records know nothing is needed for so long after it came: openings, evidence, labels."""


Later = Callable[[str, Callable[[], Any], Callable[[Any], None]], bool]


class Spreading:
    """One node's news, limits and measures. Its cycle calls `turn`; fetches ask it for sources."""

    def __init__(
        self,
        store: Store,
        chunks: ChunkStore,
        signer: Signer,
        network: Network,
        url: Callable[[], str],
        limit: Callable[[int], int | None],
        *,
        upload: int | None = None,
        download: int | None = None,
        quota: int | None = None,
        versions: int = KEPT_VERSIONS,
        allow_private: bool = False,
        later: Later,
        needed: Callable[[], set[bytes]] = set,
    ) -> None:
        """
        Args:
            limit: the most bytes that an artifact of a task may have; None for a task that this node doesn't follow.
            needed: roots that stay, whatever the quota.
            later: runs work in a thread and hands what it gave to a function in the cycle's.
            upload, download: bytes per second. quota: bytes on disk. versions: checkpoints of a task that stay.
        """
        self._store, self._chunks, self._signer, self._network, self._url = store, chunks, signer, network, url
        self._limit, self._quota, self._versions = limit, quota, versions
        self._later, self._needed = later, needed
        self.book, self.down, self.outlet = PeerBook(), Rate(download), Outlet(Rate(upload))
        self._own = Own(network, signer.address, signer.sign_digest, url)
        chain = Chain(self._root, self._admits, limit, self._held)
        self.gossip = Gossip(
            network, chain, self._own, self._enlisted, holds=self._holds, staked=self._staked,
            allow_private=allow_private,
        )  # fmt: skip
        self._listener = Listener(self.gossip, allow_private=allow_private)
        self._desk = news.Desk()
        self._told: set[bytes] = set()
        self._swept = time.monotonic()
        self._serves = False

    # --- for the node

    def routers(self, pulse: Pulse) -> tuple[APIRouter, ...]:
        """The routes of news, of who holds what, and of how this node stands. They come before those of artifacts."""
        self.outlet.count = lambda size: pulse.count("served_bytes_total", size)
        return news.router(self.gossip, self._desk), news.peers_router(self.gossip, self._desk), self._status()

    def start(self) -> None:
        """Begin to listen; the node serves by now."""
        self._serves = True
        self._listener.start()

    def close(self) -> None:
        """Hear and send nothing more."""
        if self._serves:
            self._listener.stop()
        self.gossip.close()
        self._desk.close()

    def sharing(self) -> Sharing | None:
        """How this node's fetches take part; None when it serves nothing."""
        if not self._serves:
            return None
        record = self._own.record()
        return Sharing(self.gossip.reader, record.uri, record.to_json())

    def holders(self, root: bytes) -> list[str]:
        """Where other nodes serve an artifact, as far as they said so."""
        own = self._url()
        return [each.uri for each in self.gossip.holders(root) if each.uri and each.uri != own]

    def turn(self) -> None:
        """Do what is due: pass on what waited, tell of a new checkpoint, ask around, make room."""
        self.gossip.settle()
        for task in self._store.tasks():
            if self._limit(task.id) is not None:
                self._announce(task.id)
        now = time.monotonic()
        if now - self._swept > ROOM_SECONDS:
            self._swept = now
            self.make_room()
            self._later("0:0:ask-around", self.gossip.exchange, lambda _: None)

    def make_room(self, room: int = 0) -> list[bytes]:
        """Drop what isn't needed until `room` bytes more fit into the quota; gives what was dropped."""
        if self._quota is None:
            return []
        dropped = to_drop(self._everything(), self._quota, room, self._versions)
        for root in dropped:
            self._chunks.remove(root)
        return dropped

    # --- telling

    def _announce(self, task: int) -> None:
        newest = self._newest(task)
        if newest is None or newest.root in self._told or not self._url():
            return
        if not self._admits(task, self._signer.address.lower()):
            return
        self._told.add(newest.root)
        if self.gossip.releases.of(task, newest.round):
            return  # somebody else was first
        size = parse(self._chunks.manifest(newest.root)).size
        self._release(newest, newest.root, NOTHING, WHOLE, size)
        base = self._root(task, newest.round - 1) if newest.round else None
        if base is not None and base != newest.root and self._chunks.has(base):
            self._later(
                f"{task}:0:delta:{newest.round}",
                partial(deltas.make, self._chunks, base, newest.root),
                lambda made: self._release(newest, made[0], base, DELTA, made[1]) if made else None,
            )

    def _release(self, row: CheckpointRow, artifact: bytes, base: bytes, codec: str, size: int) -> None:
        expires, seeder = int(time.time()) + LIFE_SECONDS, self._signer.address.lower()
        bare = Release(row.task, row.round, row.root, artifact, base, codec, size, expires, seeder)
        with suppress(Stale):
            self.gossip.announce(sign(self._network, self._signer.sign_digest, bare))

    def _newest(self, task: int) -> CheckpointRow | None:
        known = [row for row in self._store.checkpoints(task) if row.final or row.round == 0]
        newest = max(known, key=lambda row: row.round, default=None)
        return newest if newest is not None and self._chunks.has(newest.root) else None

    # --- what the book of releases asks

    def _root(self, task: int, version: int) -> bytes | None:
        row = self._store.checkpoint(task, version)
        return row.root if row is not None and (row.final or version == 0) else None

    def _admits(self, task: int, account: str) -> bool:
        row = self._store.task(task)
        if row is not None and row.initiator.lower() == account:
            return True
        return any(one.account.lower() == account for one in self._store.enlistments(task))

    def _held(self, task: int) -> int:
        held = [
            row.round
            for row in self._store.checkpoints(task)
            if (row.final or row.round == 0) and self._chunks.has(row.root)
        ]
        return max(held, default=-1)

    def _staked(self, account: str) -> bool:
        return any(
            row.account.lower() == account for task in self._store.tasks() for row in self._store.enlistments(task.id)
        )

    def _enlisted(self) -> list[str]:
        own = self._url()
        rows = [task for task in self._store.tasks() if task.state in {"published", "running"}]
        uris = [uri for row in rows for uri in (row.uri, *(one.uri for one in self._store.enlistments(row.id)))]
        return [uri for uri in dict.fromkeys(uris) if uri and uri != own]

    def _holds(self, root: bytes) -> bool:
        return self._chunks.has(root) or self._chunks.partial(root).is_dir()

    # --- room

    def _everything(self) -> list[Held]:
        versions = {row.root: (row.task, row.round) for task in self._store.tasks() for row in self._final(task.id)}
        loose, needed, now = self._loose(), self._needed(), time.time()
        return [
            Held(root, size, used, versions.get(root), root in needed or self._pinned(root, used, now, versions, loose))
            for root, (size, used) in self._chunks.sizes().items()
        ]

    def _final(self, task: int) -> list[CheckpointRow]:
        return [row for row in self._store.checkpoints(task) if row.final]

    def _loose(self) -> set[bytes]:
        """The submissions that nobody needs any more: of tasks and rounds that are over, without a dispute."""
        found: set[bytes] = set()
        for task in self._store.tasks():
            disputed = {case.round for case in self._store.cases(task.id)}
            over = {row.round for row in self._store.rounds(task.id)} - disputed
            found |= {row.root for row in self._store.submissions(task.id) if row.round in over}
        return found

    @staticmethod
    def _pinned(
        root: bytes, used: float, now: float, versions: dict[bytes, tuple[int, int]], loose: set[bytes]
    ) -> bool:
        return root not in versions and root not in loose and now - used < LOOSE_SECONDS

    # --- status

    def _status(self) -> APIRouter:
        routes = APIRouter(tags=["swarm"])

        @routes.get("/swarm")
        def swarm() -> dict[str, Any]:
            """Say what this node holds, fetches and has measured of its sources."""
            sizes = self._chunks.sizes()
            return {
                "account": self._signer.address,
                "url": self._url(),
                "artifacts": len(self._chunks.roots()),
                "bytes": sum(size for size, _ in sizes.values()),
                "quota": self._quota,
                "fetching": [self._progress(root) for root in sizes if not self._chunks.has(root)],
                "open_downloads": self.outlet.open,
                "sources": self.book.snapshot()[:64],
                "news": self.gossip.snapshot(),
                "releases": [each.plain() for _, each in self.gossip.releases.after(0)][-16:],
            }

        return routes

    def _progress(self, root: bytes) -> dict[str, Any]:
        try:
            bits = self._chunks.have(root)
            chunks = len(parse(self._chunks.manifest(root)).chunks())
        except (Refused, Unavailable):
            return {"root": hex32(root), "here": 0, "chunks": 0}
        return {"root": hex32(root), "here": int.from_bytes(bits).bit_count(), "chunks": chunks}
