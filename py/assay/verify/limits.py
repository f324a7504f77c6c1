"""From honest errors to a profile's limits: the method of `assay calibrate`, without a model.

A limit is the larger of two numbers, times a factor: the largest honest value seen, and the one-sided normal tolerance
bound that covers all but `rate` of honest values with 95 % confidence (Natrella's approximation). Every limit has a
floor, for float32 errors are often exactly 0 on one machine. Doesn't know whether the sample covers other devices.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist, fmean, pstdev, quantiles, stdev
from typing import Final

from assay.errors import Refused
from assay.protocol.profile import Bf16Limits, Float32Limits, GradientLimits, Measured, Profile, WorkerTest
from assay.protocol.toploc import ChunkScore
from assay.verify.audit import sequence_error
from assay.verify.measuring import Group
from assay.verify.sequential import CUT

CONFIDENCE: Final = 0.95
FACTOR: Final = 1.25
WINDOW: Final = 256  # tokens over which the share of exact ones is judged
DRIFT, ALPHA = 1.0, 1e-6


@dataclass(slots=True)
class Errors:
    """Honest errors of all makers and checkers, one list a statistic.

    What is judged on average takes the worst pair, for one trainer and one validator are a pair: `worst` are the group
    errors of the pair that is furthest apart, `apart` the margins of the one with the most tokens that aren't exact.
    """

    chunks: dict[str, list[float]] = field(default_factory=dict)
    sequences: list[float] = field(default_factory=list)
    worst: list[float] = field(default_factory=list)
    apart: list[float] = field(default_factory=list)
    margins: list[float] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, patterns: str, pairs: Iterable[Sequence[Group]]) -> Errors:
        """Add up what was seen under each maker and checker."""
        found = cls()
        for groups in pairs:
            for group in groups:
                found._add(group, patterns)
            means = [group_error(group, patterns) for group in groups]
            if not found.worst or fmean(means) > fmean(found.worst):
                found.worst = means
            margins = [margin for group in groups for margin in group.margins]
            if not found.apart or inexact(margins) > inexact(found.apart):
                found.apart = margins
        return found

    def _add(self, group: Group, patterns: str) -> None:
        for chunks in (group.prompt, *group.rollouts):
            self.sequences.append(sequence_error(chunks, patterns))
            for chunk in chunks:
                for name, value in _statistics(chunk):
                    self.chunks.setdefault(name, []).append(value)
        self.margins += group.margins
        self.logprobs += group.logprobs

    @property
    def tokens(self) -> int:
        return len(self.margins)


def inexact(margins: Sequence[float]) -> float:
    """Return the share of tokens that aren't exactly those that were due."""
    return sum(margin > 0 for margin in margins) / len(margins)


def _statistics(chunk: ChunkScore) -> Iterable[tuple[str, float]]:
    return (
        ("close_mean", chunk.close_mean),
        ("far", float(chunk.far)),
        ("exponents", float(chunk.exponent_mismatches + chunk.sign_mismatches)),
        ("mantissa_mean", chunk.mantissa_mean),
        ("mantissa_median", chunk.mantissa_median),
    )


def group_error(group: Group, patterns: str) -> float:
    """Return what the worker's test sees of a group: the prompt's error plus the mean of its rollouts'."""
    return sequence_error(group.prompt, patterns) + fmean(sequence_error(row, patterns) for row in group.rollouts)


@dataclass(frozen=True, slots=True)
class Honest:
    """What a profile is made of: the proofs' shape, honest errors, and the false refusals that are allowed a chunk,
    sequence, window of tokens or submission.
    """

    patterns: str
    chunk: int
    top_k: int
    errors: Errors
    rate: float


def tolerance(values: Sequence[float], rate: float) -> float:
    """Return the upper bound that covers all but `rate` of a normal population with 95 % confidence."""
    n = len(values)
    if n < 8:
        raise Refused(f"{n} honest values are too few for a limit: at least 8 are needed")
    zp, zc = NormalDist().inv_cdf(1 - rate), NormalDist().inv_cdf(CONFIDENCE)
    a, b = 1 - zc * zc / (2 * (n - 1)), zp * zp - zc * zc / n
    k = (zp + math.sqrt(max(zp * zp - a * b, 0.0))) / a
    return fmean(values) + k * pstdev(values) * math.sqrt(n / (n - 1))


