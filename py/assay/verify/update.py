"""Check 8, the cheap part: the pseudo-gradient's norm, and that it isn't another's. Both before anything costs much.

Finite values and their bounds were checked when the file was read; that it equals the last step is the step check.
Everything is read in pieces, so that no more than the update itself is held. An update that was copied and then trained
on a little would still lie near; honest ones of other data don't.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assay.artifact import update as update_file
from assay.artifact.folder import open_artifact
from assay.artifact.update import Update
from assay.errors import AssayError, Refused
from assay.protocol import codec
from assay.types import Reason
from assay.verify.case import Case, Measure

LIKENESS: Final = 0.98
"""The cosine from which two updates count as one; honest ones of one round lie below 0.7."""
_PIECE: Final = 1024 * codec.BLOCK


def check_update(case: Case) -> Measure:
    """Bound the update's Euclidean norm; refuse it if an earlier one of the round lies too near. Value: the norm."""
    value, threshold = norm(case.update), case.spec.verification.max_update_norm
    if not value <= threshold:
        raise Refused("the update is too large", Reason.UPDATE, None, value, threshold)
    for folder in case.earlier:
        other = _other(case, folder)
        likeness = 0.0 if other is None else cosine(case.update, other)
        if likeness > LIKENESS:
            message = "the update is nearly that of an earlier submission of the round"
            raise Refused(message, Reason.UPDATE, None, likeness, LIKENESS)
    return Measure(value, threshold)


def norm(update: Update) -> float:
    """Return an update's Euclidean norm."""
    return math.sqrt(math.fsum(float(piece @ piece) for piece in _pieces(update)))


def cosine(one: Update, other: Update) -> float:
    """Return the cosine of two updates of one model, 0 where either is zero."""
    product = math.fsum(float(a @ b) for a, b in zip(_pieces(one), _pieces(other), strict=True))
    lengths = norm(one) * norm(other)
    return product / lengths if lengths else 0.0


def _pieces(update: Update) -> Iterator[NDArray[np.float64]]:
    for at in range(0, len(update.q), _PIECE):
        q = update.q[at : at + _PIECE]
        scale = update.scale[at // codec.BLOCK : (at + len(q) - 1) // codec.BLOCK + 1]
        yield codec.dequantise(q, scale)


def _other(case: Case, folder: Path) -> Update | None:
    """Read another's update; one that can't be read is that one's fault."""
    try:
        found = open_artifact(folder, case.spec.rounds.max_artifact_bytes)
        return update_file.read(found.path(update_file.NAME), case.n_params)
    except AssayError:
        return None
