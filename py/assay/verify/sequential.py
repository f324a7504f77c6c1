"""One worker over all that this validator audited of it: small steady faults that no single chunk shows.

Two sequential tests run side by side. The first looks at how far a group's proofs are off on average: z counts
deviations sd0 from an honest mean error mean0, and honest work shifted by `drift` deviations is what is looked for.
The second looks at the share of tokens that aren't exactly those that were due, against twice the share allowed.

Each keeps M ← L · (M + w(t)), L the likelihood ratio of what was seen and Σ w = 1: a mixture of Wald's tests that start
at each t (Shiryaev), so that a worker that turns after a thousand honest groups is caught nearly as soon as a new one.
For honest work M plus the weight still to come is a supermartingale that starts at 1, hence the chance that M *ever*
reaches 1/ε is at most ε (Ville): `alpha` bounds the false alarms of a worker's whole life, not of one look.

A shift below drift / 2 never alarms: another device's slightly larger honest error may be that much. Rollouts of one
prompt err together and are one observation. z is cut at ±4, so that no single group decides. Knows nothing of models;
doesn't notice what others audited.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

CUT: Final = 4.0
FLOOR: Final = -700.0
"""Least logarithm that is kept: exp of it is still a number."""


@dataclass(frozen=True, slots=True)
class WorkerRules:
    """What an honest worker looks like: mean and deviation of a sequence's mean error, and the least share of exact
    tokens; the drift in deviations that is looked for; the chance that an honest worker is ever refused.
    """

    mean0: float
    sd0: float
    exact_rate: float
    drift: float = 1.0
    alpha: float = 1e-6


@dataclass(frozen=True, slots=True)
class WorkerState:
    """What is kept of a worker: log M of both tests, and how many groups and tokens they have seen."""

    error: float = FLOOR
    exact: float = FLOOR
    groups: int = 0
    tokens: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the state as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> WorkerState:
        """Read what `to_json` gave. This node's own record; no defence against others'."""
        return cls(**value)


@dataclass(slots=True)
class Observed:
    """What the checks of one submission saw: mean error of each drawn rollout, and its tokens, inexact and all."""

    errors: dict[int, float] = field(default_factory=dict)
    inexact: dict[int, int] = field(default_factory=dict)
    tokens: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """A worker's state after one more submission, the largest log M on the way, the limit that it had to stay below,
    and the rollout at which it was reached. `is_alarm`: the worker's work isn't the model's.
    """

    state: WorkerState
    statistic: float
    threshold: float
    leaf: int
    what: str

    @property
    def is_alarm(self) -> bool:
        return self.statistic >= self.threshold


def observe(state: WorkerState, rules: WorkerRules, seen: Observed, group_size: int) -> Reading:
    """Add a submission's audit to a worker's state, group by group. After an alarm both tests begin anew."""
    threshold = math.log(2.0 / rules.alpha)  # each test may spend half of alpha
    largest, leaf, what = FLOOR, 0, "errors"
    for group, rows in _groups(seen.errors, group_size):
        mean = sum(seen.errors[row] for row in rows) / len(rows)
        inexact, tokens = (sum(counts.get(row, 0) for row in rows) for counts in (seen.inexact, seen.tokens))
        state = replace(
            state,
            error=_next(state.error, _error_ratio(mean, rules), state.groups),
            exact=_next(state.exact, _exact_ratio(inexact, tokens, rules.exact_rate), state.groups),
            groups=state.groups + 1,
            tokens=state.tokens + tokens,
        )
        for value, name in ((state.error, "errors"), (state.exact, "inexact tokens")):
            if value > largest:
                largest, leaf, what = value, group * group_size, name
        if largest >= threshold:
            return Reading(WorkerState(), largest, threshold, leaf, what)
    return Reading(state, largest, threshold, leaf, what)


def _groups(errors: Mapping[int, float], size: int) -> Iterable[tuple[int, list[int]]]:
    groups: dict[int, list[int]] = {}
    for row in sorted(errors):
        groups.setdefault(row // size, []).append(row)
    return groups.items()


def _next(log_m: float, log_ratio: float, before: int) -> float:
    """Return log(L · (M + w)), w = 1 / (t · (t + 1)) for the t-th observation."""
    weight = -math.log((before + 1) * (before + 2))
    high, low = max(log_m, weight), min(log_m, weight)
    return max(FLOOR, log_ratio + high + math.log1p(math.exp(low - high)))


def _error_ratio(mean: float, rules: WorkerRules) -> float:
    """Return log of N(drift, 1) over N(0, 1) at z. As if all of a group's rollouts erred alike: if they don't, the mean
    varies less and the test only becomes safer.
    """
    z = min(CUT, max(-CUT, (mean - rules.mean0) / rules.sd0))
    return rules.drift * z - rules.drift**2 / 2


def _exact_ratio(inexact: int, tokens: int, exact_rate: float) -> float:
    """Return the log-likelihood ratio of twice the allowed share of inexact tokens over the allowed one."""
    allowed = 1.0 - exact_rate
    if not 0.0 < allowed < 1.0:
        return 0.0
    suspected = min(2 * allowed, (1 + allowed) / 2)
    ratio = inexact * math.log(suspected / allowed)
    return ratio + (tokens - inexact) * math.log((1 - suspected) / (1 - allowed))
