"""A small digits task with a barely trained base, made once for all tests of train."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assay.model import load
from assay.model.env import registry
from assay.protocol import templates
from assay.train.base import make_base
from unit.train.world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    load.determinism(1)
    folder = tmp_path_factory.mktemp("base") / "checkpoint"
    root = make_base("digits", {"digits": 6}, folder, steps=40).root()
    filled = templates.fill("digits", root, registry.environment_hash("digits", {"digits": 6}))
    return World(
        folder,
        replace(
            filled,
            rollout=replace(filled.rollout, groups=8, group_size=4),
            inner=replace(filled.inner, steps=2),
            verification=replace(filled.verification, groups=4),
        ),
    )
