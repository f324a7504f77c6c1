"""What reads of the contracts return."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task's clock: start is 0 before it has started; head is the round of the newest final checkpoint."""

    start: int
    last_round: int
    head: int
    pending: int


@dataclass(frozen=True, slots=True)
class LotState:
    """A validator's lot [lo, hi) in gwei, the rounds in which it counts, and the gwei of it that were cut.

    until_round 0 or huge means no end.
    """

    from_round: int
    until_round: int
    lo: int
    hi: int
    cut: int


@dataclass(frozen=True, slots=True)
class TrainerState:
    """What a trainer enlisted, and what its open submissions risk of it (wei)."""

    from_round: int
    enlisted: int
    exposed: int


@dataclass(frozen=True, slots=True)
class RoundState:
    """A round's word: the seed is 16 zero bytes before the seal."""

    seed: bytes
    line: int
    submissions: int
    reveals: int
    final: bool


@dataclass(frozen=True, slots=True)
class VoterState:
    """What a validator did in a round, while the ledger still remembers it."""

    committed: bool
    revealed: bool
    attested: bool
    voted_extra: bool
    cut: bool


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account in the vault (wei)."""

    staked: int
    locked: int
    claimable: int

    @property
    def free(self) -> int:
        return self.staked - self.locked


@dataclass(frozen=True, slots=True)
class CaseTimes:
    """When the windows of a dispute end (unix seconds)."""

    draw_at: int
    jury_end: int
    ruled_at: int
    appeal_end: int
    vote_end: int


@dataclass(frozen=True, slots=True)
class CaseVotes:
    """The votes on a case so far: the jury's in seats, the appeal's in gwei."""

    jury_for: int
    jury_against: int
    stake_for: int
    stake_against: int
