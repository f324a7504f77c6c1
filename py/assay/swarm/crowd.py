"""Who has to go when a bounded book is full: strangers before those with a stake, and the source that brought most.

So whoever floods a book pushes out his own entries first. Pure: knows nothing of what the entries are. Doesn't protect
strangers from a flood that comes from very many addresses at once; entries with a stake outlive that too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its key, who brought it, whether its account has a stake."""

    key: str
    source: str
    staked: bool


def victim(entries: Iterable[Entry]) -> str:
    """Return the key of the entry to drop. `entries`: at least one, the oldest first."""
    found = list(entries)
    pool = [entry for entry in found if not entry.staked] or found
    brought = Counter(entry.source for entry in pool)
    most = max(brought.values())
    return next(entry.key for entry in pool if brought[entry.source] == most)
