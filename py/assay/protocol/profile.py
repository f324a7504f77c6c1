"""Calibrated profiles: how far honest work may be from a validator's, and on what that was measured.

A profile is canonical JSON (RFC 8785) of at most 16 KiB, named by its keccak; a task's spec lists the hashes of those
that it accepts. Shipped ones lie in `profiles/`; others are learnt by this process from their bytes. `assay calibrate`
writes them. Knows nothing of models or of scores; doesn't judge whether its numbers are sensible.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Final

import rfc8785

from assay.errors import Refused, Unavailable
from assay.protocol import document
from assay.protocol.fields import Listed, Real, Text, Whole
from assay.protocol.hashing import hex32, keccak
from assay.protocol.sections import VerificationSpec

MAX_BYTES: Final = 16 * 1024
PATTERNS: Final = ("float32", "bf16")
FORMAT: Final = 1
_FOLDER = Path(__file__).parent / "profiles"
_WORDS = Text(r".{1,128}", "1 to 128 printable characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bf16Limits:
    """What one chunk's proof may be off in bf16 patterns: exponents and signs of top_k, mantissa mean and median."""

    exponent_mismatches: Annotated[int, Whole(0, 4096)]
    mantissa_mean: Annotated[float, Real(0, 128)]
    mantissa_median: Annotated[float, Real(0, 128)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Float32Limits:
    """What one chunk's proof may be off in mantissa bits 22..8: the mean of differences up to 64, the count above."""

    close_mean: Annotated[float, Real(0, 64)]
    far: Annotated[int, Whole(0, 4096)]


ChunkLimits = Bf16Limits | Float32Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTest:
    """The tests of one worker. A group's error is its prompt's mean error plus the mean of its rollouts'; in the worst
    honest setting it has mean `mean0` and deviation `sd0`.

    Sequential: the alternative lies `drift` deviations above; `alpha` is the chance that an honest worker is ever
    refused. One submission: the mean over its drawn groups lies at most `submission` of its own deviations above.
    """

    mean0: Annotated[float, Real(0, 65536)]
    sd0: Annotated[float, Real(0, 65536, lo_open=True)]
    drift: Annotated[float, Real(0, 1e6, lo_open=True)]
    alpha: Annotated[float, Real(0, 1, lo_open=True, hi_open=True)]
    submission: Annotated[float, Real(0, 1000, lo_open=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientLimits:
    """An opened step against the validator's own: ‖g − g′‖ ÷ ‖g′‖ per tensor, max |g − g′| ÷ rms(g′), and the loss."""

    norm: Annotated[float, Real(0, 1)] = 1e-4
    peak: Annotated[float, Real(0, 1)] = 1e-3
    loss: Annotated[float, Real(0, 1000)] = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was varied and how much was measured. `dtypes` are those that either side computed in: the first is what a
    validator computes in; `group` is how many rollouts a prompt had.
    """

    device: Annotated[str, _WORDS]
    torch: Annotated[str, _WORDS]
    model: Annotated[str, _WORDS]
    dtypes: Annotated[tuple[str, ...], Listed(Text("|".join(PATTERNS), " or ".join(PATTERNS)), 8)]
    attention: Annotated[tuple[str, ...], Listed(_WORDS, 8)]
    batches: Annotated[tuple[int, ...], Listed(Whole(1, 65536), 16)]
    threads: Annotated[tuple[int, ...], Listed(Whole(1, 1024), 16)]
    chunks: Annotated[int, Whole(0, 2**53 - 1)]
    sequences: Annotated[int, Whole(0, 2**53 - 1)]
    group: Annotated[int, Whole(1, 65536)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One calibrated profile.

    sequence_limit bounds a sequence's mean error (float32: of close points); margin, mean_margin and exact_rate the
    sampling replay (largest, mean per submission, share of exact tokens); logprob a log-prob's error.
    false_refusal_rate is what each limit was set for, per honest chunk, sequence or token.
    """

    name: Annotated[str, Text(r"[a-z0-9][a-z0-9._-]{0,63}", "at most 64 lower-case letters, digits, dots, dashes")]
    patterns: Annotated[str, Text("|".join(PATTERNS), " or ".join(PATTERNS))]
    chunk: Annotated[int, Whole(1, 4096)]
    top_k: Annotated[int, Whole(1, 4096)]
    chunk_limits: ChunkLimits
    sequence_limit: Annotated[float, Real(0, 65536)]
    worker: WorkerTest
    margin: Annotated[float, Real(0, 1000)]
    mean_margin: Annotated[float, Real(0, 1000)] = 0.02
    exact_rate: Annotated[float, Real(0, 1)]
    logprob: Annotated[float, Real(0, 1000)]
    gradient: GradientLimits = GradientLimits()
    false_refusal_rate: Annotated[float, Real(0, 1, lo_open=True, hi_open=True)]
    measured: Measured

    @property
    def dtype(self) -> str:
        """The float type that a validator computes in: the first that was measured."""
        return self.measured.dtypes[0] if self.measured.dtypes else self.patterns


def parse(data: bytes) -> Profile:
    """Read a profile: exactly the bytes that `to_json` writes. Raises Refused."""
    table = document.load(data, MAX_BYTES, "the profile")
    if type(table) is not dict or table.pop("format", None) != FORMAT:
        raise Refused(f"the profile isn't of format {FORMAT}")
    profile: Profile = document.build(Profile, table, "", document.from_json, defaults=False, what="the profile")
    if to_json(profile) != data:
        raise Refused("the profile isn't canonical JSON (RFC 8785)")
    return profile


def to_json(profile: Profile) -> bytes:
    """Return the profile's canonical JSON. Refused if its limits are those of other patterns."""
    if isinstance(profile.chunk_limits, Bf16Limits) != (profile.patterns == "bf16"):
        raise Refused(f"profile {profile.name} has the limits of other patterns than {profile.patterns}")
    return rfc8785.dumps({"format": FORMAT, **document.tree(profile)})


def profile_hash(profile: Profile) -> bytes:
    """Return the 32-byte keccak of the canonical JSON: what a task's spec names a profile by."""
    return keccak(to_json(profile))


@cache
def shipped() -> dict[str, Profile]:
    """Return the profiles that come with the software, by name."""
    found = [parse(path.read_bytes()) for path in sorted(_FOLDER.glob("*.json"))]
    return {profile.name: profile for profile in found}


# By content: whatever this process learns, a hash never comes to mean another profile.
_learnt: dict[bytes, Profile] = {}


def learn(data: bytes) -> Profile:
    """Remember a profile of this process by its hash, and return it. Raises Refused as `parse`."""
    profile = parse(data)
    _learnt[keccak(data)] = profile
    return profile


def missing(rules: VerificationSpec) -> list[bytes]:
    """Return the hashes of a task's profiles that this process doesn't know."""
    return [digest for digest in rules.profiles if _known(digest) is None]


def find(digest: bytes) -> Profile:
    """Return the shipped or learnt profile of that hash. Unavailable if this node doesn't have it."""
    profile = _known(digest)
    if profile is None:
        raise Unavailable(f"this node doesn't have the profile {hex32(digest)[:10]} that the task names")
    return profile


def of_task(rules: VerificationSpec, index: int = 0) -> Profile:
    """Return the profile that a task lists at `index`.

    Refused if there is no such index, or if the profile was calibrated for other chunks than the task's; Unavailable
    if this node doesn't have it.
    """
    if not 0 <= index < len(rules.profiles):
        raise Refused(f"the task lists {len(rules.profiles)} profiles; there is no index {index}")
    profile = find(rules.profiles[index])
    if (profile.chunk, profile.top_k) != (rules.chunk, rules.top_k):
        raise Refused(f"profile {profile.name} isn't for chunks of {rules.chunk} tokens with top {rules.top_k}")
    return profile


def documents(rules: VerificationSpec) -> list[str]:
    """Return the canonical JSON of the task's profiles that this process knows: what a child process learns."""
    return [to_json(profile).decode() for profile in map(_known, rules.profiles) if profile is not None]


def learn_all(texts: list[str]) -> None:
    """Learn what `documents` gave."""
    for text in texts:
        learn(text.encode())


def learn_folder(folder: Path) -> list[Profile]:
    """Learn every `*.json` of a folder, one's own calibrations; none if it isn't there. Raises Refused as `parse`."""
    return [learn(path.read_bytes()) for path in sorted(folder.glob("*.json"))]


def _known(digest: bytes) -> Profile | None:
    return _learnt.get(digest) or _shipped_by_hash().get(digest)


@cache
def _shipped_by_hash() -> dict[bytes, Profile]:
    return {profile_hash(profile): profile for profile in shipped().values()}
