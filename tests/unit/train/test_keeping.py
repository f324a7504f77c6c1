"""What a trainer keeps, and that any step is opened from it to the bit; elsewhere nothing false is opened."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from assay.artifact import opening, trace
from assay.artifact.folder import open_artifact
from assay.errors import Refused, Unavailable
from assay.train import keeping
from assay.train.export import train_submission
from unit.train.world import BEACON, World


@pytest.fixture(scope="module")
def kept(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    room = tmp_path_factory.mktemp("kept")
    train_submission(world.folder, world.spec, world.bound(), BEACON, room / "s", states=room / "states")
    return room


def opened(world: World, room: Path, steps: list[int], out: Path) -> dict[bytes, Path]:
    folders = keeping.open_steps(room / "states", room / "s", world.folder, world.spec, steps, out)
    return {open_artifact(folder, 1 << 30).root: folder for folder in folders}


@pytest.mark.parametrize("steps", [[0], [1], [1, 0]])
def test_open_steps__any_step__is_what_its_leaf_names(
    world: World, kept: Path, tmp_path: Path, steps: list[int]
) -> None:
    leaves = trace.read(kept / "s" / trace.NAME)
    assert set(opened(world, kept, steps, tmp_path / "o")) == {root for _, root in opening.wanted(leaves, steps)}


def test_open_steps__another_machines_bits__opens_nothing(world: World, kept: Path, tmp_path: Path) -> None:
    shutil.copytree(kept, tmp_path / "k")
    leaves = trace.read(kept / "s" / trace.NAME)
    bent = np.full(open_artifact(kept / "states/last/weights", 1 << 30).manifest.size // 4, 0.5, np.float32)
    opening.write(tmp_path / "k/states/1/weights", "weights", bent)
    opening.write(tmp_path / "k/states/1/moments", "moments", bent, bent)
    with pytest.raises(Refused):
        opened(world, tmp_path / "k", [1], tmp_path / "o")
    assert leaves[1].weights_before != opening.root("weights", bent)


def test_open_steps__states_are_gone__unavailable(world: World, kept: Path, tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        keeping.open_steps(tmp_path / "gone", kept / "s", world.folder, world.spec, [0], tmp_path / "o")
