"""Which profile counts for a submission, and that each of its limits refuses alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from assay.errors import Unavailable
from assay.protocol.profile import Bf16Limits, Float32Limits, Profile, learn, profile_hash, to_json
from assay.train.export import train_submission
from assay.types import Reason, Verdict
from assay.verify.audit import prefill
from unit.verify.conftest import BEACON, BOUND, open_all


def with_rules(bench, **rules: object):
    """The same submission under a task whose profile has other limits."""
    made: Profile = replace(bench.case().profile, **rules)
    learn(to_json(made))
    accepted = (profile_hash(made),) * (bench.case().binding.profile + 1)
    return replace(bench, spec=replace(bench.spec, verification=replace(bench.spec.verification, profiles=accepted)))


@pytest.mark.parametrize(
    ("index", "rules", "name"),
    [
        (0, {"chunk_limits": Float32Limits(close_mean=64, far=3)}, "far apart"),
        (0, {"chunk_limits": Float32Limits(close_mean=1, far=16)}, "mean mantissa"),
        (0, {"chunk_limits": Float32Limits(close_mean=64, far=16), "sequence_limit": 32.0}, "mean error "),
        (1, {"chunk_limits": Bf16Limits(exponent_mismatches=1, mantissa_mean=0.5, mantissa_median=0.25)}, "exponents"),
        (1, {"chunk_limits": Bf16Limits(exponent_mismatches=16, mantissa_mean=0.5, mantissa_median=0.25)}, "mean man"),
        (1, {"chunk_limits": Bf16Limits(exponent_mismatches=16, mantissa_mean=128, mantissa_median=0.25)}, "median"),
        (
            1,
            {
                "chunk_limits": Bf16Limits(exponent_mismatches=16, mantissa_mean=128, mantissa_median=128),
                "sequence_limit": 0.5,
            },
            "mean error ",
        ),
    ],
)
def test_check__wrong_model__each_activation_threshold_refuses_alone(
    submit: Callable, index: int, rules: dict, name: str
) -> None:
    finding = with_rules(submit("model", index), **rules).check()
    assert finding.reason is Reason.ACTIVATION and name in finding.message
    assert finding.value > finding.threshold


def test_check__too_few_exact_tokens__is_invalid_sampling_whatever_the_margin(submit: Callable) -> None:
    finding = with_rules(submit("tokens"), margin=1000.0, exact_rate=0.99, mean_margin=1000.0).check()
    assert (finding.reason, finding.threshold) == (Reason.SAMPLING, 0.99)
    assert finding.value < 0.99


def test_check__bf16_profile__honest_passes_and_another_model_fails(submit: Callable) -> None:
    assert submit(None, 1).check().verdict is Verdict.VALID
    assert submit("model", 1).check().reason is Reason.ACTIVATION


def test_check__profile_of_the_other_side__is_invalid_activation(honest) -> None:
    assert honest.forged(profile=1).check().reason is Reason.ACTIVATION


def test_check__profile_that_the_task_does_not_list__is_invalid_binding(honest) -> None:
    finding = honest.forged(profile=2).check()
    assert (finding.verdict, finding.reason) == (Verdict.INVALID, Reason.BINDING)


def test_check__profile_that_this_node_does_not_have__is_no_verdict(honest) -> None:
    strange = replace(honest.spec.verification, profiles=(b"\x66" * 32,))
    with pytest.raises(Unavailable):
        replace(honest, spec=replace(honest.spec, verification=strange)).check()


def test_check__many_near_misses__are_invalid_sampling_by_their_mean(submit: Callable) -> None:
    finding = with_rules(submit("tokens"), margin=1000.0, exact_rate=0.0, mean_margin=0.01).check()
    assert (finding.reason, finding.threshold) == (Reason.SAMPLING, 0.01)


def test_check__profile_measured_in_bf16__both_sides_compute_in_it(submit: Callable, tmp_path: Path) -> None:
    plain = submit(None, 1)
    was = plain.case().profile
    wide = {"measured": replace(was.measured, dtypes=("bf16",)), "margin": 0.5, "logprob": 0.1}
    bench = with_rules(plain, **wide)
    assert bench.check().verdict is Verdict.INVALID  # float32's states and log-probs aren't those of a model in bf16
    done = train_submission(
        bench.base, bench.spec, BOUND, BEACON, tmp_path / "submission", states=tmp_path / "states", profile=1
    )
    context = replace(bench.context, units=done.units, root=done.root)
    opened = open_all(tmp_path, bench.base, bench.spec)
    made = replace(bench, folder=tmp_path / "submission", context=context, openings=opened)

    assert made.check().verdict is Verdict.VALID
    assert prefill(made.case()).logits.dtype is torch.float32  # whatever it was computed in
    assert with_rules(made, measured=was.measured).check().reason is Reason.ACTIVATION
