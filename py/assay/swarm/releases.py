"""The book of releases: which ones are true, new and wanted here. What isn't is refused, and nothing forwards it.

A release is taken when its seeder is one that the chain admits and signed it, it hasn't expired, its root is the
chain's for that version, what it starts from is an earlier checkpoint on the chain, its size is within the task's, and
its version isn't below the newest that was taken before, unless that checkpoint is wanted as the base of a later delta.
One whose version the chain doesn't know yet waits for it a while.

Knows the chain only through the functions of `Chain`, and nothing of HTTP. Bounded: so many versions of each task, so
many releases of each version and of each seeder. Doesn't prove that a delta gives its root: whoever applies it does.
Safe to share between threads.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from assay.errors import Refused
from assay.swarm.release import DELTA, Release
from assay.swarm.signed import Network, Stale
from assay.types import Reason

VERSIONS = 8
"""Newest versions of each task of which releases are kept, besides those that they start from."""
BACK = 16
"""A delta starts from one of so many versions before its own."""
OF_VERSION, OF_SEEDER = 16, 4
"""Releases of one version, in all and of one seeder."""
TASKS = 64
WAITING, WAITING_OF_SEEDER, WAITING_SECONDS = 64, 4, 900.0


@dataclass(frozen=True, slots=True)
class Chain:
    """What the book asks of the chain and of this node.

    root: the checkpoint's root of (task, version) as it stands on the chain; None while the chain doesn't know it.
    admits: whether an account (lower case) may release checkpoints of a task.
    limit: the most bytes that an artifact of a task may have; None for a task that this node doesn't follow.
    held: the newest version of a task that this node has already taken, also before a restart; −1 for none.
    wanted: whether (task, root) is wanted though it is old: as the base of a delta.
    """

    root: Callable[[int, int], bytes | None]
    admits: Callable[[int, str], bool]
    limit: Callable[[int], int | None]
    held: Callable[[int], int] = lambda task: -1
    wanted: Callable[[int, bytes], bool] = lambda task, root: False


class Taken(Enum):
    """What became of a release that wasn't refused."""

    NEW = "new"
    KNOWN = "known"
    WAITING = "waiting"


