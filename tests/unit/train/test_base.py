from __future__ import annotations

from pathlib import Path

import pytest
import torch

from assay.errors import Refused
from assay.protocol import spec as specs
from assay.protocol import templates
from assay.train.base import make_base
from assay.train.evaluate import evaluate
from unit.train.world import World


def test_make_base__default__between_six_and_eight_tenths_on_held_out_items(world: World, tmp_path: Path) -> None:
    shares: list[float] = []
    make_base("digits", {"digits": 6}, tmp_path / "base", progress=lambda _, share: shares.append(share))
    assert 0.6 <= evaluate(tmp_path / "base", world.spec).reward <= 0.8
    assert len(shares) == 80 and shares[-1] == 1.0


def test_make_base__same_seed_other_thread_count__same_root(tmp_path: Path) -> None:
    first = make_base("digits", {"digits": 6}, tmp_path / "a", steps=5).root()
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.manual_seed(99)
    second = make_base("digits", {"digits": 6}, tmp_path / "b", steps=5).root()
    torch.set_num_threads(before)
    assert first == second != make_base("digits", {"digits": 6}, tmp_path / "c", steps=5, seed=1).root()


def test_make_base__callers_torch_seed__is_left_alone(tmp_path: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    make_base("digits", {"digits": 6}, tmp_path / "a", steps=1)
    assert torch.equal(torch.rand(1), expected)


def test_make_base__bad_arguments__refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="negative"):
        make_base("digits", {"digits": 6}, tmp_path / "a", steps=-1)
    with pytest.raises(Refused, match="unknown environment"):
        make_base("chess", {}, tmp_path / "a")


def test_evaluate__twice__same_figure(world: World) -> None:
    assert evaluate(world.folder, world.spec, 64).reward == evaluate(world.folder, world.spec, 64).reward


def test_template__filled__a_task_that_checks_and_round_trips(world: World) -> None:
    filled = templates.fill("digits", world.spec.model.base, world.env.hash)
    assert specs.parse_json(specs.to_json(filled)) == filled
    assert filled.environment.seed_count == world.env.training_seeds
    assert filled.environment.options == world.env.options
    with pytest.raises(Refused, match="no template"):
        templates.fill("chess", world.spec.model.base, world.env.hash)
