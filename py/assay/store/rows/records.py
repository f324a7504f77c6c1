"""What is this node's own: transactions, findings, notes and specs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


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
class WorkerRow:
    """What this node's audits of a trainer in a task came to after that of one submission; the JSON is `verify`'s."""

    task: int
    round: int
    index: int
    trainer: str
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
class SpecRow:
    """A task spec's canonical JSON by its hash. Comes from outside the chain, so it outlives a rewind."""

    spec_hash: bytes
    json: str
