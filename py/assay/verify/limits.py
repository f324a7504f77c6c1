"""From honest errors to a profile's limits: the method of `assay calibrate`, without a model.

A limit is the larger of two numbers, times a factor: the largest honest value seen, and the one-sided normal tolerance
bound that covers all but `rate` of honest values with 95 % confidence (Natrella's approximation). Every limit has a
floor, for float32 errors are often exactly 0 on one machine. Doesn't know whether the sample covers other devices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist, fmean, pstdev
from typing import Any, Final

from assay.errors import Refused
from assay.protocol.profile import Bf16Limits, Float32Limits, GradientLimits, Measured, Profile, WorkerTest

CONFIDENCE: Final = 0.95
FACTOR: Final = 1.25
WINDOW: Final = 256  # tokens over which the share of exact ones is judged
DRIFT, ALPHA = 1.0, 1e-6


@dataclass(slots=True)
class Errors:
    """Honest errors, one list a statistic; lists of different runs add up."""

    chunks: dict[str, list[float]] = field(default_factory=dict)
    sequences: list[float] = field(default_factory=list)
    workers: list[float] = field(default_factory=list)
    margins: list[float] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    tokens: int = 0
    exact: int = 0

    def add(self, other: dict[str, Any]) -> None:
        """Add what another run measured, as JSON holds it."""
        for name, values in other["chunks"].items():
            self.chunks.setdefault(name, []).extend(values)
        self.sequences += other["sequences"]
        self.workers += other["workers"]
        self.margins += other["margins"]
        self.logprobs += other["logprobs"]
        self.tokens += other["tokens"]
        self.exact += other["exact"]


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


def exact_rate(errors: Errors, rate: float) -> float:
    """Return the least share of exact tokens: the honest one's lower Wilson bound less its spread over 256 tokens."""
    z, n, p = NormalDist().inv_cdf(CONFIDENCE), errors.tokens, errors.exact / errors.tokens
    low = (p + z * z / (2 * n) - z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n)
    spread = NormalDist().inv_cdf(1 - rate) * math.sqrt(low * (1 - low) / WINDOW)
    return max(0.0, math.floor((low - spread) * 1000) / 1000)


def profile_of(
    name: str, patterns: str, chunk: int, top_k: int, errors: Errors, rate: float, measured: Measured
) -> Profile:
    """Return the profile that honest errors give at a false-refusal rate per chunk, sequence or window of tokens."""
    chunks, fine = errors.chunks, patterns == "float32"

    def bound(what: str, floor: float, top: float) -> float:
        return limit(chunks[what], rate, floor, top)

    limits: Bf16Limits | Float32Limits
    if fine:
        limits = Float32Limits(close_mean=bound("close_mean", 0.1, 64.0), far=math.ceil(bound("far", 1.0, top_k)))
    else:
        limits = Bf16Limits(
            exponent_mismatches=math.ceil(bound("exponents", 1.0, top_k)),
            mantissa_mean=bound("mantissa_mean", 0.5, 128.0),
            mantissa_median=bound("mantissa_median", 1.0, 128.0),
        )
    spread = pstdev(errors.margins) / math.sqrt(WINDOW) * NormalDist().inv_cdf(1 - rate)
    floor_margin, floor_mean, floor_logprob = (0.01, 1e-3, 1e-3) if fine else (0.5, 0.01, 0.1)
    return Profile(
        name=name,
        patterns=patterns,
        chunk=chunk,
        top_k=top_k,
        chunk_limits=limits,
        sequence_limit=limit(errors.sequences, rate, 0.1 if fine else 0.5, 128.0),
        worker=WorkerTest(
            mean0=fmean(errors.workers),
            sd0=max(pstdev(errors.workers), 0.01 if fine else 0.05),
            drift=DRIFT,
            alpha=ALPHA,
        ),
        margin=max(floor_margin, 2 * max(errors.margins)),
        mean_margin=max(floor_mean, FACTOR * (fmean(errors.margins) + spread)),
        exact_rate=min(0.995, exact_rate(errors, rate)),
        logprob=max(floor_logprob, 2 * max(errors.logprobs)),
        gradient=GradientLimits(),
        false_refusal_rate=rate,
        measured=measured,
    )
