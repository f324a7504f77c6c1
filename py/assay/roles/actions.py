"""What a role can decide to do, as plain values. Knows neither how it is done nor whether it succeeds."""

from __future__ import annotations

from dataclasses import dataclass

from assay.protocol.corrections import Correction
from assay.protocol.pace import UNKNOWN, Pace


@dataclass(frozen=True, slots=True)
class Enlist:
    """Stake what is missing and enlist for the task."""


@dataclass(frozen=True, slots=True)
class FetchCheckpoint:
    """Get a final checkpoint from whoever serves it."""

    round: int
    root: bytes


@dataclass(frozen=True, slots=True)
class FetchSubmission:
    """Get a submission's artifact from whoever serves it."""

    round: int
    index: int


@dataclass(frozen=True, slots=True)
class Attest:
    """Attest the root of a checkpoint; round 0 is genesis."""

    round: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Seal:
    """Show the header of the scheduled block."""

    round: int


@dataclass(frozen=True, slots=True)
class OpenSteps:
    """Make and serve the openings of the steps that were drawn of this node's own submission."""

    round: int


@dataclass(frozen=True, slots=True)
class FetchOpening:
    """Get what the trainer of a drawn submission opens of it."""

    round: int
    index: int


@dataclass(frozen=True, slots=True)
class Check:
    """Check a drawn submission in a process of its own."""

    round: int
    index: int


@dataclass(frozen=True, slots=True)
class Commit:
    """Commit to the verdicts found so far."""

    round: int


@dataclass(frozen=True, slots=True)
class Reveal:
    """Open the commitment."""

    round: int


@dataclass(frozen=True, slots=True)
class MakeCheckpoint:
    """Compute the next checkpoint from `base`, the included submissions and what earlier rounds' turned out to be."""

    round: int
    base: int
    included: tuple[int, ...]
    corrections: tuple[Correction, ...] = ()


@dataclass(frozen=True, slots=True)
class VoteExtra:
    """Vote with one's seats of the extra draw."""

    round: int


@dataclass(frozen=True, slots=True)
class ShowEvidence:
    """Serve the evidence of one's own votes, which nobody can copy any more."""

    round: int


@dataclass(frozen=True, slots=True)
class DropEvidence:
    """Delete the evidence of a round that can't be disputed any more."""

    round: int


@dataclass(frozen=True, slots=True)
class ShowSilent:
    """Show that a validator with a drawn seat stayed silent."""

    round: int
    validator: str
    index: int
    seat: int


@dataclass(frozen=True, slots=True)
class Summon:
    """Draw the jury of a case."""

    case: int


@dataclass(frozen=True, slots=True)
class JuryCheck:
    """Look at what a case is about, and form one's own view of it."""

    case: int


@dataclass(frozen=True, slots=True)
class JuryCommit:
    """Commit to one's view of a case."""

    case: int


@dataclass(frozen=True, slots=True)
class JuryReveal:
    """Open the commitment to one's view of a case."""

    case: int


@dataclass(frozen=True, slots=True)
class AppealVote:
    """Vote on an appeal with one's whole lot."""

    case: int


@dataclass(frozen=True, slots=True)
class CloseCase:
    """End a case whose windows are over."""

    case: int


@dataclass(frozen=True, slots=True)
class Finalize:
    """Settle a round whose challenge window is over."""

    round: int


@dataclass(frozen=True, slots=True)
class Generate:
    """Make the rollouts of a round from checkpoint `base`: as many as can be generated and, at the pace that was
    measured last, trained on within `seconds`.
    """

    round: int
    base: int
    seconds: float
    pace: Pace = UNKNOWN


@dataclass(frozen=True, slots=True)
class Train:
    """Take the inner steps on the rollouts of a round, which are from checkpoint `base`, and make the submission."""

    round: int
    base: int


@dataclass(frozen=True, slots=True)
class Drop:
    """Delete the work of a round that wasn't submitted, and say why, once."""

    round: int
    why: str


@dataclass(frozen=True, slots=True)
class Skip:
    """Let a round pass, and say why, once."""

    round: int
    why: str


@dataclass(frozen=True, slots=True)
class Submit:
    """Put the finished submission on chain."""

    round: int


@dataclass(frozen=True, slots=True)
class OpenCanary:
    """Show that this node's submission of a round is a canary."""

    round: int


@dataclass(frozen=True, slots=True)
class Replay:
    """Check a refused submission of this node's own as validators did."""

    round: int
    index: int


@dataclass(frozen=True, slots=True)
class Challenge:
    """Challenge an outcome at one leaf: claim 1, what was passed is bad; claim 2, what was refused is good."""

    round: int
    index: int
    claim: int
    check: int
    leaf: int


@dataclass(frozen=True, slots=True)
class Resolve:
    """Settle a share that was set aside."""

    round: int
    index: int


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Measure a held checkpoint's reward on held-out items."""

    round: int


@dataclass(frozen=True, slots=True)
class Refund:
    """Get back what the task didn't pay."""


Action = (
    Enlist
    | FetchCheckpoint
    | FetchSubmission
    | Attest
    | Seal
    | OpenSteps
    | FetchOpening
    | Check
    | Commit
    | Reveal
    | MakeCheckpoint
    | VoteExtra
    | ShowEvidence
    | DropEvidence
    | ShowSilent
    | Summon
    | JuryCheck
    | JuryCommit
    | JuryReveal
    | AppealVote
    | CloseCase
    | Finalize
    | Generate
    | Train
    | Drop
    | Skip
    | Submit
    | OpenCanary
    | Replay
    | Challenge
    | Resolve
    | Evaluate
    | Refund
)
