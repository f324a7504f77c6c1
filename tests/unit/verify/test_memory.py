"""How much a step's check holds at once: a few shards, whatever the size of the model."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np

from assay.artifact import opening
from assay.artifact.opening import GRADIENT, MOMENTS, SHARD, WEIGHTS, open_opening
from assay.model import optimizer
from assay.train.inner import sketch_of
from assay.verify.step import check_transition
from unit.artifact import parts

SETTINGS = optimizer.AdamWSettings(lr=1e-3, beta1=0.9, beta2=0.95, epsilon=1e-8, weight_decay=0.1)
SIZE = 12 * SHARD + 100


def test_check_transition__state_of_many_shards__holds_a_few(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    theta, first, gradient = (rng.standard_normal(SIZE).astype(np.float32) for _ in range(3))
    second = np.square(first)
    leaf = replace(
        parts.steps()[2],
        weights_before=opening.write(tmp_path / "w", WEIGHTS, theta),
        moments_before=opening.write(tmp_path / "m", MOMENTS, first, second),
        gradient_root=opening.write(tmp_path / "g", GRADIENT, gradient),
        sketch=sketch_of(gradient),
    )
    folders = (
        ("w", WEIGHTS, leaf.weights_before),
        ("m", MOMENTS, leaf.moments_before),
        ("g", GRADIENT, leaf.gradient_root),
    )
    weights, moments, pull = (open_opening(tmp_path / name, kind, root, SIZE) for name, kind, root in folders)
    state = optimizer.AdamWState(first, second).products_at(2, SETTINGS)
    optimizer.step(theta, gradient, state, SETTINGS)
    leaf = replace(leaf, weights_after=opening.root(WEIGHTS, theta), moments_after=opening.root(MOMENTS, first, second))
    tracemalloc.start()
    check_transition(leaf, weights.shards(), moments, pull, SETTINGS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * 4 * SHARD < 2 * 4 * SIZE
