"""Rooms: where the keys and values of running rollouts lie, each in a row of a shelf of its length.

A shelf's rows have room for 2^k tokens, those of the last shelf for the longest text. A rollout that outgrows its row
moves to the next shelf, so that a step reads at most about twice what it needs, and short and long rollouts run side by
side. Within a shelf rows stay without gaps: whoever ends is replaced by the last. All layers move together. Knows no
model and no sampling; rollouts are numbers.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

I64 = NDArray[np.int64]
SMALLEST: Final = 64
"""Tokens of the shortest row."""


class Shelf:
    """Rows of one size: keys and values [layers, capacity, heads, room, width], the first len(rollouts) taken."""

    def __init__(self, room: int, like: torch.Tensor) -> None:
        self.room = room
        self.rollouts = np.zeros(0, np.int64)
        self.lengths = np.zeros(0, np.int64)
        layers, _, heads, _, width = like.shape
        # zeros, not empty: what lies behind a row's end is masked, but must be finite
        self.keys, self.values = (like.new_zeros(layers, 0, heads, room, width) for _ in range(2))

    def add(self, keys: torch.Tensor, values: torch.Tensor, which: torch.Tensor, rollouts: I64, lengths: I64) -> None:
        """Append rows: row i gets the keys and values [layers, n, heads, ≤ room, width] of row which[i]."""
        start = len(self.rollouts)
        self._reserve(start + len(rollouts))
        span = min(keys.shape[3], self.room)
        for room, given in ((self.keys, keys), (self.values, values)):
            room[:, start : start + len(rollouts), :, :span] = given[:, which, :, :span]
        self.rollouts = np.concatenate([self.rollouts, rollouts])
        self.lengths = np.concatenate([self.lengths, lengths])

    def drop(self, gone: NDArray[np.bool_]) -> None:
        """Free the rows where `gone`: the last ones move into the holes."""
        left = int((~gone).sum())
        holes, movers = np.flatnonzero(gone[:left]), left + np.flatnonzero(~gone[left:])
        if len(holes):
            span = int(self.lengths[movers].max())
            to, from_ = torch.from_numpy(holes), torch.from_numpy(movers)
            for room in (self.keys, self.values):
                room[:, to, :, :span] = room[:, from_, :, :span]
            self.rollouts[holes], self.lengths[holes] = self.rollouts[movers], self.lengths[movers]
        self.rollouts, self.lengths = self.rollouts[:left], self.lengths[:left]

    def _reserve(self, rows: int) -> None:
        capacity = self.keys.shape[1]
        if rows <= capacity:
            return
        extra = max(rows, 2 * capacity) - capacity
        for name in ("keys", "values"):
            old = getattr(self, name)
            layers, _, heads, room, width = old.shape
            setattr(self, name, torch.cat([old, old.new_zeros(layers, extra, heads, room, width)], dim=1))


class Rooms:
    """All shelves, smallest first. Rows are counted through: those of the first shelf, of the second, and so on."""

    def __init__(self, longest: int) -> None:
        """Make rooms for texts of `longest` tokens at most: no row is longer."""
        self._longest = longest
        self.shelves: list[Shelf] = []

    def __len__(self) -> int:
        return sum(len(shelf.rollouts) for shelf in self.shelves)

    def rollouts(self) -> I64:
        """Return the rollout of each row."""
        return np.concatenate([np.zeros(0, np.int64), *(shelf.rollouts for shelf in self.shelves)])

    def lengths(self) -> I64:
        """Return how many tokens each row holds."""
        return np.concatenate([np.zeros(0, np.int64), *(shelf.lengths for shelf in self.shelves)])

    def add(self, keys: torch.Tensor, values: torch.Tensor, which: I64, rollouts: I64) -> None:
        """Begin rollouts after their prompts: rollout i after prompt which[i] of [layers, prompts, heads, p, width].

        Prompts come by length, so that shelves too short for this one are given up once they are empty.
        """
        lengths = np.full(len(rollouts), keys.shape[3], np.int64)
        shelf = self._shelf(int(keys.shape[3]) + 1, keys)
        shelf.add(keys, values, torch.from_numpy(which), rollouts, lengths)
        self.shelves = [one for one in self.shelves if len(one.rollouts) or one.room > shelf.room]

    def drop(self, rollouts: I64) -> None:
        """Free the rows of rollouts that ended."""
        for shelf in self.shelves:
            gone = np.isin(shelf.rollouts, rollouts)
            if gone.any():
                shelf.drop(gone)

    def grow(self) -> None:
        """Make sure that each row has room for one more token. Rows may be counted otherwise afterwards."""
        for shelf in list(self.shelves):
            full = shelf.lengths >= shelf.room
            if full.any():
                rows = np.flatnonzero(full)
                bigger = self._shelf(shelf.room + 1, shelf.keys)
                which = torch.from_numpy(rows)
                bigger.add(shelf.keys, shelf.values, which, shelf.rollouts[rows], shelf.lengths[rows])
                shelf.drop(full)

    def told(self) -> None:
        """Count one more token in each row: every layer has written it."""
        for shelf in self.shelves:
            shelf.lengths += 1

    def _shelf(self, tokens: int, like: torch.Tensor) -> Shelf:
        room = SMALLEST
        while room < tokens:
            room *= 2
        room = min(room, self._longest)
        for shelf in self.shelves:
            if shelf.room == room:
                return shelf
        self.shelves.append(Shelf(room, like))
        self.shelves.sort(key=lambda one: one.room)
        return next(shelf for shelf in self.shelves if shelf.room == room)