def limit(values: Sequence[float], rate: float, floor: float, top: float) -> float:
    """Return the limit of one statistic, rounded up to four digits."""
    raw = max(floor, FACTOR * max(*values, tolerance(values, rate)))
    scale = 10.0 ** (3 - math.floor(math.log10(raw)))
    return min(top, math.ceil(raw * scale) / scale)


def exact_rate(margins: Sequence[float], rate: float) -> float:
    """Return the least share of exact tokens: so few that 256 honest ones fall below with a chance of `rate` at most.

    The honest share is the lower end of its Wilson interval.
    """
    z, n, p = NormalDist().inv_cdf(CONFIDENCE), len(margins), 1 - inexact(margins)
    low = (p + z * z / (2 * n) - z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n)
    most, left = 0, 1 - low**WINDOW
    while left > rate and most < WINDOW:
        most += 1
        left -= math.comb(WINDOW, most) * (1 - low) ** most * low ** (WINDOW - most)
    return math.floor((1 - most / WINDOW) * 1000) / 1000


def worker_test(groups: Sequence[float], rate: float, floor: float) -> WorkerTest:
    """Return the worker's test from the group errors of the worst honest setting.

    Both estimates are the worse end of their 95 % intervals. Errors further than the test looks count as that far.
    A submission may be refused falsely as often as a hundred of its chunks together. Refused for fewer than 8 groups.
    """
    if (n := len(groups)) < 8:
        raise Refused(f"{n} honest groups are too few for the worker's test: at least 8 are needed")
    low, middle, high = quantiles(groups, n=4)
    reach = CUT * max((high - low) / 1.349, floor)
    near = [min(middle + reach, max(middle - reach, value)) for value in groups]
    z = NormalDist().inv_cdf(CONFIDENCE)
    spread = max(stdev(near) * (1 + z / math.sqrt(2 * n)), floor)
    chance = min(100 * rate, 0.01)
    return WorkerTest(
        mean0=fmean(near) + z * spread / math.sqrt(n),
        sd0=spread,
        drift=DRIFT,
        alpha=ALPHA,
        submission=round(NormalDist().inv_cdf(1 - chance), 3),
    )


def profile_of(name: str, honest: Honest, measured: Measured) -> Profile:
    """Return the profile that honest errors give."""
    errors, rate, fine = honest.errors, honest.rate, honest.patterns == "float32"
    chunks = errors.chunks

    def bound(what: str, floor: float, top: float) -> float:
        return limit(chunks[what], rate, floor, top)

    limits: Bf16Limits | Float32Limits
    if fine:
        limits = Float32Limits(
            close_mean=bound("close_mean", 0.1, 64.0), far=math.ceil(bound("far", 1.0, honest.top_k))
        )
    else:
        limits = Bf16Limits(
            exponent_mismatches=math.ceil(bound("exponents", 1.0, honest.top_k)),
            mantissa_mean=bound("mantissa_mean", 0.5, 128.0),
            mantissa_median=bound("mantissa_median", 1.0, 128.0),
        )
    spread = pstdev(errors.apart) / math.sqrt(WINDOW) * NormalDist().inv_cdf(1 - rate)
    floor_margin, floor_mean, floor_logprob = (0.01, 1e-3, 1e-3) if fine else (0.5, 0.01, 0.1)
    return Profile(
        name=name,
        patterns=honest.patterns,
        chunk=honest.chunk,
        top_k=honest.top_k,
        chunk_limits=limits,
        sequence_limit=limit(errors.sequences, rate, 0.1 if fine else 0.5, 128.0),
        worker=worker_test(errors.worst, rate, 0.01 if fine else 0.05),
        margin=max(floor_margin, 2 * max(errors.margins)),
        mean_margin=max(floor_mean, FACTOR * (fmean(errors.apart) + spread)),
        exact_rate=min(0.995, exact_rate(errors.apart, rate)),
        logprob=max(floor_logprob, 3 * max(errors.logprobs)),
        gradient=GradientLimits(),
        false_refusal_rate=rate,
        measured=measured,
    )
