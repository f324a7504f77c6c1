"""The kinds whose texts the environment gives: honest work passes, and each way to cheat is refused for its reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from assay.artifact.folder import open_artifact
from assay.artifact.rollouts import Rollouts
from assay.artifact.trace import StepLeaf
from assay.protocol.kinds import KINDS
from assay.protocol.plan import KNOWN_FROM
from assay.train.export import train_submission
from assay.types import Reason, Verdict
from assay.verify.case import Context
from assay.verify.check import NO_EVIDENCE
from unit.verify.conftest import BEACON, BOUND, Bench, open_all, rehashed, spec_of

GIVEN = ("sft", "dpo", "pretrain")
Make = Callable[..., Bench]


@pytest.fixture(scope="module")
def made(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    plain = spec_of(open_artifact(base, 1 << 30).root)

    @cache
    def make(kind: str, fault: str | None = None) -> Bench:
        size = KINDS[kind].group_sizes[0]
        spec = replace(plain, kind=kind, rollout=replace(plain.rollout, group_size=size, max_new_tokens=12))
        room = tmp_path_factory.mktemp(kind)
        done = train_submission(base, spec, BOUND, BEACON, room / "submission", fault, states=room / "states")
        context = Context(
            **BOUND, units=done.units, beacon=BEACON, audit_seed=b"\x05" * 16, root=done.root, history=KNOWN_FROM
        )
        return Bench(room, room / "submission", base, spec, context, open_all(room, base, spec))

    return make


def forged(bench: Bench, change: Callable[[Rollouts], Rollouts]) -> Bench:
    """A trainer that changes rows and names the batches of what it hands in."""
    changed = change(bench.case().rollouts)
    return bench.forged(rollouts=lambda _: changed, steps=rehashed(bench, changed))


@pytest.mark.parametrize("kind", GIVEN)
def test_check__honest_work_of_a_kind__is_valid_with_evidence_and_its_checks(made: Make, kind: str) -> None:
    bench = made(kind)
    finding = bench.check()
    assert (finding.verdict, finding.message) == (Verdict.VALID, "every check passed")
    assert tuple(line.name for line in finding.checks) == KINDS[kind].checks and finding.evidence != NO_EVIDENCE
    assert bench.context.units == int(bench.case().rollouts.lengths.sum())


@pytest.mark.parametrize("kind", GIVEN)
@pytest.mark.parametrize(
    ("fault", "reason"),
    [("prompts", Reason.ASSIGNMENT), ("reward", Reason.REWARD), ("update", Reason.UPDATE)],
)
def test_check__fault__is_invalid_for_its_reason(made: Make, kind: str, fault: str, reason: Reason) -> None:
    finding = made(kind, fault).check()
    assert (finding.verdict, finding.reason) == (Verdict.INVALID, reason)


def _another_token(rows: Rollouts) -> Rollouts:
    tokens = rows.tokens.copy()
    tokens[3, 1] = (tokens[3, 1] + 1) % 10
    texts = rows.texts.copy()
    texts[3] = texts[3][:1] + "0123456789"[tokens[3, 1]] + texts[3][2:]
    return replace(rows, tokens=tokens, texts=texts)


@pytest.mark.parametrize("kind", GIVEN)
def test_check__a_token_of_a_completion_changed__is_invalid_assignment(made: Make, kind: str) -> None:
    finding = forged(made(kind), _another_token).check()
    assert (finding.verdict, finding.reason, finding.leaf) == (Verdict.INVALID, Reason.ASSIGNMENT, 3)


def test_check__preferred_and_rejected_swapped__is_invalid_assignment(made: Make) -> None:
    order = np.arange(16).reshape(-1, 2)[:, ::-1].reshape(-1)
    names = ("tokens", "lengths", "rewards", "logprobs", "texts")

    def swap(rows: Rollouts) -> Rollouts:
        return replace(rows, **{name: getattr(rows, name)[order] for name in names})

    finding = forged(made("dpo"), swap).check()
    assert (finding.verdict, finding.reason, finding.leaf) == (Verdict.INVALID, Reason.ASSIGNMENT, 0)


def test_check__false_reference__is_invalid_sampling_at_a_drawn_rollout(made: Make) -> None:
    bench = made("dpo")
    drawn = bench.case().plan.groups[0] * 2

    def lower(rows: Rollouts) -> Rollouts:
        logprobs = rows.logprobs.copy()
        logprobs[drawn, 0] -= 0.1
        return replace(rows, logprobs=logprobs)

    finding = forged(bench, lower).check()
    assert (finding.verdict, finding.reason, finding.leaf) == (Verdict.INVALID, Reason.SAMPLING, drawn)
    assert finding.is_statistical and finding.checks[-1].name == "reference" and finding.evidence != NO_EVIDENCE


def test_check__reference_of_another_model__is_invalid_sampling(made: Make) -> None:
    finding = made("dpo", "model").check()
    assert (finding.verdict, finding.reason) == (Verdict.INVALID, Reason.SAMPLING)


@pytest.mark.parametrize("kind", ["sft", "pretrain"])
def test_check__log_probs_where_a_kind_has_none__is_invalid_bounds(made: Make, kind: str) -> None:
    def lower(rows: Rollouts) -> Rollouts:
        logprobs = rows.logprobs.copy()
        logprobs[5, 0] = -1.0
        return replace(rows, logprobs=logprobs)

    finding = forged(made(kind), lower).check()
    assert (finding.verdict, finding.reason, finding.leaf) == (Verdict.INVALID, Reason.BOUNDS, 5)


@pytest.mark.parametrize("kind", GIVEN)
def test_check__proofs_where_nothing_is_proved__is_malformed(made: Make, kind: str) -> None:
    def prove(rows: Rollouts) -> Rollouts:
        proofs = rows.proofs.copy()
        proofs[2, 0] = 1
        return replace(rows, proofs=proofs)

    finding = forged(made(kind), prove).check()
    assert (finding.verdict, finding.reason, finding.leaf) == (Verdict.MALFORMED, Reason.SCHEMA, 2)


@pytest.mark.parametrize("kind", GIVEN)
def test_check__false_units__is_invalid_units(made: Make, kind: str) -> None:
    bench = made(kind)
    more = bench.context.units + 1
    forged_ = bench.forged(units=more)
    finding = replace(forged_, context=replace(forged_.context, units=more)).check()
    assert (finding.verdict, finding.reason) == (Verdict.INVALID, Reason.UNITS)


@pytest.mark.parametrize("kind", GIVEN)
def test_check__false_loss_or_a_skipped_step__is_refused_at_the_drawn_step(made: Make, kind: str) -> None:
    bench = made(kind)
    drawn = bench.case().plan.steps[0]

    def lied(leaves: list[StepLeaf]) -> list[StepLeaf]:
        return [replace(leaf, loss=leaf.loss - 0.01) if leaf.step == drawn else leaf for leaf in leaves]

    def skipped(leaves: list[StepLeaf]) -> list[StepLeaf]:
        first = leaves[drawn]
        stays = replace(first, weights_after=first.weights_before, moments_after=first.moments_before)
        return [stays if leaf.step == drawn else leaf for leaf in leaves]

    finding = bench.forged(steps=lied).check()
    assert (finding.verdict, finding.reason, finding.leaf) == (Verdict.INVALID, Reason.GRADIENT, drawn)
    finding = bench.forged(steps=skipped).check()
    assert (finding.verdict, finding.reason) == (Verdict.INVALID, Reason.STEP)
