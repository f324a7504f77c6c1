"""Which versions a node fetches and which halves it drops while newer ones appear. Pure.

The oldest one under way is finished, so that a node gets on however fast versions appear; the newest is next; what lies
between is dropped. Knows no bytes; complete versions are `eviction`'s matter.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """Versions to fetch, in order, and those whose halves are to be dropped."""

    fetch: tuple[int, ...]
    drop: tuple[int, ...]


def choose(
    held: Collection[int], partial: Collection[int], newest: int, oldest: int = 0, bases: Collection[int] = ()
) -> Choice:
    """Return what to do about the versions in `partial`, with `newest` announced.

    A half that is no newer than what is held, or older than `oldest`, is of no use; one in `bases`, which a delta on
    the way to the newest starts from, is kept.
    """
    best = max(held, default=-1)
    useful = {version for version in partial if best < version <= newest and version >= oldest}
    wanted = set() if newest in held else {newest}
    wanted |= ({min(useful)} if useful else set()) | (set(bases) & set(partial)) - set(held)
    return Choice(tuple(sorted(wanted)), tuple(sorted(set(partial) - wanted)))
