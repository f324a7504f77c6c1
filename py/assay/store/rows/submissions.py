"""What was handed in during a round, and what its maker or the ledger said of it since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
