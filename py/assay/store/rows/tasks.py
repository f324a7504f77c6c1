"""Tasks and who may take part in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
class InviteRow:
    """An invite that can't be used any more: redeemed by `account`, or revoked (None)."""

    task: int
    nonce: int
    account: str | None
    block: int
