from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.artifact import opening, trace, update
from assay.artifact import rollouts as rollout_file
from assay.artifact.folder import open_artifact
from assay.artifact.rollouts import Rollouts
from assay.artifact.weights import flatten, read_checkpoint
from assay.errors import Refused
from assay.model import forward, load
from assay.model.steps import InnerLoop
from assay.protocol import codec
from assay.protocol.noise import gumbel
from assay.train import faults, rollout
from assay.train.export import train_submission
from unit.train.world import BEACON, World


def _make(world: World, out: Path, fault: str | None = None) -> tuple[Rollouts, update.Update]:
    train_submission(world.folder, world.spec, world.bound(), BEACON, out, fault)
    size = read_checkpoint(world.folder, 1 << 24).n_params
    return rollout_file.read(out / rollout_file.NAME, world.spec), update.read(out / update.NAME, size)


@pytest.fixture(scope="module")
def honest(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Rollouts, update.Update]:
    return _make(world, tmp_path_factory.mktemp("honest") / "s")


def test_train_submission__made_twice__same_root_and_bound_to_the_round(world: World, tmp_path: Path) -> None:
    calls: list[tuple[str, float]] = []
    first = train_submission(
        world.folder, world.spec, world.bound(), BEACON, tmp_path / "a", progress=lambda *call: calls.append(call)
    )
    second = train_submission(world.folder, world.spec, world.bound(), BEACON, tmp_path / "b")
    other = train_submission(world.folder, world.spec, world.bound(round=3), BEACON, tmp_path / "c")
    assert first.root == second.root != other.root
    opened = open_artifact(tmp_path / "a", 1 << 24)
    binding = opened.manifest.binding
    assert opened.root == first.root and binding is not None
    assert (binding.round, binding.groups, binding.units) == (2, 8, first.units)
    assert calls[-3:] == [("rollouts", 1.0), ("steps", 0.5), ("steps", 1.0)]
    assert calls[:-2] == sorted({("rollouts", share) for _, share in calls[:-2]})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]


def test_train_submission__steps_taken_again__trace_and_update_are_bit_equal(world: World, tmp_path: Path) -> None:
    made, sent = _make(world, tmp_path / "s")
    model = world.model()
    before = flatten(load.arrays_of(model))
    loop = InnerLoop(model, made, world.spec)
    for leaf in trace.read(tmp_path / "s" / trace.NAME):
        report = loop.pull()
        assert leaf.weights_before == opening.root("weights", loop.flat.theta)
        assert leaf.gradient_root == opening.root("gradient", loop.flat.gradient)
        loop.push()
        assert leaf.weights_after == opening.root("weights", loop.flat.theta)
        assert leaf.moments_after == opening.root("moments", loop.moments.first, loop.moments.second)
        assert (leaf.batch_hash, leaf.loss, leaf.grad_norm) == (report.batch_hash, report.loss, report.grad_norm)
    q, scale = codec.quantise(before - flatten(load.arrays_of(model)))
    assert np.array_equal(q, sent.q) and np.array_equal(scale, sent.scale)


def test_fault_reward__half_of_the_rewards_are_above_the_environments(
    world: World, honest: tuple[Rollouts, update.Update], tmp_path: Path
) -> None:
    made, _ = _make(world, tmp_path / "s", "reward")
    assert np.array_equal(made.tokens, honest[0].tokens) and np.array_equal(made.proofs, honest[0].proofs)
    lifted = made.rewards > honest[0].rewards
    assert lifted.any() and (made.rewards[~lifted] == honest[0].rewards[~lifted]).all() and made.rewards.max() <= 1


def test_fault_prompts__not_the_assigned_ones_and_better(
    world: World, honest: tuple[Rollouts, update.Update], tmp_path: Path
) -> None:
    made, _ = _make(world, tmp_path / "s", "prompts")
    assert made.prompts.shape == honest[0].prompts.shape and not np.array_equal(made.prompts, honest[0].prompts)
    assert made.rewards.mean() > honest[0].rewards.mean()


def test_fault_model__assigned_prompts_but_another_models_states(
    world: World, honest: tuple[Rollouts, update.Update], tmp_path: Path
) -> None:
    made, _ = _make(world, tmp_path / "s", "model")
    assert np.array_equal(made.prompts, honest[0].prompts)
    assert (made.proofs != honest[0].proofs).any(axis=1).all()


def test_fault_tokens__better_text_of_the_right_model_that_loses_the_seeded_race(
    world: World, honest: tuple[Rollouts, update.Update], tmp_path: Path
) -> None:
    made, _ = _make(world, tmp_path / "s", "tokens")
    changed = (made.tokens != honest[0].tokens).any(axis=1)
    assert 0 < changed.sum() < len(made) / 2 and np.array_equal(made.lengths, honest[0].lengths)
    assert made.rewards[changed].mean() > honest[0].rewards[changed].mean()
    assigned = rollout.assign(world.spec, BEACON, 1, 2, world.bound()["trainer"], 0, 8)
    logits, _ = forward.prefill(world.model(), made.prompts, made.prompt_lengths, made.tokens, made.lengths)
    scores = logits.numpy() + gumbel(assigned.keys.reshape(-1), 7, 13)[:, : made.tokens.shape[1]]
    lost = (scores.argmax(axis=-1) != made.tokens) & (made.tokens >= 0)
    assert np.array_equal(lost.any(axis=1), changed)


def test_fault_update__same_rollouts_and_norm_another_direction(
    world: World, honest: tuple[Rollouts, update.Update], tmp_path: Path
) -> None:
    made, sent = _make(world, tmp_path / "s", "update")
    assert made.root(world.spec) == honest[0].root(world.spec)
    right, wrong = (codec.dequantise(found.q, found.scale) for found in (honest[1], sent))
    assert np.linalg.norm(wrong) == pytest.approx(np.linalg.norm(right), rel=0.01)
    assert abs(right @ wrong) < 0.05 * np.linalg.norm(right) ** 2


def test_faults__every_name__makes_a_well_formed_artifact(world: World, tmp_path: Path) -> None:
    roots = {
        train_submission(world.folder, world.spec, world.bound(), BEACON, tmp_path / name, name).root
        for name in faults.FAULTS
    }
    assert len(roots) == len(faults.FAULTS)


@pytest.mark.parametrize(
    ("fault", "drop", "says"), [("steal", None, "unknown fault 'steal'"), (None, "ledger", "binding lacks ledger")]
)
def test_train_submission__bad_argument__refused_and_nothing_written(
    world: World, tmp_path: Path, fault: Any, drop: Any, says: str
) -> None:
    bound = {key: value for key, value in world.bound().items() if key != drop}
    with pytest.raises(Refused, match=says):
        train_submission(world.folder, world.spec, bound, BEACON, tmp_path / "s", fault)
    assert not list(tmp_path.iterdir())
