"""A small digits task with a barely trained base, made once for all tests of train."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assay.model import load
from assay.model.env import registry
from assay.protocol import spec as specs
from assay.train.base import make_base
from unit.train.world import TEMPLATE, World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    load.determinism(1)
    folder = tmp_path_factory.mktemp("base") / "checkpoint"
    root = make_base("digits", {"digits": 6}, folder, steps=40).root()
    blank = specs.parse_toml(TEMPLATE.read_text())
    return World(
        folder,
        replace(
            blank,
            environment=replace(blank.environment, hash=registry.environment_hash("digits", {"digits": 6})),
            model=replace(blank.model, base=root),
            rollout=replace(blank.rollout, groups=8, group_size=4),
            inner=replace(blank.inner, steps=2),
            verification=replace(blank.verification, groups=4),
        ),
    )
