"""What a node drops when its disk is full: pure, from what it holds and what is still needed.

Knows nothing of disks, and not why something is needed: roles say so. A pinned artifact stays, whatever the quota.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

KEPT_VERSIONS = 5


@dataclass(frozen=True, slots=True)
class Held:
    """One artifact on disk.

    Attributes:
        size: bytes on disk.
        used: unix second of its last change.
        version: (task, round) of a checkpoint, None for anything else.
        pinned: an open round, a dispute or a running fetch needs it.
    """

    root: bytes
    size: int
    used: float
    version: tuple[int, int] | None = None
    pinned: bool = False


def to_drop(held: Iterable[Held], quota: int | None, room: int = 0, versions: int = KEPT_VERSIONS) -> list[bytes]:
    """Return what to drop, in order, so that all that stays and `room` bytes more fit into `quota` (None: all fits).

    Pinned artifacts and the newest `versions` checkpoints of each task stay even if that isn't enough. Of the others,
    what is no checkpoint goes first, then the oldest checkpoints.
    """
    everything = list(held)
    excess = 0 if quota is None else sum(one.size for one in everything) + room - quota
    newest = _newest(everything, versions)
    loose = [one for one in everything if not one.pinned and one.root not in newest]
    dropped = []
    for one in sorted(loose, key=lambda one: (one.version is not None, one.used, one.root)):
        if excess <= 0:
            break
        dropped.append(one.root)
        excess -= one.size
    return dropped


def _newest(held: Iterable[Held], versions: int) -> set[bytes]:
    of_task: dict[int, list[tuple[int, bytes]]] = {}
    for one in held:
        if one.version is not None:
            of_task.setdefault(one.version[0], []).append((one.version[1], one.root))
    return {root for found in of_task.values() for _, root in sorted(found)[len(found) - min(versions, len(found)) :]}
