"""The rows that queries give out: plain frozen values, detached from any database session.

Roots, seeds and hashes are bytes; accounts are checksummed text; money is integer wei; `block` is the number of the
block whose event made or last changed the row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class BlockRow:
    """A block that the follower has folded: its hash lets a reorganisation be seen."""

    number: int
    hash: bytes
    time: int


@dataclass(frozen=True, slots=True)
class CursorRow:
    """How far a follower has folded."""

    name: str
    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event as the chain gave it; bytes in `args` are 0x-hex text. Every derived row is a fold of these."""

    block: int
    log_index: int
    tx: bytes
    contract: str
    name: str
    task: int | None
    args: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task. `state` is published, running, cancelled or refunded.

    Budget is all that was ever put in, escrow what is left of it. `line` is the length of the stake line in gwei,
    `holes` the [lo, hi] on it that nobody holds, newest last.
    """

    id: int
    initiator: str
    spec_hash: bytes
    terms: dict[str, Any]
    budget: int
    escrow: int
    paid: int
    refunded: int
    uri: str
    start: int
    last_round: int
    head: int
    head_root: bytes
    state: str
    line: int
    holes: list[list[int]]
    block: int
    spec_json: str | None = None


@dataclass(frozen=True, slots=True)
class EnlistmentRow:
    """An account's enlistment in a role.

    Lo and hi (gwei) bound a validator's lot on the stake line, and are 0 for a trainer. `cut` (wei) is what a lot has
    lost of `amount`; a trainer's amount is without what it lost and without what its shares risk that are set aside.
    """

    task: int
    account: str
    role: int
    amount: int
    from_round: int
    until_round: int | None
    released: bool
    uri: str
    lo: int
    hi: int
    block: int
    cut: int = 0


@dataclass(frozen=True, slots=True)
class SubmissionRow:
    """A submission.

    `n` counts the trainer's earlier submissions in the round. `outcome` is None until the round is final, and ASIDE
    until its share is settled.
    """

    task: int
    round: int
    index: int
    trainer: str
    units: int
    base: int
    root: bytes
    mark: bytes
    uri: str
    n: int
    outcome: int | None
    block: int


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


@dataclass(frozen=True, slots=True)
class CanaryRow:
    """A submission that its maker showed to be known-bad, with the leaf and the check that fail."""

    task: int
    round: int
    index: int
    salt: bytes
    leaf: int
    check: int
    block: int


@dataclass(frozen=True, slots=True)
class AsideRow:
    """A share that was set aside: `json` is the ledger's `Aside` as its event gave it, bytes as 0x-hex text.

    `outcome` and the money (wei) are None until it is settled; `lost` is what its trainer lost by it.
    """

    task: int
    round: int
    index: int
    json: dict[str, Any]
    block: int
    outcome: int | None = None
    from_escrow: int | None = None
    from_stakes: int | None = None
    burned: int | None = None
    lost: int | None = None


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """One payment; `n` counts those of one event. A round may pay an account more than once."""

    task: int
    round: int
    account: str
    role: int
    seats: int
    agreed: int
    amount: int
    block: int
    log_index: int
    n: int = 0


@dataclass(frozen=True, slots=True)
class SlashRow:
    """What a trainer lost over a submission: wei destroyed, and wei that went to seats or to a challenger."""

    task: int
    round: int
    account: str
    index: int
    burned: int
    paid: int
    block: int
    log_index: int


@dataclass(frozen=True, slots=True)
class CutRow:
    """What a validator lost; `reason` as in `types.CutReason`, index 65535 where no single submission is meant."""

    task: int
    round: int
    validator: str
    index: int
    reason: int
    burned: int
    paid: int
    block: int
    log_index: int


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


@dataclass(frozen=True, slots=True)
class InviteRow:
    """An invite that can't be used any more: redeemed by `account`, or revoked (None)."""

    task: int
    nonce: int
    account: str | None
    block: int


@dataclass(frozen=True, slots=True)
class ClaimRow:
    account: str
    payout: str
    amount: int
    block: int
    log_index: int


@dataclass(frozen=True, slots=True)
class StakeRow:
    """A movement of stake: `kind` is staked, unbonding, rebonded, withdrawn, taken or payout.

    What was taken counts what was burned and what others were paid; `of_unbonding` of it came out of what was leaving.

    Ready_at is set for unbonding only.
    """

    account: str
    kind: str
    amount: int
    ready_at: int | None
    payout: str | None
    block: int
    log_index: int
    of_unbonding: int = 0


@dataclass(frozen=True, slots=True)
class NonceRow:
    """A nonce of the gateway that was used: by a relayer, or cancelled by its account (None)."""

    account: str
    nonce: int
    relayer: str | None
    block: int
    log_index: int


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A transaction that this node wants to happen once; `state` is queued, sent, done or refused.

    `hashes` holds every hash ever signed for it; max_fee and tip are wei per gas of the newest; sent_block is the
    head when that was sent.
    """

    account: str
    key: str
    to: str
    data: bytes
    value: int
    id: int = 0
    state: str = "queued"
    nonce: int | None = None
    gas: int | None = None
    max_fee: int | None = None
    tip: int | None = None
    raw: bytes | None = None
    hash: bytes | None = None
    hashes: list[str] = field(default_factory=list)
    sent_block: int | None = None
    block: int | None = None
    block_hash: bytes | None = None
    gas_used: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class FindingRow:
    """What this node's own check of a submission found; the JSON is `verify`'s."""

    task: int
    round: int
    index: int
    json: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NoteRow:
    """What a node noted for itself about a round (0: the task): commitment, checkpoint, trained or evaluation.

    Needed again after a restart, and by nobody else.
    """

    task: int
    round: int
    kind: str
    json: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ArtifactRow:
    """An artifact kept in a local folder; `size` in bytes."""

    root: bytes
    folder: str
    kind: str
    size: int


@dataclass(frozen=True, slots=True)
class SpecRow:
    """A task spec's canonical JSON by its hash. Comes from outside the chain, so it outlives a rewind."""

    spec_hash: bytes
    json: str
