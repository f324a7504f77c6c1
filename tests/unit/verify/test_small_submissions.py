"""A submission of fewer groups than the task allows: as good as another, drawn from its own groups, paid by its own
tokens. Any number that isn't as many groups for each step is refused.
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from assay.artifact import rollouts as rollouts_file
from assay.artifact import trace, update
from assay.artifact.folder import write_artifact
from assay.artifact.rollouts import Rollouts
from assay.errors import Refused
from assay.protocol.pace import piece_groups
from assay.protocol.plan import KNOWN_FROM, true_power
from assay.train import generation
from assay.train.export import train_on
from assay.train.order import Order
from assay.types import Reason, Verdict
from assay.verify.audit import drawn_groups
from assay.verify.case import Context
from unit.verify.conftest import BEACON, BOUND, Bench, open_all

SMALL = 4


@pytest.fixture(scope="module")
def small(base: Path, honest_spec, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A submission of four of eight groups."""
    room, order = tmp_path_factory.mktemp("small"), Order(base, honest_spec, BOUND, BEACON)
    maker = generation.Generator(order)
    parts = generation.joined([maker.make(at) for at in range(SMALL // piece_groups(honest_spec))])
    done = train_on(order, parts, room / "submission", states=room / "states")
    context = Context(
        **BOUND, units=done.units, beacon=BEACON, audit_seed=b"\x05" * 16, root=done.root, history=KNOWN_FROM
    )
    return Bench(room, room / "submission", base, honest_spec, context, open_all(room, base, honest_spec))


@pytest.fixture(scope="module")
def honest_spec(submit):
    return submit().spec


def first(groups: int, of: Rollouts) -> Rollouts:
    size = len(of) // len(of.prompt_proofs)
    rows = {field.name: getattr(of, field.name)[: groups * size] for field in fields(of)}
    return Rollouts(**rows | {"prompt_proofs": of.prompt_proofs[:groups]})


def test_check__half_of_the_groups__is_valid_and_drawn_from_its_own(small: Bench) -> None:
    assert small.check().verdict == Verdict.VALID
    for seed in range(8):
        case = replace(small, context=replace(small.context, audit_seed=bytes([seed]) * 16)).case()
        assert drawn_groups(case) == list(range(SMALL))


def test_check__whole_submissions_units_claimed_for_half__is_invalid(small: Bench, honest: Bench) -> None:
    assert small.check(units=honest.context.units).reason == Reason.UNITS


@pytest.mark.parametrize("groups", [1, 3, 7])
def test_check__groups_that_dont_divide_among_the_steps__is_invalid(honest: Bench, groups: int) -> None:
    made = honest.forged(rollouts=lambda all_: first(groups, all_), groups=groups)
    assert made.check().reason == Reason.BINDING


@pytest.mark.parametrize("named", [0, 2, 9, 16, 2**53 - 1])
def test_check__manifest_names_another_number__is_invalid(honest: Bench, named: int) -> None:
    """Whoever names fewer would have fewer to draw from; whoever names more, some that aren't there."""
    case, folder = honest.case(), honest.room / "renamed"
    files = {name: case.artifact.path(name) for name in (rollouts_file.NAME, trace.NAME, update.NAME)}
    root = write_artifact(folder, "submission", replace(case.binding, groups=named), files).root()
    renamed = replace(honest, folder=folder, context=replace(honest.context, root=root))
    assert renamed.check().reason == Reason.BINDING
    if named != 2:  # as many as there are steps: a number that could be
        with pytest.raises(Refused, match="to 8 groups"):
            drawn_groups(renamed.case())


def test_true_power__however_few_groups__is_what_it_is_for_all(small: Bench) -> None:
    assert true_power(small.spec) == 9900
