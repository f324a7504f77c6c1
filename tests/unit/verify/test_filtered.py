"""Groups whose rewards are equal: not in the loss, not paid, and a step of nothing else has the zero gradient."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay.artifact import opening
from assay.artifact.folder import open_artifact
from assay.artifact.opening import GRADIENT
from assay.protocol.plan import KNOWN_FROM, plan_of
from assay.protocol.spec import TaskSpec
from assay.train.export import train_submission
from assay.train.generation import all_rollouts
from assay.train.order import Order
from assay.types import Reason, Verdict
from assay.verify.case import Context
from unit.verify.conftest import BOUND, Bench, open_all, spec_of


@pytest.fixture(scope="module")
def filtered(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A step for each group of two, so that some steps have nothing in their loss."""
    plain, room = spec_of(open_artifact(base, 1 << 30).root), tmp_path_factory.mktemp("filtered")
    spec = replace(plain, rollout=replace(plain.rollout, group_size=2), inner=replace(plain.inner, steps=8))
    spec = replace(spec, verification=replace(spec.verification, max_loss_rise=100.0))  # so few rows teach little
    # The first beacon under which some groups are equal, and not all.
    beacon = next(beacon for beacon in (bytes([i]) * 32 for i in range(64)) if _mixed(base, spec, beacon))
    done = train_submission(base, spec, BOUND, beacon, room / "submission", states=room / "states")
    context = Context(
        **BOUND, units=done.units, beacon=beacon, audit_seed=b"\x05" * 16, root=done.root, history=KNOWN_FROM
    )
    return Bench(room, room / "submission", base, spec, context, open_all(room, base, spec))


def _mixed(base: Path, spec: TaskSpec, beacon: bytes) -> bool:
    grouped = all_rollouts(Order(base, spec, BOUND, beacon)).rewards.reshape(-1, 2)
    return 0 < int((grouped[:, 0] == grouped[:, 1]).sum()) < len(grouped)


def _equal(bench: Bench) -> list[int]:
    """The groups, and steps, whose two rewards are equal."""
    grouped = bench.case().rollouts.rewards.reshape(-1, 2)
    return np.flatnonzero(grouped[:, 0] == grouped[:, 1]).tolist()


def _drawing(bench: Bench, step: int) -> Bench:
    seeds = (bytes([i]) * 16 for i in range(256))
    who = bench.context.trainer, bench.context.n, bench.spec, KNOWN_FROM
    seed = next(seed for seed in seeds if plan_of(seed, *who).steps == (step,))
    return replace(bench, context=replace(bench.context, audit_seed=seed))


def test_check__steps_with_and_without_a_loss__are_valid_when_drawn(filtered: Bench) -> None:
    equal = _equal(filtered)
    assert 0 < len(equal) < 8
    full = next(step for step in range(8) if step not in equal)
    for step in (equal[0], equal[-1], full):
        finding = _drawing(filtered, step).check()
        assert (finding.verdict, finding.message) == (Verdict.VALID, "every check passed")
    nothing = opening.zero_root(GRADIENT, filtered.case().n_params)
    for leaf in filtered.case().steps:
        assert (leaf.step in equal) == ((leaf.gradient_root, leaf.loss, leaf.grad_norm) == (nothing, 0.0, 0.0))


def test_check__units_of_equal_groups_claimed__is_invalid_units(filtered: Bench) -> None:
    rows, equal = filtered.case().rollouts, _equal(filtered)
    paid = np.repeat([group not in equal for group in range(8)], 2)
    every = int(rows.lengths.sum())
    assert filtered.context.units == int(rows.lengths[paid].sum()) < every
    forged = filtered.forged(units=every)
    finding = replace(forged, context=replace(forged.context, units=every)).check()
    assert (finding.verdict, finding.reason) == (Verdict.INVALID, Reason.UNITS)


@pytest.mark.parametrize("change", [{"loss": 0.1}, {"grad_norm": 0.5}, {"gradient_root": b"\x09" * 32}])
def test_check__a_gradient_of_nothing__is_invalid_step_without_an_opening(filtered: Bench, change: dict) -> None:
    step = _equal(filtered)[0]
    forged = filtered.forged(
        steps=lambda leaves: [replace(leaf, **change) if leaf.step == step else leaf for leaf in leaves]
    )
    finding = forged.check()
    assert (finding.verdict, finding.reason, finding.leaf) == (Verdict.INVALID, Reason.STEP, step)
    assert finding.checks[-1].name == "chain"
