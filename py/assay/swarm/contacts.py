"""Whom this node tells its news: at most half from what nodes say of themselves, the rest from what the chain names.

So whoever invents many nodes gets half of the announcements at most. Who doesn't answer is left alone for a while, ever
longer; who answers against the protocol for ten minutes. Knows nothing of what is sent. Doesn't hide from contacts what
is announced. Safe to share between threads.
"""

from __future__ import annotations

import random
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

FANOUT = 6
REMEMBERED = 1024
LONGEST_SECONDS = 600.0


@dataclass(slots=True)
class _Contact:
    failures: int = 0
    rest_until: float = 0.0
    said: str = ""


class Contacts:
    """What became of the last tries with each URI, and a choice among those that may be tried."""

    def __init__(
        self,
        chain: Callable[[], Sequence[str]],
        named: Callable[[], Sequence[str]] = tuple,
        draw: random.Random | None = None,
    ) -> None:
        """`chain`: the URIs of enlisted nodes, as on the chain; `named`: those of node records."""
        self._chain, self._named = chain, named
        self._draw = draw or random.Random()  # noqa: S311 - a choice of contacts, no secret
        self._known: OrderedDict[str, _Contact] = OrderedDict()
        self._guard = threading.Lock()

    def choose(self, most: int, now: float, without: Collection[str] = ()) -> list[str]:
        """Return at most `most` URIs to try, in random order; `now` in monotonic seconds."""
        skip = {_plain(uri) for uri in without}
        firm = self._ready(self._chain(), now, skip)
        loose = self._ready(self._named(), now, skip | {_plain(uri) for uri in firm})
        with self._guard:
            self._draw.shuffle(firm)
            self._draw.shuffle(loose)
            others = min(len(loose), max(most // 2, most - len(firm)))
            found = firm[: most - others] + loose[:others]
            self._draw.shuffle(found)
        return found

    def worked(self, uri: str) -> None:
        """It took what it was sent, or answered."""
        with self._guard:
            self._known.pop(uri, None)

    def failed(self, uri: str, now: float, why: str) -> None:
        """It didn't answer: leave it alone for 2, 4, 8 … seconds."""
        self._rest(uri, now, 0.0, why)

    def lied(self, uri: str, now: float, why: str) -> None:
        """It broke the protocol: leave it alone for ten minutes."""
        self._rest(uri, now, LONGEST_SECONDS, why)

    def snapshot(self, now: float) -> list[dict[str, object]]:
        """Return those that are left alone, as plain values for `status`."""
        with self._guard:
            return [
                {"uri": uri, "failures": each.failures, "seconds": round(each.rest_until - now, 1), "said": each.said}
                for uri, each in self._known.items()
                if each.rest_until > now
            ]

    def _rest(self, uri: str, now: float, least: float, why: str) -> None:
        with self._guard:
            found = self._known.setdefault(uri, _Contact())
            self._known.move_to_end(uri)
            found.failures += 1
            found.rest_until = now + min(LONGEST_SECONDS, max(least, 2.0 ** min(found.failures, 10)))
            found.said = why[:200]
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

    def _ready(self, uris: Sequence[str], now: float, skip: Collection[str]) -> list[str]:
        with self._guard:
            resting = {uri for uri, each in self._known.items() if each.rest_until > now}
        return [uri for uri in dict.fromkeys(uris) if uri and uri not in resting and _plain(uri) not in skip]


def _plain(uri: str) -> str:
    return uri.rstrip("/")
