"""A labelling task: labels are the trainer's own, and pass where enough of them are what a validator says too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay.artifact import rollouts as rollouts_file
from assay.errors import Refused, Unavailable
from assay.model.env import folder, pairs, preferences, registry
from assay.protocol.hashing import hex32
from assay.protocol.plan import KNOWN_FROM
from assay.protocol.spec import TaskSpec, check
from assay.train import faults
from assay.train.export import train_submission
from assay.types import STATISTICAL, Reason, Verdict
from assay.verify.case import Context
from assay.verify.check import Finding, check_submission
from unit.verify.conftest import BEACON, BOUND, open_all
from unit.verify.test_adapters import World

Labels = dict[str, str]


class Labelling(World):
    """Pairs to label beside a model that labels nothing: it only reads."""

    @staticmethod
    def _environment(near: Path) -> bytes:
        source = near / "source"
        source.mkdir()
        rows = [{"question": f"How far is {n}?", "answers": [f"{n} miles", f"{n} very long miles"]} for n in range(60)]
        (source / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        root = folder.write(near / "sealed", source).root()
        (near / "sealed").rename(near / root.hex())
        return root

    @property
    def labels(self) -> Labels:
        """The shorter answer is better, always."""
        found = preferences.read_pairs(self.near / self.environment.hex())
        return {pair.key: "a" if len(pair.a) < len(pair.b) else "b" for pair in found}

    def task(self) -> TaskSpec:
        plain = self.spec("sft")
        options = {"root": hex32(self.environment)}
        named = replace(
            plain.environment, name=pairs.NAME, options=options, seed_count=60, deterministic=False,
            hash=registry.environment_hash(pairs.NAME, options),
        )  # fmt: skip
        rules = replace(plain.verification, groups=16, agreement=7_500)
        return replace(
            plain, kind="label", environment=named, verification=rules, rollout=replace(plain.rollout, groups=16)
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Labelling:
    return Labelling(tmp_path_factory.mktemp("labels"))


def submitted(world: Labelling, room: Path, labels: Labels, fault: str | None = None) -> Context:
    made = train_submission(
        world.base, world.task(), BOUND, BEACON, room / "submission", fault, states=room / "states", labels=labels
    )
    return Context(
        **BOUND, units=made.units, beacon=BEACON, audit_seed=b"\x05" * 16, root=made.root, history=KNOWN_FROM
    )


def judged(world: Labelling, room: Path, context: Context, own: Mapping[str, str] | None) -> Finding:
    spec = world.task()
    opened = open_all(room, world.base, spec)
    return check_submission(room / "submission", world.base, spec, context, opened, labels=own)


def other(labels: Labels, every: int) -> Labels:
    """Return labels of which one in `every` is the other letter."""
    return {
        key: ("b" if said == "a" else "a") if n % every == 0 else said for n, (key, said) in enumerate(labels.items())
    }


def test_check__labels_as_the_validator_says__valid_and_paid_by_the_label(world: Labelling, tmp_path: Path) -> None:
    context = submitted(world, tmp_path, world.labels)
    found = judged(world, tmp_path, context, world.labels)
    assert (found.verdict, context.units) == (Verdict.VALID, 16)
    assert {line.name: line.value for line in found.checks}["agreement"] == 1.0
    columns = rollouts_file.read(tmp_path / "submission" / rollouts_file.NAME, world.task())
    assert {text.strip()[0] for text in columns.texts} == {"a", "b"}


def test_check__mostly_as_the_validator_says__valid(world: Labelling, tmp_path: Path) -> None:
    context = submitted(world, tmp_path, other(world.labels, 12))
    found = judged(world, tmp_path, context, world.labels)
    assert found.verdict is Verdict.VALID and 0.75 <= (found.checks[-2].value or 0) <= 1.0


@pytest.mark.parametrize("cheat", ["always a", "turned"])
def test_check__labels_by_no_look__refused_in_doubt(world: Labelling, tmp_path: Path, cheat: str) -> None:
    labels = dict.fromkeys(world.labels, "a") if cheat == "always a" else other(world.labels, 1)
    found = judged(world, tmp_path, submitted(world, tmp_path, labels), world.labels)
    assert (found.verdict, found.reason, found.is_statistical) == (Verdict.INVALID, Reason.SAMPLING, True)
    assert found.reason in STATISTICAL and (found.value or 0) < 0.75 == found.threshold and found.leaf is not None


@pytest.mark.parametrize("own", [None, {}])
def test_check__validator_without_labels__doesnt_vote(world: Labelling, tmp_path: Path, own: Labels | None) -> None:
    context = submitted(world, tmp_path, world.labels)
    with pytest.raises(Unavailable, match="too few to vote"):
        judged(world, tmp_path, context, own)


def test_check__false_reward_of_a_canary__is_refused_exactly(world: Labelling, tmp_path: Path) -> None:
    found = judged(world, tmp_path, submitted(world, tmp_path, world.labels, "reward"), world.labels)
    assert (found.verdict, found.reason) == (Verdict.INVALID, Reason.REWARD)


def test_check__an_update_slipped_in__is_refused(
    world: Labelling, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "random_update", lambda gradient, _: np.full_like(gradient, 1e-3))
    found = judged(world, tmp_path, submitted(world, tmp_path, world.labels, "update"), world.labels)
    assert (found.verdict, found.reason) == (Verdict.INVALID, Reason.UPDATE)


def test_train__items_without_a_label__says_how_many(world: Labelling, tmp_path: Path) -> None:
    some = dict(list(world.labels.items())[:5])
    with pytest.raises(Refused, match=r"of the \d+ assigned items have no label"):
        submitted(world, tmp_path, some)


def test_spec__labels_that_would_train__is_refused(world: Labelling) -> None:
    spec = world.task()
    with pytest.raises(Refused, match="trains nothing"):
        check(replace(spec, inner=replace(spec.inner, weight_decay=0.1)))
    with pytest.raises(Refused, match="needs environment preferences"):
        check(replace(spec, environment=replace(spec.environment, name="digits")))
