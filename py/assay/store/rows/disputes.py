"""Cases before the court, their jurors, and votes on appeals."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A dispute. Times are unix seconds, bonds wei, the line gwei; the seed is None before the jury is summoned.

    `claim`, `ruling` as in `types`; `ruling` is None until the case is closed.
    """

    id: int
    task: int
    round: int
    index: int
    claim: int
    check: int
    leaf: int
    challenger: str
    digest: bytes
    bond: int
    uri: str
    opened_at: int
    block: int
    seed: bytes | None = None
    line: int = 0
    source: int | None = None
    appellant: str | None = None
    appeal_bond: int = 0
    ruling: int | None = None
    burned: int = 0


@dataclass(frozen=True, slots=True)
class JurorRow:
    """A juror that has committed; what it revealed is None before."""

    case: int
    juror: str
    task: int
    block: int
    seats: int | None = None
    vote: int | None = None
    evidence: bytes | None = None


@dataclass(frozen=True, slots=True)
class AppealVoteRow:
    """A vote of enlisted stake on an appeal; weight in gwei."""

    case: int
    account: str
    task: int
    vote: int
    weight: int
    block: int
