"""Check 7: the inner steps, executed again from the checkpoint, give the trace and the submitted pseudo-gradient.

All steps in this version. Batches must match to the bit; losses and gradient norms within the tolerance, for machines
differ. State roots are equal only on one machine and are not compared.
"""

from __future__ import annotations

import numpy as np

from assay.artifact.trace import StepLeaf
from assay.artifact.weights import flatten
from assay.errors import Refused
from assay.model import load
from assay.model.steps import StepReport, inner_steps
from assay.protocol import codec
from assay.types import Reason
from assay.verify.case import Case, Measure
from assay.verify.update import norm


def check_step(case: Case) -> Measure:
    """Re-execute every step. Value: ‖submitted − own‖ / ‖own‖ of the quantised pseudo-gradients."""
    model, tolerance = case.model(), case.spec.verification.step_tolerance
    for leaf, report in zip(case.steps, inner_steps(model, case.rollouts, case.spec), strict=True):
        _compare(leaf, report, tolerance)
    moved: np.ndarray[tuple[int], np.dtype[np.float32]] = case.base - flatten(load.arrays_of(model))
    own = codec.dequantise(*codec.quantise(moved))
    apart = own - codec.dequantise(case.update.q, case.update.scale)
    length = norm(own)
    value = norm(apart) / length if length else float(apart.any())
    if not value <= tolerance:
        raise Refused(
            "the update isn't what the inner steps give",
            Reason.UPDATE,
            len(case.steps) - 1,
            value,
            tolerance,
        )
    return Measure(value, tolerance)


def _compare(leaf: StepLeaf, report: StepReport, tolerance: float) -> None:
    if leaf.batch_hash != report.batch_hash:
        raise Refused(f"step {leaf.step} was taken on another batch", Reason.STEP, leaf.step)
    # Losses are of the order of rewards, 0 to 1, and cross zero: absolute. Gradient norms are positive: relative.
    for name, claimed, own, scale in (
        ("loss", leaf.loss, report.loss, 1.0),
        ("gradient norm", leaf.grad_norm, report.grad_norm, max(report.grad_norm, 1e-6)),
    ):
        value = abs(claimed - own) / scale
        if not value <= tolerance:
            message = f"step {leaf.step} claims the {name} {claimed:.6g}; its batch gives {own:.6g}"
            raise Refused(message, Reason.STEP, leaf.step, value, tolerance)
