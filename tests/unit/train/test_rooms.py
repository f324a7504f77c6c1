from __future__ import annotations

import numpy as np
import torch

from assay.train.engines.rooms import SMALLEST, Rooms


def _prompts(count: int, tokens: int, first: int) -> torch.Tensor:
    """Keys [2 layers, count, 1 head, tokens, 1] that say which prompt they are of."""
    values = torch.arange(first, first + count).float()
    return values[None, :, None, None, None].expand(2, count, 1, tokens, 1).contiguous()


def _held(rooms: Rooms) -> dict[int, tuple[int, float]]:
    """Return rollout → (length, what its row holds in every one of its places)."""
    found = {}
    for shelf in rooms.shelves:
        for row, (rollout, length) in enumerate(zip(shelf.rollouts, shelf.lengths, strict=True)):
            values = torch.cat([shelf.keys[:, row, :, :length], shelf.values[:, row, :, :length]]).unique()
            assert len(values) == 1
            found[int(rollout)] = int(length), float(values)
    return found


def test_rooms__rollouts_come_and_go__each_keeps_its_own_row() -> None:
    rooms = Rooms(1000)
    short, long = _prompts(3, 5, 1), _prompts(1, 100, 9)
    rooms.add(short, short, np.array([0, 0, 1, 2]), np.array([10, 11, 12, 13]))
    rooms.add(long, long, np.array([0]), np.array([14]))
    assert [shelf.room for shelf in rooms.shelves] == [SMALLEST, 2 * SMALLEST]
    assert rooms.rollouts().tolist() == [10, 11, 12, 13, 14] and rooms.lengths().tolist() == [5, 5, 5, 5, 100]
    rooms.drop(np.array([10, 12]))
    rooms.add(short, short, np.array([2]), np.array([15]))
    assert _held(rooms) == {11: (5, 1.0), 13: (5, 3.0), 14: (100, 9.0), 15: (5, 3.0)}
    rooms.drop(np.array([11, 13, 14, 15]))
    assert len(rooms) == 0


def test_grow__row_is_full__moves_to_the_next_shelf_with_what_it_holds() -> None:
    rooms = Rooms(1000)
    short, full = _prompts(1, 5, 1), _prompts(2, SMALLEST - 1, 7)
    rooms.add(full, full, np.array([0, 1]), np.array([1, 2]))
    rooms.add(short, short, np.array([0]), np.array([3]))
    rooms.grow()
    assert len(rooms.shelves) == 1
    for shelf in rooms.shelves:
        for row, rollout in enumerate(shelf.rollouts.tolist()):
            shelf.keys[:, row, :, shelf.lengths[row]] = shelf.values[:, row, :, shelf.lengths[row]] = float(
                {1: 7, 2: 8, 3: 1}[rollout]
            )
    rooms.told()
    rooms.grow()
    assert [(shelf.room, len(shelf.rollouts)) for shelf in rooms.shelves] == [(SMALLEST, 1), (2 * SMALLEST, 2)]
    assert _held(rooms) == {1: (SMALLEST, 7.0), 2: (SMALLEST, 8.0), 3: (6, 1.0)}


def test_add__prompt_as_long_as_a_row__lies_where_one_more_token_fits() -> None:
    rooms = Rooms(1000)
    full = _prompts(1, SMALLEST, 1)
    rooms.add(full, full, np.array([0]), np.array([0]))
    assert [shelf.room for shelf in rooms.shelves] == [2 * SMALLEST]


def test_rooms__longest_text__no_row_is_longer() -> None:
    rooms, full = Rooms(SMALLEST + 9), _prompts(1, SMALLEST, 1)
    rooms.add(full, full, np.array([0, 0]), np.array([0, 1]))
    assert [shelf.room for shelf in rooms.shelves] == [SMALLEST + 9]
