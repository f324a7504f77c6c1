"""Calibration: the method of limits on made-up errors, and a whole run on the tiny base."""

from __future__ import annotations

import random

import pytest

from assay.errors import Refused
from assay.protocol.profile import parse, to_json
from assay.train.engine import sample
from assay.verify import calibrate, limits
from assay.verify.limits import Errors


def test_tolerance__normal_values__covers_all_but_the_rate() -> None:
    rng = random.Random(1)  # noqa: S311 - a made-up sample
    bounds = [limits.tolerance([rng.gauss(10, 2) for _ in range(200)], 0.01) for _ in range(200)]
    true = 10 + 2 * 2.3263
    assert sum(bound < true for bound in bounds) <= 20  # 95 % confidence: about 10 of 200
    assert sum(bounds) / 200 < true + 1


def test_limit__zeros__is_the_floor_and_never_below_what_was_seen() -> None:
    assert limits.limit([0.0] * 100, 1e-6, 0.1, 64) == 0.1
    assert limits.limit([0.0] * 100 + [9.0], 1e-6, 0.1, 64) >= 9 * limits.FACTOR
    assert limits.limit([60.0] * 10, 1e-6, 0.1, 64) == 64
    with pytest.raises(Refused):
        limits.limit([1.0] * 7, 1e-6, 0.1, 64)


def test_exact_rate__fewer_tokens__leave_more_room() -> None:
    few, many = Errors(tokens=200, exact=196), Errors(tokens=200_000, exact=196_000)
    assert limits.exact_rate(few, 1e-6) < limits.exact_rate(many, 1e-6) < 0.98


def test_settings__differ_in_one_thing_each() -> None:
    ways = calibrate.settings("bf16", ["sdpa", "eager"], [1, 16], [1, 2])
    assert [str(way) for way in ways] == [
        "bf16-sdpa-b16-t1", "float32-sdpa-b16-t1", "bf16-eager-b16-t1", "bf16-sdpa-b1-t1", "bf16-sdpa-b16-t2",
    ]  # fmt: skip
    assert {way.dtype for way in calibrate.settings("float32", ["sdpa"], [1], [1])} == {"float32"}


@pytest.mark.parametrize("patterns", ["float32", "bf16"])
def test_calibrate__tiny_base__gives_a_profile_and_resumes(base, tmp_path, patterns: str) -> None:
    args = {
        "model": str(base), "patterns": patterns, "name": "mine", "sequences": 16, "tokens": 5, "chunk": 4, "top_k": 16,
        "attention": ["sdpa"], "batches": [4, 16], "threads": [1], "rate": 1e-6, "cache": "", "work": str(tmp_path),
    }  # fmt: skip
    seen: list[float] = []
    made, errors = calibrate.calibrate_json(args, sample, lambda _, share: seen.append(share))
    assert parse(to_json(made)) == made and seen[-1] == 1.0
    assert (made.patterns, made.chunk, made.measured.batches) == (patterns, 4, (4, 16))
    assert made.measured.sequences == len(errors.sequences) == 2 * 16 * len(seen)
    again, _ = calibrate.calibrate_json(args, lambda *_: pytest.fail("it was measured already"), lambda *_: None)
    assert again == made
