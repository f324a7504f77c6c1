"""Calibration: the method of limits on made-up errors, and a whole run on the tiny base."""

from __future__ import annotations

import random

import pytest

from assay.errors import Refused
from assay.protocol.profile import parse, to_json
from assay.protocol.toploc import ChunkScore
from assay.train.engines import sample
from assay.verify import calibrate, limits
from assay.verify.limits import Errors
from assay.verify.measuring import Group


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
    few, many = [0.0] * 196 + [0.1] * 4, [0.0] * 196_000 + [0.1] * 4_000
    assert limits.exact_rate(few, 1e-6) < limits.exact_rate(many, 1e-6) < 0.98


def test_exact_rate__windows_of_honest_tokens__fall_below_as_rarely_as_asked() -> None:
    least = limits.exact_rate([0.0] * 199_400 + [0.1] * 600, 1e-3)
    rng = random.Random(2)  # noqa: S311 - a made-up sample
    below = sum(sum(rng.random() < 0.003 for _ in range(256)) > (1 - least) * 256 for _ in range(2000))
    assert below <= 6  # 2 are expected
    assert least < 0.985  # the normal bound gave 0.986 of one honest submission in fifty


def test_worker_test__one_wild_group__moves_it_little() -> None:
    rng = random.Random(3)  # noqa: S311 - a made-up sample
    groups = [rng.gauss(1.0, 0.1) for _ in range(400)]
    plain, wild = limits.worker_test(groups, 1e-6, 0.01), limits.worker_test([*groups, 500.0], 1e-6, 0.01)
    assert 0.1 <= plain.sd0 <= wild.sd0 < 0.12 and 1.0 <= plain.mean0 <= wild.mean0 < 1.03
    assert plain.submission == pytest.approx(3.719)  # one in 10,000
    with pytest.raises(Refused):
        limits.worker_test(groups[:7], 1e-6, 0.01)


def test_errors__pairs_of_settings__what_is_averaged_takes_the_worst_one() -> None:
    def pair(error: float, margin: float) -> list[Group]:
        chunk = ChunkScore(error=error, mantissa_mean=error)
        return [Group([chunk], [[chunk], [chunk]], [margin, 0.0], [0.01, 0.0])] * 3

    found = Errors.of("bf16", [pair(0.5, 0.0), pair(2.0, 0.2), pair(1.0, 0.0)])
    assert found.worst == [4.0] * 3  # the prompt's error and the mean of the rollouts'
    assert found.apart == [0.2, 0.0] * 3
    assert len(found.sequences) == 27 and len(found.margins) == 18


def test_settings__differ_in_one_thing_each() -> None:
    ways = calibrate.settings("bf16", ["sdpa", "eager"], [1, 16], [1, 2])
    assert [str(way) for way in ways] == [
        "bf16-sdpa-b16-t1", "bf16-eager-b16-t1", "bf16-sdpa-b1-t1", "bf16-sdpa-b16-t2",
    ]  # fmt: skip
    assert {way.dtype for way in calibrate.settings("float32", ["sdpa"], [1], [1])} == {"float32"}


@pytest.mark.parametrize("patterns", ["float32", "bf16"])
def test_calibrate__tiny_base__gives_a_profile_and_resumes(base, tmp_path, patterns: str) -> None:
    args = {
        "models": [str(base)], "patterns": patterns, "name": "mine", "sequences": 16, "group": 2, "tokens": 5,
        "chunk": 4, "top_k": 16, "attention": ["sdpa"], "batches": [4, 16], "threads": [1],
        "rate": 1e-6, "cache": "", "work": str(tmp_path),
    }  # fmt: skip
    seen: list[float] = []
    made, errors = calibrate.calibrate_json(args, sample, lambda _, share: seen.append(share))
    assert parse(to_json(made)) == made and seen[-1] == 1.0
    assert (made.patterns, made.chunk, made.measured.batches) == (patterns, 4, (4, 16))
    assert (made.dtype, made.measured.group) == (patterns, 2)
    assert made.measured.sequences == len(errors.sequences) == (16 + 8) * len(seen)  # rollouts and prompts
    again, _ = calibrate.calibrate_json(args, lambda *_: pytest.fail("it was measured already"), lambda *_: None)
    assert again == made
