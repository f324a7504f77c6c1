"""Partial updates: a trainer's update in parts, about a tensor each, which merge in any order to the same weights.

Parts are cut at multiples of 256 values, the codec's blocks, so all parts of all trainers give to the bit what their
whole updates give. A part counts for the version that the announcement says, on which all nodes agree; a late one with
a weight halved for each version that it is late. So a version is a function of the set of parts alone, whatever order
they came in. Knows nothing of how they are fetched. Doesn't ask whether an update is honest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.artifact.strict import refuse
from assay.artifact.update import Update
from assay.protocol import codec, merge
from assay.types import Reason

LATEST = 16
"""Versions that a part may be late; one that is later counts for nothing."""
Read = Callable[["Part"], Update]


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """A part as it is announced: part `at` of the n-th update of a trainer that starts from version `base`, with units
    > 0; it counts for version `into`, and `root` names its content."""

    trainer: str
    n: int
    base: int
    at: int
    units: int
    into: int
    root: bytes

    @property
    def late(self) -> int:
        """By how many versions it came late; 0 is in time."""
        return self.into - self.base - 1


def cut(sizes: Sequence[int], least: int = 1) -> list[slice]:
    """Return the parts of a row of tensors of `sizes` values: each ends where one does, rounded up to 256 values, and
    has at least `least` but for the last."""
    found, begin, at, total = list[slice](), 0, 0, sum(sizes)
    for size in sizes:
        at += size
        end = min(total, -(-at // codec.BLOCK) * codec.BLOCK)
        if end > begin and (end - begin >= least or end == total):
            found.append(slice(begin, end))
            begin = end
    return found


def taken(update: Update, where: slice) -> Update:
    """Return the part of a whole update that lies at a slice of `cut`."""
    blocks = slice(where.start // codec.BLOCK, codec.blocks_of(where.stop))
    return Update(update.q[where], update.scale[blocks])


def chosen(known: Iterable[Part], into: int) -> dict[int, list[Part]]:
    """Return what counts for version `into`, by part, each sorted. Of two announcements for one place neither does."""
    places: dict[tuple[str, int, int, int], set[Part]] = {}
    for part in known:
        places.setdefault((part.trainer, part.n, part.base, part.at), set()).add(part)
    found: dict[int, list[Part]] = {}
    for same in places.values():
        part = next(iter(same))
        if len(same) == 1 and part.into == into and 0 <= part.late <= LATEST and part.units > 0:
            found.setdefault(part.at, []).append(part)
    return {at: sorted(parts) for at, parts in sorted(found.items())}


def weight(part: Part) -> int:
    """Return what a part counts for: units · 2^(16 − late)."""
    return part.units << (LATEST - part.late)


def merged(
    theta: NDArray[np.float32],
    momentum: NDArray[np.int64] | None,
    cuts: Sequence[slice],
    parts: Mapping[int, Sequence[Part]],
    read: Read,
    outer_lr_4096: int,
    momentum_4096: int,
) -> tuple[NDArray[np.float32], NDArray[np.int64] | None]:
    """Return the next weights float32[n] and momentum int64[n], by `protocol.merge` for each part that somebody sent.

    Where nobody did, both stay as they are. Raises Refused as `merge` does, or for a part that isn't in `cuts`.
    """
    after = theta.copy()
    moved = None
    if momentum_4096:
        moved = np.zeros(theta.shape, np.int64) if momentum is None else momentum.copy()
    for at, some in parts.items():
        if not 0 <= at < len(cuts):
            refuse(f"there is no part {at} of this model", Reason.UPDATE)
        where, own = cuts[at], list[merge.Part]()
        for part in some:
            update = read(part)
            own.append(merge.Part(update.q, update.scale, weight(part)))
        before = moved[where] if moved is not None else None
        after[where], late = merge.merge(theta[where], before, own, outer_lr_4096, momentum_4096)
        if moved is not None and late is not None:
            moved[where] = late
    return after, moved
