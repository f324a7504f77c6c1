"""A calibration as a job: measure, write the profile whole or not at all, tell what it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from assay.protocol.hashing import hex32
from assay.protocol.profile import profile_hash, to_json


def run(args: dict[str, Any], target: Path, progress: Callable[[str, float], None]) -> dict[str, Any]:
    """Calibrate and write the profile to `target`. Returns its name, hash, file and limits as JSON."""
    from assay.train.engines import sample
    from assay.verify.calibrate import calibrate_json

    made, errors = calibrate_json(args, sample, progress)
    data = to_json(made)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".part")
    partial.write_bytes(data)
    partial.replace(target)
    return {
        "name": made.name,
        "hash": hex32(profile_hash(made)),
        "file": str(target),
        "sequence_limit": made.sequence_limit,
        "margin": made.margin,
        "exact_rate": made.exact_rate,
        "chunks": made.measured.chunks,
        "sequences": made.measured.sequences,
        "tokens": errors.tokens,
    }
