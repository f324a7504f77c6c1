"""A model of the transformers library with an adapter, asked in words: honest work of every kind passes, no cheat."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from assay.artifact.folder import open_artifact
from assay.artifact.pretrained import describe
from assay.artifact.weights import Checkpoint, write_checkpoint
from assay.model import load
from assay.model.env import folder, registry
from assay.protocol import templates
from assay.protocol.plan import KNOWN_FROM
from assay.protocol.spec import ModelSpec, TaskSpec
from assay.train.export import train_submission
from assay.types import Reason, Verdict
from assay.verify.case import Context
from assay.verify.check import check_submission
from unit.model.small import model_folder
from unit.verify.conftest import BEACON, BOUND, open_all

SCORER = """
def score(item, completion):
    return min(1.0, len(set(completion)) / 8)
"""
LORA = {"kind": "lora", "rank": 2, "alpha": 4, "targets": ["q_proj", "up_proj"]}
SIZES = {"grpo": 4, "dpo": 2, "sft": 1, "pretrain": 1}


class World:
    """A model, an environment and checkpoint 0 side by side."""

    def __init__(self, near: Path) -> None:
        self.near, self.model = model_folder(near)
        self.environment = self._environment(near)
        config = describe(self.model, LORA)
        torch.manual_seed(0)
        arrays = load.arrays_of(load.blank(config, near))
        root = write_checkpoint(near / "part", Checkpoint(arrays, None, config)).root()
        self.base = (near / "part").rename(near / root.hex())

    @staticmethod
    def _environment(near: Path) -> bytes:
        source = near / "source"
        source.mkdir()
        pairs = {"chosen": "yes!", "rejected": "no", "answer": "yes!"}
        lines = [json.dumps({"question": f"{'word ' * (n % 3)}{n}?", **pairs}) for n in range(200)]
        (source / "items.jsonl").write_text("\n".join(lines) + "\n")
        (source / "scorer.py").write_text(SCORER)
        root = folder.write(near / "sealed", source).root()
        (near / "sealed").rename(near / root.hex())
        return root

    def spec(self, kind: str) -> TaskSpec:
        plain, options = templates.blank("digits"), {"root": "0x" + self.environment.hex(), "prefix": "So"}
        named = replace(
            plain.environment, name="folder", options=options, seed_count=200,
            hash=registry.environment_hash("folder", options),
        )  # fmt: skip
        model = ModelSpec(
            base=bytes.fromhex(self.base.name), architecture="transformers", tokenizer="0x" + self.model.hex(),
            adapter="lora", size_bytes=1 << 20,
        )  # fmt: skip
        return replace(
            plain,
            kind=kind,
            environment=named,
            model=model,
            rollout=replace(plain.rollout, groups=4, group_size=SIZES[kind], max_new_tokens=6),
            inner=replace(plain.inner, steps=2),
            verification=replace(plain.verification, groups=4, held_out=4, max_loss_rise=5.0),
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("adapters"))


def checked(world: World, room: Path, kind: str, fault: str | None = None, **changes: Any) -> tuple[Verdict, Reason]:
    spec = world.spec(kind)
    made = train_submission(world.base, spec, BOUND, BEACON, room / "submission", fault, states=room / "states")
    context = Context(
        **BOUND, units=made.units, beacon=BEACON, audit_seed=b"\x05" * 16, root=made.root, history=KNOWN_FROM
    )
    opened = open_all(room, world.base, spec)
    found = check_submission(room / "submission", world.base, spec, replace(context, **changes), opened)
    return found.verdict, found.reason


@pytest.mark.parametrize("kind", SIZES)
def test_check__honest_adapter__is_valid(world: World, tmp_path: Path, kind: str) -> None:
    assert checked(world, tmp_path, kind) == (Verdict.VALID, Reason.NONE)
    size = sum(path.stat().st_size for path in (tmp_path / "submission").glob("update*"))
    assert size < (world.near / world.model.hex() / "model.safetensors").stat().st_size


@pytest.mark.parametrize(
    ("fault", "reasons"),
    [("reward", {Reason.REWARD}), ("prompts", {Reason.ASSIGNMENT}), ("update", {Reason.UPDATE}),
     ("tokens", {Reason.SAMPLING, Reason.ACTIVATION, Reason.TERMINATION})],
)  # fmt: skip
def test_check__cheating_adapter__is_refused(world: World, tmp_path: Path, fault: str, reasons: set[Reason]) -> None:
    verdict, reason = checked(world, tmp_path, "grpo", fault)
    assert verdict is Verdict.INVALID and reason in reasons


def test_check__another_base_under_the_adapter__is_refused(world: World, tmp_path: Path) -> None:
    other = World.__new__(World)
    other.near, other.environment, other.model = world.near, world.environment, world.model
    config = describe(world.model, LORA)
    arrays = {name: value + 0.3 for name, value in load.arrays_of(load.blank(config, world.near)).items()}
    root = write_checkpoint(world.near / "part", Checkpoint(arrays, None, config)).root()
    other.base = (world.near / "part").rename(world.near / root.hex())
    spec = world.spec("grpo")
    made = train_submission(other.base, spec, BOUND, BEACON, tmp_path / "submission", states=tmp_path / "states")
    context = Context(
        **BOUND, units=made.units, beacon=BEACON, audit_seed=b"\x05" * 16, root=made.root, history=KNOWN_FROM
    )
    found = check_submission(tmp_path / "submission", world.base, spec, context, open_all(tmp_path, other.base, spec))
    assert found.verdict is Verdict.INVALID
    assert open_artifact(tmp_path / "submission", 1 << 30).manifest.binding is not None
