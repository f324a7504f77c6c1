"""A task's clock: when each round's windows begin and end.

Round r (from 1) opens at start + (r − 1)·period; its windows follow one another and are half-open, so that no second
belongs to two of them. Mirrors the round ledger. Knows nothing of blocks: times are unix seconds of the chain's clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from assay.errors import Refused
from assay.protocol.sections import TaskSpec


class Phase(IntEnum):
    """Where a round stands at one second."""

    WAITING = 0
    WORK = 1
    SEAL_DELAY = 2
    COMMIT = 3
    REVEAL = 4
    EXTRA = 5
    CHALLENGE = 6
    FINAL = 7


@dataclass(frozen=True, slots=True)
class Schedule:
    """A started task's clock. `start` is the unix second at which round 1 opens; the rest are seconds or rounds."""

    start: int
    rounds: int
    period: int
    work: int
    seal_delay: int
    commit: int
    reveal: int
    extra: int
    attest: int
    challenge: int
    staleness: int

    @classmethod
    def from_spec(cls, spec: TaskSpec, start: int) -> Schedule:
        """Return the schedule of a task that started with round 1 opening at `start`."""
        r = spec.rounds
        windows = (r.period, r.work, r.seal_delay, r.commit, r.reveal, r.extra, r.attest, r.challenge)
        return cls(start, r.count, *windows, r.staleness)

    def open(self, r: int) -> int:
        """Return the second at which round r opens."""
        if r < 1:
            raise Refused(f"rounds count from 1, there is no round {r}")
        return self.start + (r - 1) * self.period

    def work_end(self, r: int) -> int:
        """Return the first second in which round r takes no submission any more."""
        return self.open(r) + self.work

    def seal_at(self, r: int) -> int:
        """Return the second whose first block at or after it gives the audit seed; commitments begin."""
        return self.work_end(r) + self.seal_delay

    def commit_end(self, r: int) -> int:
        """Return the first second that takes no commitment any more; unsealed until then, the round is void."""
        return self.seal_at(r) + self.commit

    def reveal_end(self, r: int) -> int:
        """Return the first second that takes no reveal any more; an extra draw begins where there is one."""
        return self.commit_end(r) + self.reveal

    def votes_end(self, r: int) -> int:
        """Return the first second that takes no vote at all; the accepted set is fixed."""
        return self.reveal_end(r) + self.extra

    def attest_end(self, r: int) -> int:
        """Return the second by which the checkpoint is expected to be attested; canaries are opened before it."""
        return self.votes_end(r) + self.attest

    def challenge_end(self, r: int) -> int:
        """Return the first second in which round r can be made final."""
        return self.votes_end(r) + self.challenge

    def round_at(self, t: int) -> int:
        """Return the newest round that is open at second t: 0 before the start, above `rounds` after the last one."""
        return max(0, (t - self.start) // self.period + 1)

    def phase(self, r: int, t: int) -> Phase:
        """Return the window of round r that second t lies in."""
        begins = (
            self.open(r),
            self.work_end(r),
            self.seal_at(r),
            self.commit_end(r),
            self.reveal_end(r),
            self.votes_end(r),
            self.challenge_end(r),
        )
        return Phase(sum(t >= begin for begin in begins))
