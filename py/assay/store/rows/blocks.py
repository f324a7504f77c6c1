"""What the follower has read of the chain: blocks, its cursor, and events."""

from __future__ import annotations

from dataclasses import dataclass
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
