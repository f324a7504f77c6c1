"""One worker over all that this validator audited of it: small steady faults that no single chunk shows.

Two sequential tests run side by side. The first looks at how far a group's proofs are off, prompt and rollouts: z
counts deviations sd0 from an honest mean error mean0, and honest work shifted by `drift` deviations is what is looked
for. The second looks at the share of tokens that aren't exactly those that were due, against twice the share allowed.
Beside them the mean z of one submission's groups is bounded, which finds a plain fault of a worker without a record.

Each keeps M ← L · (M + w(t)), L the likelihood ratio of what was seen and Σ w = 1: a mixture of Wald's tests that start
at each t (Shiryaev), so that a worker that turns after a thousand honest groups is caught nearly as soon as a new one.
For honest work M plus the weight still to come is a supermartingale that starts at 1, hence the chance that M *ever*
reaches 1/ε is at most ε (Ville): `alpha` bounds the false alarms of a worker's whole life, not of one look.

A shift below drift / 2 never alarms: another device's slightly larger honest error may be that much. Rollouts of one
prompt err together and are one observation; where they are fewer than were calibrated, as if they erred apart, which
leaves more room. z is cut at ±4, so that no single group decides. Knows nothing of models;
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
    """What an honest worker looks like: mean and deviation of the error of a group of `group` rollouts, and the least
    share of exact tokens; the drift in deviations that is looked for; the chance that an honest worker is ever refused;
    by how many of its own deviations the mean of one submission's groups may lie above mean0.
    """

    mean0: float
    sd0: float
    exact_rate: float
    drift: float = 1.0
    alpha: float = 1e-6
    submission: float = 4.75
    group: int = 1


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
    """What the checks of one submission saw: mean error of each drawn rollout, and its tokens, inexact and all; mean
    error of each drawn group's prompt.
    """

    errors: dict[int, float] = field(default_factory=dict)
    prompts: dict[int, float] = field(default_factory=dict)
    inexact: dict[int, int] = field(default_factory=dict)
    tokens: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """A worker's state after one more submission, the largest statistic on the way (log M, or deviations of the
    submission's mean), the limit that it had to stay below, and the rollout at which it was reached. `is_alarm`: the
    worker's work isn't the model's.
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
    places = list[tuple[float, int]]()
    for group, rows in _groups(seen.errors, group_size):
        error = seen.prompts.get(group, 0.0) + sum(seen.errors[row] for row in rows) / len(rows)
        z = _deviations(error, len(rows), rules)
        places.append((z, group * group_size))
        inexact, tokens = (sum(counts.get(row, 0) for row in rows) for counts in (seen.inexact, seen.tokens))
        state = replace(
            state,
            error=_next(state.error, rules.drift * z - rules.drift**2 / 2, state.groups),
            exact=_next(state.exact, _exact_ratio(inexact, tokens, rules.exact_rate), state.groups),
            groups=state.groups + 1,
            tokens=state.tokens + tokens,
        )
        for value, name in ((state.error, "errors"), (state.exact, "inexact tokens")):
            if value > largest:
                largest, leaf, what = value, group * group_size, name
        if largest >= threshold:
            return Reading(WorkerState(), largest, threshold, leaf, what)
    if places and (mean := sum(z for z, _ in places) / math.sqrt(len(places))) >= rules.submission:
        return Reading(WorkerState(), mean, rules.submission, max(places)[1], "the mean error of this submission")
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


def _deviations(error: float, rollouts: int, rules: WorkerRules) -> float:
    """Return z. The log of N(drift, 1) over N(0, 1) at it is drift · z − drift² / 2."""
    spread = rules.sd0 * math.sqrt(max(1.0, rules.group / rollouts))
    return min(CUT, max(-CUT, (error - rules.mean0) / spread))


def _exact_ratio(inexact: int, tokens: int, exact_rate: float) -> float:
    """Return the log-likelihood ratio of twice the allowed share of inexact tokens over the allowed one."""
    allowed = 1.0 - exact_rate
    if not 0.0 < allowed < 1.0:
        return 0.0
    suspected = min(2 * allowed, (1 + allowed) / 2)
    ratio = inexact * math.log(suspected / allowed)
    return ratio + (tokens - inexact) * math.log((1 - suspected) / (1 - allowed))
