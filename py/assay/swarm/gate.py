"""How often strangers may ask: so many calls of each source and of all strangers together, and bans for those who lie.

A source is an IP address (an IPv6 one counts by its /64). One that brought something new and true is a friend for an
hour: friends share an allowance of their own, so a crowd of strangers doesn't shut them out. Bounded: the table holds
so many sources. Pure but for its lock: times are passed in, monotonic seconds. Knows nothing of what is asked. Behind a
proxy all strangers are one source; raise the limits there.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from ipaddress import ip_address

from assay.errors import Unavailable

READ, WRITE = 0.25, 1.0
"""What a question costs, and what an announcement costs, of an allowance."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Calls a second and in a burst: of one source, of all strangers, of all friends; and what a lie costs.

    `lies` within `lies` minutes or so ban a source for `ban_seconds`. `waiting` long polls at once, `waiting_each` of
    one source.
    """

    source: float = 2.0
    source_burst: float = 40.0
    strangers: float = 8.0
    strangers_burst: float = 80.0
    friends: float = 40.0
    friends_burst: float = 200.0
    lies: float = 8.0
    ban_seconds: float = 600.0
    friend_seconds: float = 3600.0
    sources: int = 1024
    waiting: int = 256
    waiting_each: int = 16


class TooMuch(Unavailable):
    """This source, or all together, have asked too often: try again after `seconds`."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


@dataclass(slots=True)
class Bucket:
    """An allowance that refills: `rate` a second, up to `burst`."""

    rate: float
    burst: float
    left: float
    at: float

    def lacks(self, cost: float, now: float) -> float:
        """Return the seconds until `cost` can be paid, 0 when it can be now."""
        self.left = min(self.burst, self.left + max(0.0, now - self.at) * self.rate)
        self.at = max(self.at, now)
        return max(0.0, (cost - self.left) / self.rate)

    def pay(self, cost: float) -> None:
        """Take `cost` away."""
        self.left -= cost


@dataclass(slots=True)
class _Source:
    bucket: Bucket
    lies: float = 0.0
    lied_at: float = 0.0
    banned_until: float = 0.0
    friend_until: float = 0.0
    waiting: int = field(default=0)


class Gate:
    """Lets calls through, or says when to come again. Safe to share between threads."""

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._strangers = Bucket(limits.strangers, limits.strangers_burst, limits.strangers_burst, now)
        self._friends = Bucket(limits.friends, limits.friends_burst, limits.friends_burst, now)
        self._sources: OrderedDict[str, _Source] = OrderedDict()
        self._waiting = 0
        self._guard = threading.Lock()

    def enter(self, source: str, cost: float, now: float) -> None:
        """Count a call. Raises TooMuch when it may not be answered now."""
        with self._guard:
            found = self._source(source, now)
            if found.banned_until > now:
                raise TooMuch("this source is banned for what it sent", found.banned_until - now)
            shared = self._friends if found.friend_until > now else self._strangers
            wait = max(found.bucket.lacks(cost, now), shared.lacks(cost, now))
            if wait > 0:
                raise TooMuch("too many calls", wait)
            found.bucket.pay(cost)
            shared.pay(cost)

    def thank(self, source: str, now: float) -> None:
        """It brought something new and true."""
        with self._guard:
            self._source(source, now).friend_until = now + self._limits.friend_seconds

    def blame(self, source: str, now: float) -> bool:
        """It sent what no honest node sends; True when that bans it. One lie is forgotten a minute."""
        with self._guard:
            found = self._source(source, now)
            found.lies = max(0.0, found.lies - (now - found.lied_at) / 60.0) + 1.0
            found.lied_at = now
            found.friend_until = 0.0
            if found.lies <= self._limits.lies - 1.0:
                return False
            found.banned_until, found.lies = now + self._limits.ban_seconds, 0.0
            return True

    def begin_wait(self, source: str, now: float) -> None:
        """Count a long poll that begins; `end_wait` must follow. Raises TooMuch."""
        with self._guard:
            found = self._source(source, now)
            if self._waiting >= self._limits.waiting or found.waiting >= self._limits.waiting_each:
                raise TooMuch("too many wait for news", 5.0)
            found.waiting += 1
            self._waiting += 1

    def end_wait(self, source: str, now: float) -> None:
        """A long poll has ended."""
        with self._guard:
            self._waiting -= 1
            found = self._source(source, now)
            found.waiting = max(0, found.waiting - 1)

    def banned(self, now: float) -> dict[str, float]:
        """Return the banned sources, each with the seconds that are left."""
        with self._guard:
            return {name: found.banned_until - now for name, found in self._sources.items() if found.banned_until > now}

    def _source(self, source: str, now: float) -> _Source:
        name = name_of(source)
        found = self._sources.get(name)
        if found is None:
            limits = self._limits
            found = self._sources[name] = _Source(
                Bucket(limits.source, limits.source_burst, limits.source_burst, now), lied_at=now
            )
            if len(self._sources) > limits.sources:
                self._forget(now)
        self._sources.move_to_end(name)
        return found

    def _forget(self, now: float) -> None:
        """Drop the source that hasn't been heard of for longest; friends late, those that wait or are banned last."""
        free = [name for name, found in self._sources.items() if not found.waiting and found.banned_until <= now]
        strange = (name for name in free if self._sources[name].friend_until <= now)
        oldest = free[0] if free else next(iter(self._sources))
        del self._sources[next(strange, oldest)]


def name_of(source: str) -> str:
    """Return what a source's address counts as: itself, or the /64 of an IPv6 one."""
    try:
        ip = ip_address(source)
    except ValueError:
        return source[:64]
    if ip.version == 6 and (mapped := getattr(ip, "ipv4_mapped", None)) is not None:
        return str(mapped)
    return source if ip.version == 4 else str(ip_address(int(ip) >> 64 << 64)) + "/64"