class Releases:
    """All releases that this node believes, each with a serial number that grows, also over restarts."""

    def __init__(self, network: Network, chain: Chain, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives unix seconds."""
        self._network, self._chain, self._clock = network, chain, clock
        self._kept: dict[int, OrderedDict[bytes, tuple[int, Release]]] = {}
        self._newest: dict[int, int] = {}
        self._waiting: OrderedDict[bytes, tuple[float, Release]] = OrderedDict()
        self._serial = int(clock() * 1000)
        self._guard = threading.Lock()

    @property
    def serial(self) -> int:
        """The number of the newest release."""
        with self._guard:
            return self._serial

    def offer(self, release: Release) -> Taken:
        """Take a release if it is true, new and wanted.

        Raises:
            Refused: BINDING: forged, or of another root than the chain's; SIZE: too large; BOUNDS: good for too long,
                or one of too many. Its sender is at fault.
            Stale: expired, older than what was taken before, of a task, seeder or base that isn't known here.
        """
        release.check_time(self._clock())
        name = _name(release, self._network)
        with self._guard:
            if name in self._waiting or name in self._kept.get(release.task, {}):
                return Taken.KNOWN
        self._check_bounds(release)
        anchored = self._chain.root(release.task, release.version)
        if anchored is not None and anchored != release.root:
            raise Refused("the release names another root than the chain's for its version", Reason.BINDING)
        release.check(self._network, self._clock())
        if anchored is None:
            return self._wait(name, release)
        self._check_base(release)
        return self._keep(name, release)

    def settle(self) -> list[Release]:
        """Look again at those that wait for the chain; gives the ones that were taken now."""
        with self._guard:
            waiting = list(self._waiting.items())
        taken = []
        for name, (since, release) in waiting:
            if since > self._clock() - WAITING_SECONDS and self._chain.root(release.task, release.version) is None:
                continue
            with self._guard:
                self._waiting.pop(name, None)
            try:
                if since > self._clock() - WAITING_SECONDS and self.offer(release) is Taken.NEW:
                    taken.append(release)
            except Refused:
                continue  # the chain has decided otherwise
        return taken

    def newest(self, task: int) -> int:
        """Return the newest version that was taken, −1 when none was."""
        with self._guard:
            newest = self._newest.get(task, -1)
        return max(newest, self._chain.held(task))

    def of(self, task: int, version: int) -> list[Release]:
        """Return the releases of a version that haven't expired, those that arrived first coming first."""
        return [each for _, each in self._all() if (each.task, each.version) == (task, version)]

    def after(self, serial: int) -> list[tuple[int, Release]]:
        """Return all releases with a greater serial number that haven't expired, oldest first, with their numbers."""
        return sorted((number, each) for number, each in self._all() if number > serial)

    def knows(self, artifact: bytes) -> bool:
        """Whether a release that is kept or waits names this artifact."""
        with self._guard:
            kept = [release for book in self._kept.values() for _, release in book.values()]
            kept += [release for _, release in self._waiting.values()]
        return any(release.artifact == artifact for release in kept)

    def _all(self) -> list[tuple[int, Release]]:
        now = self._clock()
        with self._guard:
            found = [pair for book in self._kept.values() for pair in book.values()]
        return [(number, release) for number, release in found if release.expires > now]

    def _check_bounds(self, release: Release) -> None:
        limit = self._chain.limit(release.task)
        if limit is None:
            raise Stale(f"this node doesn't follow task {release.task}")
        if release.size > limit:
            raise Refused(f"the release has {release.size} bytes, task {release.task} allows {limit}", Reason.SIZE)
        if release.version < self.newest(release.task) and not self._is_base(release):
            raise Stale(f"version {release.version} of task {release.task} is older than what was taken before")
        if not self._chain.admits(release.task, release.seeder):
            raise Stale(f"{release.seeder} isn't admitted as a seeder of task {release.task}")
        rest = self.of(release.task, release.version)
        if len(rest) >= OF_VERSION:
            raise Stale(f"version {release.version} of task {release.task} has enough releases")
        if sum(each.seeder == release.seeder for each in rest) >= OF_SEEDER:
            raise Refused(f"{release.seeder} has signed too many releases of one version", Reason.BOUNDS)

    def _is_base(self, release: Release) -> bool:
        """Whether a newer release that is kept starts from this checkpoint, or this node wants it."""
        with self._guard:
            kept = [each for _, each in self._kept.get(release.task, {}).values()]
        later = any(each.base == release.root and each.version > release.version for each in kept)
        return later or self._chain.wanted(release.task, release.root)

    def _check_base(self, release: Release) -> None:
        if release.codec != DELTA:
            return
        earlier = range(release.version - 1, max(-1, release.version - 1 - BACK), -1)
        if not any(self._chain.root(release.task, version) == release.base for version in earlier):
            raise Stale(f"the delta starts from none of the {BACK} checkpoints before it")

    def _wait(self, name: bytes, release: Release) -> Taken:
        with self._guard:
            mine = [key for key, (_, each) in self._waiting.items() if each.seeder == release.seeder]
            if len(mine) >= WAITING_OF_SEEDER:
                del self._waiting[mine[0]]
            self._waiting[name] = (self._clock(), release)
            if len(self._waiting) > WAITING:
                self._waiting.popitem(last=False)
        return Taken.WAITING

    def _keep(self, name: bytes, release: Release) -> Taken:
        with self._guard:
            book = self._kept.setdefault(release.task, OrderedDict())
            if name in book:
                return Taken.KNOWN
            self._serial = max(self._serial + 1, int(self._clock() * 1000))
            book[name] = (self._serial, release)
            self._newest[release.task] = max(release.version, self._newest.get(release.task, -1))
            self._trim(book, release.task)
        return Taken.NEW

    def _trim(self, book: OrderedDict[bytes, tuple[int, Release]], task: int) -> None:
        """Drop expired releases, and versions beyond the newest ones that none of those starts from."""
        now = self._clock()
        versions = sorted({release.version for _, release in book.values()}, reverse=True)[:VERSIONS]
        floor = self._newest[task] - BACK
        bases = {release.base for _, release in book.values()}
        for name, (_, release) in list(book.items()):
            wanted = release.version in versions or (release.version >= floor and release.root in bases)
            if release.expires <= now or not wanted:
                del book[name]
        while len(self._kept) > TASKS:
            del self._kept[next(key for key in self._kept if key != task)]


def _name(release: Release, network: Network) -> bytes:
    return release.digest(network) + release.signature
