"""What validators said of a round, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SealRow:
    """A round's audit seed (16 bytes) and stake line (gwei); `source` is the block, or the slot of
    the beacon, that gave the seed."""

    task: int
    round: int
    seed: bytes
    line: int
    source: int
    block: int


@dataclass(frozen=True, slots=True)
class CommitRow:
    task: int
    round: int
    validator: str
    order: int
    block: int


@dataclass(frozen=True, slots=True)
class VoteRow:
    """A validator's reveal; `order` counts the reveals of the round."""

    task: int
    round: int
    validator: str
    order: int
    votes: bytes
    held: int
    evidence: bytes
    salt: bytes
    block: int


@dataclass(frozen=True, slots=True)
class ExtraRow:
    """A validator's votes of a round's extra draw; `order` counts them, and finalize must repeat them in this order."""

    task: int
    round: int
    validator: str
    order: int
    evidence: bytes
    votes: bytes
    block: int


@dataclass(frozen=True, slots=True)
class AttestRow:
    """A validator's word on the root of checkpoint `round`; `order` counts the round's attestations."""

    task: int
    round: int
    validator: str
    order: int
    root: bytes
    block: int


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """Checkpoint `round` of a task; round 0 is genesis, final once the task has started.

    `disputed` while the court hasn't ruled on it, `ruling` (as in `types.Ruling`) from then on.
    """

    task: int
    round: int
    root: bytes
    final: bool
    block: int
    disputed: bool = False
    ruling: int | None = None


@dataclass(frozen=True, slots=True)
class RoundRow:
    """How a round ended: one outcome byte per submission, and where the money came from."""

    task: int
    round: int
    outcomes: bytes
    from_escrow: int
    from_stakes: int
    burned: int
    block: int
