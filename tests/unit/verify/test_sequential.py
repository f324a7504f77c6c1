"""The sequential test of one worker: false alarms, slow drifts, late ones, and what its record says."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from assay.verify.sequential import Observed, WorkerRules, WorkerState, observe

RULES = WorkerRules(mean0=1.45, sd0=0.25, exact_rate=0.9)
SIZE = 4


def audit(rng: np.random.Generator, groups: int = 4, shift: float = 0.0, inexact: float = 0.05, spread: float = 0.5):
    """Return a submission's audit: errors that go together within a group, `shift` in honest deviations."""
    seen = Observed()
    for group in range(groups):
        common = spread * rng.standard_normal()
        for row in range(group * SIZE, (group + 1) * SIZE):
            z = shift + common + math.sqrt(1 - spread**2) * rng.standard_normal()
            seen.errors[row] = RULES.mean0 + RULES.sd0 * z
            seen.tokens[row] = 16
            seen.inexact[row] = int(rng.binomial(16, inexact))
    return seen


def until_alarm(rng: np.random.Generator, state: WorkerState, most: int = 400, **how: float) -> int | None:
    """Return the submissions until an alarm, or None."""
    for number in range(1, most + 1):
        reading = observe(state, RULES, audit(rng, **how), SIZE)
        if reading.is_alarm:
            return number
        state = reading.state
    return None


def test_observe__a_thousand_honest_workers__none_is_refused() -> None:
    # At alpha = 1e-6 nothing may alarm; the simulation below, at a large alpha, shows that the bound itself holds.
    for seed in range(1000):
        assert until_alarm(np.random.default_rng(seed), WorkerState(), most=6) is None


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_observe__large_alpha__false_alarms_of_a_whole_life_stay_below_it(spread: float) -> None:
    loose = WorkerRules(RULES.mean0, RULES.sd0, RULES.exact_rate, alpha=0.2)
    lives, alarms = 400, 0
    for seed in range(lives):
        rng = np.random.default_rng(seed)
        # the worst honest worker: groups that err wholly together, and as many inexact tokens as are allowed
        reading = observe(WorkerState(), loose, audit(rng, groups=100, inexact=0.1, spread=spread), SIZE)
        alarms += reading.is_alarm

    assert alarms / lives <= 0.2


@pytest.mark.parametrize(
    ("how", "most"),
    [
        ({"shift": 7.0}, 2),  # int8, all layers: 3.3 where honest is 1.45
        ({"shift": 1.0}, 20),
        ({"inexact": 0.2}, 8),  # near ties chosen freely
    ],
)
def test_observe__steady_fault__is_caught_soon(how: dict[str, float], most: int) -> None:
    taken = [until_alarm(np.random.default_rng(seed), WorkerState(), **how) for seed in range(30)]

    assert all(number is not None and number <= most for number in taken)


def test_observe__turns_after_many_honest_groups__is_caught_nearly_as_soon_as_a_new_worker() -> None:
    rng = np.random.default_rng(7)
    state = WorkerState()
    for _ in range(250):
        state = observe(state, RULES, audit(rng), SIZE).state
    assert state.groups == 1000

    old, new = until_alarm(rng, state, shift=2.0), until_alarm(rng, WorkerState(), shift=2.0)

    assert old is not None and new is not None and old <= new + 4


def test_observe__another_devices_small_shift__never_alarms() -> None:
    assert until_alarm(np.random.default_rng(3), WorkerState(), shift=0.4) is None


def test_observe__one_wild_group__decides_nothing() -> None:
    seen = audit(np.random.default_rng(1))
    seen.errors.update(dict.fromkeys(range(SIZE), 1e9))

    assert not observe(WorkerState(), RULES, seen, SIZE).is_alarm


def test_observe__alarm__names_the_rollout_and_begins_anew() -> None:
    reading = observe(WorkerState(), RULES, audit(np.random.default_rng(1), groups=40, shift=7.0), SIZE)

    assert reading.is_alarm and reading.state == WorkerState()
    assert reading.statistic >= reading.threshold == pytest.approx(math.log(2e6))
    assert reading.leaf % SIZE == 0 and reading.what == "errors"


def test_state__through_json__is_the_same() -> None:
    state = observe(WorkerState(), RULES, audit(np.random.default_rng(1)), SIZE).state

    assert WorkerState.from_json(json.loads(json.dumps(state.to_json(), allow_nan=False))) == state


def test_observe__exact_tokens_not_bounded__only_errors_count() -> None:
    for rate in (0.0, 1.0):
        rules = WorkerRules(RULES.mean0, RULES.sd0, rate)

        assert not observe(WorkerState(), rules, audit(np.random.default_rng(1), inexact=1.0), SIZE).is_alarm


def test_observe__a_new_workers_plain_fault__is_caught_in_its_first_submission() -> None:
    missed = [
        seed
        for seed in range(40)
        if not observe(WorkerState(), RULES, audit(np.random.default_rng(seed), groups=16, shift=2.0), SIZE).is_alarm
    ]
    assert len(missed) <= 2


def test_observe__prompts_errors__count_with_their_rollouts() -> None:
    seen = audit(np.random.default_rng(1), groups=8)
    plain = observe(WorkerState(), RULES, seen, SIZE)
    seen.prompts = dict.fromkeys(range(8), 10 * RULES.sd0)

    assert not plain.is_alarm and observe(WorkerState(), RULES, seen, SIZE).is_alarm


def test_observe__fewer_rollouts_than_calibrated__leave_more_room() -> None:
    seen = audit(np.random.default_rng(1), groups=8, shift=2.0)
    wide = WorkerRules(RULES.mean0, RULES.sd0, RULES.exact_rate, group=16 * SIZE)

    assert observe(WorkerState(), RULES, seen, SIZE).is_alarm
    assert not observe(WorkerState(), wide, seen, SIZE).is_alarm
