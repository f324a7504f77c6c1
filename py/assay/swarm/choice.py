"""What to fetch next and from whom: random first, rarest first, peers before the origin, doubled only at the end.

Pure: numbers in, a decision out; draws come from the generator that is passed in. Knows nothing of connections. Doesn't
judge what a source says it holds: a lie there costs time, never a wrong byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
"""One truth for each chunk."""
Counts = NDArray[np.int32]

RANDOM_FIRST = 2
"""So many chunks are taken at random before rarity counts: something to offer soon, and not what all others fetch."""
DOUBLE_SECONDS = 2.0
"""How long a source may sit on a chunk while another one has nothing left to do, at the least."""
_NEW = 0.3
_GRACE = 0.25
_TIMES = 2.0
_SLACK = 1.5
_STEPS = 4


def next_chunk(can: Mask, holders: Counts, here: int, draw: np.random.Generator | None) -> int | None:
    """Choose among the chunks that may be fetched now; None when there is none.

    Args:
        can: wanted by us, held by the source, in nobody's hands; (n,).
        holders: how many peers hold each chunk, as far as they told; (n,).
        here: how many chunks were fetched so far.
        draw: None takes them in order, which suits disks when nobody fetches beside us.
    """
    found = np.flatnonzero(can)
    if not len(found):
        return None
    if draw is None:
        return int(found[0])
    if here >= RANDOM_FIRST:
        counts = holders[found]
        found = found[counts == counts.min()]
    return int(found[draw.integers(len(found))])


def turns(names: Iterable[str], me: str, chunks: int) -> Counts | None:
    """How many of the nodes `names`, which fetch the same, ask the origin for each chunk before `me` does; (chunks,).

    Every node works the same order out without a word, and one that comes or goes moves nothing between the others. It
    is an order of preference: two that know different names only fetch some chunks twice. None when nobody else is
    there.
    """
    others = set(names) - {me}
    if not me or not others:
        return None
    mine, before = _ranks(me, chunks), np.zeros(chunks, dtype=np.int32)
    for name in others:
        before += _ranks(name, chunks) > mine
    return before


def _ranks(name: str, chunks: int) -> NDArray[np.uint64]:
    seed = int.from_bytes(sha256(name.encode()).digest()[:8], "big")
    return np.random.Generator(np.random.PCG64(seed)).integers(1 << 63, size=chunks, dtype=np.uint64)


def step(idle: float, size: int, rate: float) -> int:
    """How many of those before us are passed over after so many idle seconds: one for each time a chunk takes.

    `size` bytes come at `rate` bytes a second. After four, everybody is: names are cheap to invent.
    """
    passed = int(idle / max(_GRACE, _SLACK * size / rate if rate > 0 else 0.0))
    return passed if passed < _STEPS else 1 << 30


def left_to_peers(backlog: int, peers_rate: float, own_rate: float) -> bool:
    """Whether the origin is spared: peers bring `backlog` bytes soon, or not much later than the origin would.

    Rates are bytes a second, as measured lately; 0 means that none comes.
    """
    if peers_rate <= 0:
        return False
    return backlog / peers_rate <= _GRACE + (_TIMES * backlog / own_rate if own_rate > 0 else 0.0)


def may_double(now: float, since: Mapping[str, float], rates: Mapping[str, float], size: int) -> bool:
    """Whether a chunk of `size` bytes that others have asked for since then may be asked for once more, at the end.

    A source gets twice the time that its measured rate (bytes a second) promises, and at least DOUBLE_SECONDS.
    """
    for name, start in since.items():
        rate = rates.get(name, 0.0)
        if now - start <= max(DOUBLE_SECONDS, 2 * size / rate if rate > 0 else 0.0):
            return False
    return True


@dataclass(slots=True)
class Measure:
    """What a source is worth: bandwidth × success, newer weighing more."""

    rate: float = 0.0
    success: float = 1.0

    def good(self, size: int, seconds: float) -> None:
        """Note `size` bytes that came in so many seconds."""
        seen = size / max(seconds, 1e-4)
        self.rate = seen if self.rate == 0 else (1 - _NEW) * self.rate + _NEW * seen
        self.success = (1 - _NEW) * self.success + _NEW

    def bad(self) -> None:
        """Note an answer that didn't come."""
        self.success *= 1 - _NEW

    @property
    def weight(self) -> float:
        """Bytes a second that may be expected; 0 for one that was never measured."""
        return self.rate * self.success


def preferred(names: Sequence[str], weights: Mapping[str, float], most: int, draw: np.random.Generator) -> list[str]:
    """At most `most` of `names`, each as likely as its weight says; one without a weight counts as the mean.

    They stay in their order, and the first is always among them: whoever names it first means it.
    """
    if len(names) <= most:
        return list(names)
    known = [weights[name] for name in names if weights.get(name, 0.0) > 0]
    mean = sum(known) / len(known) if known else 1.0
    chances = np.array([weights[name] if weights.get(name, 0.0) > 0 else mean for name in names[1:]])
    picked = draw.choice(len(names) - 1, size=most - 1, replace=False, p=chances / chances.sum())
    return [names[0], *(names[1 + int(k)] for k in sorted(picked))]
