"""Openings: written and read shard by shard under one root; what isn't it is refused, what isn't there is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay.artifact import opening
from assay.artifact.folder import open_artifact
from assay.artifact.opening import GRADIENT, MOMENTS, SHARD, WEIGHTS, open_opening
from assay.errors import Refused
from assay.types import Reason
from unit.artifact import parts

SIZE = SHARD + 1000


@pytest.fixture
def flat() -> np.ndarray:
    return np.random.default_rng(0).standard_normal(SIZE).astype(np.float32)


def test_opening__written__has_the_root_that_was_computed_without_writing(flat: np.ndarray, tmp_path: Path) -> None:
    root = opening.write(tmp_path / "m", MOMENTS, flat, -flat)
    assert root == opening.root(MOMENTS, flat, -flat) == open_artifact(tmp_path / "m", 1 << 30).root
    assert root != opening.root(MOMENTS, -flat, flat)
    assert opening.root(WEIGHTS, flat) != opening.root(GRADIENT, flat)


def test_opening__read__gives_back_shards_and_places(flat: np.ndarray, tmp_path: Path) -> None:
    found = open_opening(tmp_path / "m", MOMENTS, opening.write(tmp_path / "m", MOMENTS, flat, -flat), SIZE)
    assert [shard.size for shard in found.shards()] == [SHARD, 1000]
    assert np.array_equal(np.concatenate(list(found.shards(1))), -flat)
    with found.reader(1) as read:
        assert np.array_equal(read(SHARD - 3, 9), -flat[SHARD - 3 : SHARD + 6])


def test_zero_root__any_size__is_the_root_of_zeros() -> None:
    for size in (1, SHARD, SIZE):
        zeros = np.zeros(size, np.float32)
        assert opening.zero_root(MOMENTS, size) == opening.root(MOMENTS, zeros, zeros)


def test_opening__nothing_there__is_missing(flat: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        open_opening(tmp_path / "m", WEIGHTS, bytes(32), SIZE)
    assert refused.value.reason is Reason.MISSING
    found = open_opening(tmp_path / "w", WEIGHTS, opening.write(tmp_path / "w", WEIGHTS, flat), SIZE)
    (tmp_path / "w" / "weights.bin").unlink()
    with pytest.raises(Refused) as refused:
        list(found.shards())
    assert refused.value.reason is Reason.MISSING


def test_opening__of_another_kind_root_or_size__is_refused(flat: np.ndarray, tmp_path: Path) -> None:
    root = opening.write(tmp_path / "w", WEIGHTS, flat)
    for kind, expected, size in ((GRADIENT, root, SIZE), (WEIGHTS, bytes(32), SIZE), (WEIGHTS, root, SIZE + 1)):
        with pytest.raises(Refused) as refused:
            open_opening(tmp_path / "w", kind, expected, size)
        assert refused.value.reason is Reason.STEP


@pytest.mark.parametrize("damage", [lambda data: data[:-4], lambda data: data[:-1] + b"\x99", lambda data: data + b"x"])
def test_opening__bytes_changed_on_disk__are_refused(flat: np.ndarray, tmp_path: Path, damage) -> None:
    found = open_opening(tmp_path / "w", WEIGHTS, opening.write(tmp_path / "w", WEIGHTS, flat), SIZE)
    path = tmp_path / "w" / "weights.bin"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(Refused):
        list(found.shards())


def test_wanted__first_step_and_a_later_one__its_state_and_always_the_last_weights() -> None:
    leaves = [replace(leaf, weights_after=bytes([leaf.step, 9]) * 16) for leaf in parts.steps()]
    assert opening.wanted(leaves, [0]) == [(WEIGHTS, leaves[2].weights_after), (GRADIENT, leaves[0].gradient_root)]
    assert opening.wanted(leaves, [0, 2])[2:] == [
        (GRADIENT, leaves[2].gradient_root),
        (WEIGHTS, leaves[2].weights_before),
        (MOMENTS, leaves[2].moments_before),
    ]
