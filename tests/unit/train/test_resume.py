"""What was cut off goes on where it was, to the bit; nothing of other work gets into it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay.artifact import opening
from assay.artifact.rollouts import Rollouts
from assay.errors import Refused, Unavailable
from assay.protocol.pace import Pace
from assay.train import generation, keeping
from assay.train.export import Submitted, train_on, train_submission
from assay.train.order import Order
from unit.train.world import BEACON, World

STEPS = 4
PIECES = 2


class Cut(Exception):
    """The power went off."""


@pytest.fixture(scope="module")
def long(world: World) -> World:
    """Four steps: pieces of four groups, of eight."""
    return replace(world, spec=replace(world.spec, inner=replace(world.spec.inner, steps=STEPS)))


@pytest.fixture(scope="module")
def whole(long: World, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return train_submission(long.folder, long.spec, long.bound(), BEACON, tmp_path_factory.mktemp("w") / "s").root


def make(long: World, room: Path, cut: tuple[str, float] | None = None, said: list[str] | None = None) -> Submitted:
    def progress(stage: str, share: float) -> None:
        if said is not None:
            said.append(f"{stage} {share:g}")
        if (stage, share) == cut:
            raise Cut

    folders = {"states": room / "states", "pieces": room / "pieces"}
    return train_submission(long.folder, long.spec, long.bound(), BEACON, room / "s", progress=progress, **folders)


def order(long: World, **changes: object) -> Order:
    return replace(Order(long.folder, long.spec, long.bound(), BEACON), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "cut", [("rollouts", 0.5), ("rollouts", 1.0), ("steps", 0.25), ("steps", 0.75), ("steps", 1.0)]
)
def test_train_submission__cut_off__goes_on_and_gives_the_same_root(
    long: World, whole: bytes, tmp_path: Path, cut: tuple[str, float]
) -> None:
    with pytest.raises(Cut):
        make(long, tmp_path, cut)
    assert not (tmp_path / "s").exists()
    said: list[str] = []
    assert make(long, tmp_path, said=said).root == whole
    left = [step for step in (0.25, 0.5, 0.75, 1.0) if cut[0] == "rollouts" or step > cut[1]]
    assert said == ["rollouts 0.5", "rollouts 1", *(f"steps {step:g}" for step in left)]


def test_generate__cut_off__makes_only_the_pieces_that_lack(
    long: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Cut):
        make(long, tmp_path, ("rollouts", 0.5))
    made: list[int] = []
    honest = generation.Generator.make

    def counted(self: generation.Generator, at: int) -> Rollouts:
        made.append(at)
        return honest(self, at)

    monkeypatch.setattr(generation.Generator, "make", counted)
    assert generation.generate(order(long), tmp_path / "pieces").groups == 8
    assert made == [1]


def test_generate__another_beacon_or_base__deletes_the_others_pieces(long: World, tmp_path: Path) -> None:
    first, second = order(long), order(long, beacon=b"\x08" * 32)
    generation.generate(first, tmp_path / "pieces")
    with pytest.raises(Unavailable):
        generation.generated(second, tmp_path / "pieces")
    assert len({replace(first, bound=long.bound(base=1)).name(), first.name(), second.name()}) == 3


@pytest.mark.parametrize("left", [0.0, 1e-6])
def test_generate__no_time__makes_the_first_piece_and_no_more(long: World, tmp_path: Path, left: float) -> None:
    made = generation.generate(order(long), tmp_path / "pieces", Pace(training=1.0), left)
    assert made.groups == 4 and made.seconds > 0
    rollouts = generation.generated(order(long), tmp_path / "pieces")
    small = train_on(order(long), rollouts, tmp_path / "s")
    assert len(rollouts) == 16 and small.manifest.binding is not None and small.manifest.binding.groups == 4


def test_generate__in_pieces__is_what_one_go_gives(long: World, tmp_path: Path) -> None:
    generation.generate(order(long), tmp_path / "pieces")
    kept, at_once = generation.generated(order(long), tmp_path / "pieces"), generation.all_rollouts(order(long))
    assert kept.root(long.spec) == at_once.root(long.spec)
    assert kept.texts.tolist() == at_once.texts.tolist()


def bend(folder: Path, like: Path) -> None:
    size = (like / "weights.bin").stat().st_size // 4
    shutil.rmtree(folder)
    opening.write(folder, "weights", np.full(size, 0.5, np.float32))


@pytest.mark.parametrize("lost", ["bent", "gone", "all"])
def test_resume__newest_state_is_damaged__goes_on_from_the_one_before(
    long: World, whole: bytes, tmp_path: Path, lost: str
) -> None:
    with pytest.raises(Cut):
        make(long, tmp_path, ("steps", 0.75))
    states, said = tmp_path / "states", list[str]()
    if lost == "bent":
        bend(states / "3" / "weights", states / "2" / "weights")
    else:
        for step in ("3",) if lost == "gone" else ("1", "2", "3"):
            shutil.rmtree(states / step)
    assert make(long, tmp_path, said=said).root == whole
    assert said[2:] == [f"steps {step:g}" for step in (0.25, 0.5, 0.75, 1.0)[0 if lost == "all" else 2 :]]


def test_resume__states_of_another_submission__are_not_used(long: World, whole: bytes, tmp_path: Path) -> None:
    other = order(long, bound=long.bound(round=3))
    train_on(other, generation.all_rollouts(other), tmp_path / "o", states=tmp_path / "states")
    said: list[str] = []
    assert make(long, tmp_path, said=said).root == whole
    assert len(said) == PIECES + STEPS


def test_keeper__large_model__keeps_the_newest_state_and_each_second_and_opens_any_step(
    long: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "every", lambda size, steps: 2)
    with pytest.raises(Cut):
        make(long, tmp_path, ("steps", 0.75))
    states = tmp_path / "states"
    assert sorted(path.name for path in states.iterdir() if path.is_dir()) == ["2", "3"]
    make(long, tmp_path)
    assert sorted(path.name for path in states.iterdir() if path.is_dir()) == ["2", "last"]
    opened = keeping.open_steps(states, tmp_path / "s", long.folder, long.spec, [1, 3], tmp_path / "o")
    assert len(opened) == 7


def test_order__binding_lacks_something__refused(long: World) -> None:
    with pytest.raises(Refused, match="lacks n"):
        order(long, bound={key: value for key, value in long.bound().items() if key != "n"})
