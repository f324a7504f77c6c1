"""Payments, losses, claims, movements of stake and the gateway's nonces."""

from __future__ import annotations

from dataclasses import dataclass


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
