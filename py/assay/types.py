"""Names and values that every layer shares. Knows no rule."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NewType, Protocol

TaskId = NewType("TaskId", int)
Round = NewType("Round", int)
Wei = NewType("Wei", int)


class Role(IntEnum):
    """What an account enlists as, numbered as in the round ledger."""

    TRAINER = 1
    VALIDATOR = 2


class Verdict(IntEnum):
    """A validator's word on a submission, numbered as in the round ledger."""

    VALID = 1
    INVALID = 2
    UNAVAILABLE = 3
    MALFORMED = 4


class Reason(IntEnum):
    """Why a submission was refused: one byte in the vote."""

    NONE = 0
    SCHEMA = 1
    BINDING = 2
    ASSIGNMENT = 3
    BOUNDS = 4
    TERMINATION = 5
    REWARD = 6
    ACTIVATION = 7
    SAMPLING = 8
    STEP = 9
    UPDATE = 10
    UNITS = 11
    MISSING = 12
    SIZE = 13


class Outcome(IntEnum):
    """What became of a submission, numbered as in the round ledger's RoundFinal event."""

    PAID = 1
    NOT_HELD = 2
    INVALID = 3
    UNAVAILABLE = 4
    MALFORMED = 5
    NO_QUORUM = 6
    VOID = 7


@dataclass(frozen=True, slots=True)
class BlockRef:
    """A block by number, hash and time (unix seconds)."""

    number: int
    hash: bytes
    time: int


class Signer(Protocol):
    """Whoever holds a key. The key itself never leaves it."""

    @property
    def address(self) -> str: ...

    def sign_digest(self, digest: bytes) -> bytes:
        """Return the 65-byte signature r ‖ s ‖ v of a 32-byte digest."""
        ...

    def derive(self, purpose: bytes) -> bytes:
        """Return 32 secret bytes that only this key can make, and makes again: for salts that survive lost records."""
        ...
