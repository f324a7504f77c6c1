"""Names and values that every layer shares. Knows no rule."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol


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
    GRADIENT = 14


STATISTICAL = frozenset({Reason.ACTIVATION, Reason.SAMPLING, Reason.GRADIENT})
"""Reasons of checks that have a tolerance: honest work may fail them on another machine. Every other is exact."""


class Outcome(IntEnum):
    """What became of a submission, numbered as in the round ledger's RoundFinal event."""

    PAID = 1
    NOT_HELD = 2
    INVALID = 3
    UNAVAILABLE = 4
    MALFORMED = 5
    NO_QUORUM = 6
    VOID = 7
    CANARY = 8
    FALSE_CANARY = 9
    ASIDE = 10
    UNOPENED = 11
    DOUBTED = 12


class MarkKind(IntEnum):
    """What a submission's mark binds it to be, numbered as in the mark."""

    WORK = 1
    CANARY = 2


class CutReason(IntEnum):
    """Why a validator lost stake, numbered as in the round ledger's Cut event."""

    CANARY = 1
    OVERRULED = 2
    SILENT = 3
    ABSENT = 4
    EXPOSED = 5
    ROOT = 6


class ClaimKind(IntEnum):
    """What a challenger claims, numbered as in the dispute court."""

    BAD_LEAF = 1
    GOOD_LEAF = 2
    ROOT = 3


class Ruling(IntEnum):
    """How a dispute ended, numbered as in the dispute court."""

    NONE = 0
    UPHELD = 1
    REJECTED = 2


class Stage(IntEnum):
    """Where a case stands, numbered as in the dispute court."""

    NONE = 0
    DRAWING = 1
    COMMITTING = 2
    REVEALING = 3
    APPEALING = 4
    VOTING = 5
    READY = 6
    CLOSED = 7


NO_INDEX = 65535
"""Stands for the submission where an event or a case means none: a root, or a whole round."""


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
