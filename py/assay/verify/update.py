"""Check 8, the cheap part: the pseudo-gradient's norm. It runs before anything that needs the model.

Finite values and their bounds were checked when the file was read; that it equals the steps' sum is the step check.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from assay.errors import Refused
from assay.protocol import codec
from assay.types import Reason
from assay.verify.case import Case, Measure


def norm(values: NDArray[np.float64]) -> float:
    """Return the Euclidean norm of float64[n]."""
    return math.sqrt(float(values @ values))


def check_update(case: Case) -> Measure:
    """Bound the update's Euclidean norm. Value: the norm."""
    value, threshold = norm(codec.dequantise(case.update.q, case.update.scale)), case.spec.verification.max_update_norm
    if not value <= threshold:
        raise Refused("the update is too large", Reason.UPDATE, None, value, threshold)
    return Measure(value, threshold)
