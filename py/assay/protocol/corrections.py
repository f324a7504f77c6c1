"""Which checkpoint takes back what was included and turned out not to be work, or puts in what turned out to be.

A checkpoint stays final whatever is ruled later; what was wrong in it enters a later one. A share that was settled at
second t enters the checkpoint of round r, built on the checkpoint of round h, if votes_end(h) ≤ t < votes_end(r): each
change enters once on any chain of checkpoints, and every node finds the same ones. Knows no weights: see `merge`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settled:
    """What a submission turned out to be, work or not, and at which second."""

    index: int
    time: int
    is_work: bool


@dataclass(frozen=True, slots=True)
class Correction:
    """The submissions of a round that have counted so far, and those that ought to; both ascending."""

    round: int
    before: tuple[int, ...]
    after: tuple[int, ...]


def correction(
    round_: int, applied: Collection[int], settled: Iterable[Settled], since: int | None, until: int
) -> Correction | None:
    """Return what changes for a round's submissions in [since, until); None when nothing does.

    `applied` went into the round's own checkpoint. `since` is None for a checkpoint that is built on genesis.
    """
    events = sorted(settled, key=lambda event: (event.time, event.index))
    before = _with(applied, [event for event in events if since is not None and event.time < since])
    after = _with(applied, [event for event in events if event.time < until])
    return None if before == after else Correction(round_, before, after)


def _with(applied: Collection[int], events: Iterable[Settled]) -> tuple[int, ...]:
    counted = set(applied)
    for event in events:
        (counted.add if event.is_work else counted.discard)(event.index)
    return tuple(sorted(counted))
