"""What a settlement is made of: the terms that it depends on, and a sheet of outcomes, credits, slashes, cuts and
payments.

Amounts in wei, rounded down wherever they are divided. Knows no rule of who gets what: see `shares` and `tally`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from eth_utils.address import to_canonical_address, to_checksum_address

from assay.errors import Refused
from assay.types import Outcome, Role

if TYPE_CHECKING:
    from assay.protocol.shares import Aside

PAYMENT_BYTES = 36


@dataclass(frozen=True, slots=True)
class PayTerms:
    """The terms that pay depends on: wei, `seats` drawn per submission, canaries paid for per 10,000 submissions."""

    price: int
    seat_fee: int
    attest_fee: int
    pot: int
    seats: int
    bond: int
    cut: int = 0
    canary_fee: int = 0
    canary_rate: int = 0

    @classmethod
    def of(cls, terms: Mapping[str, Any]) -> PayTerms:
        """Read them from the contract's `Terms` by its field names."""
        names = ("price", "seatFee", "attestFee", "pot", "seats", "bond", "cut", "canaryFee", "canaryRate")
        return cls(*(int(terms[name]) for name in names))


def exposure(terms: Mapping[str, Any]) -> int:
    """Return the wei that one submission risks: its bond, and the fees of its seats in both draws."""
    draws = 2 if int(terms["extraWindow"]) else 1
    return int(terms["bond"]) + int(terms["seats"]) * int(terms["seatFee"]) * draws


@dataclass(frozen=True, slots=True)
class Payment:
    """What one account earned in one role, as in the ledger's `Payments` event.

    For a validator `seats` voted and `agreed` of them voted the outcome; for a trainer: submissions, and those paid.
    """

    account: str
    role: Role
    seats: int
    agreed: int
    amount: int


@dataclass(frozen=True, slots=True)
class Penalty:
    """Stake that one account loses over one submission: `reason` as in `CutReason`, 0 for a trainer's slash."""

    account: str
    index: int
    reason: int
    burned: int
    paid: int


@dataclass(slots=True)
class Settlement:
    """A settled round, or a settled share. Σ credits ≤ from_escrow + what slashes and cuts paid.

    `credits` and `payments` may name an account more than once. `due` is what the pot was asked for, `attest_pay` what
    an attester of a disputed root gets when it is cleared.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    credits: list[tuple[str, int]] = field(default_factory=list)
    slashes: list[Penalty] = field(default_factory=list)
    cuts: list[Penalty] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    from_escrow: int = 0
    attest_pay: int = 0
    due: int = 0

    @property
    def from_stakes(self) -> int:
        """Wei of stakes that went to others."""
        return sum(p.paid for p in (*self.slashes, *self.cuts))

    @property
    def burned(self) -> int:
        return sum(p.burned for p in (*self.slashes, *self.cuts))

    def earned(self, account: str, role: Role | None = None) -> int:
        """Return the payments of an account, in one role or in both."""
        return sum(p.amount for p in self.payments if p.account == account and role in {None, p.role})

    def credit(self, account: str, amount: int) -> None:
        """Credit an account without saying why: rewards, whose events name them."""
        if amount:
            self.credits.append((account, amount))

    def pay(self, account: str, role: Role, seats: int, agreed: int, amount: int) -> None:
        """Credit an account and say what for; also when it is nothing, so that a validator can see why."""
        self.credit(account, amount)
        self.payments.append(Payment(account, role, seats, agreed, amount))

    def slash(self, trainer: str, index: int, burned: int, paid: int) -> None:
        self.slashes.append(Penalty(trainer, index, 0, burned, paid))

    def cut(self, validator: str, index: int, reason: int, amount: int) -> int:
        """Cut a validator, half burned, and return the other half."""
        if amount:
            self.cuts.append(Penalty(validator, index, reason, amount - amount // 2, amount // 2))
        return amount // 2

    def burn(self, amount: int) -> None:
        """Burn what was to be paid out of the last cuts, when nobody takes it."""
        for k in range(len(self.cuts) - 1, -1, -1):
            part = min(amount, self.cuts[k].paid)
            self.cuts[k] = replace(self.cuts[k], burned=self.cuts[k].burned + part, paid=self.cuts[k].paid - part)
            amount -= part

    def escrowed(self, amount: int, due: int, pot: int) -> int:
        """Take `amount` from the escrow, or its share when more is due than the pot holds; return what is paid."""
        part = amount if due <= pot else amount * pot // due
        self.from_escrow += part
        return part


def pack_payments(payments: list[Payment]) -> bytes:
    """Return 36 bytes a payment: account 20 | role 1 | seats 2 | agreed 2 | wei 11."""
    return b"".join(
        to_canonical_address(p.account)
        + int(p.role).to_bytes(1, "big")
        + p.seats.to_bytes(2, "big")
        + p.agreed.to_bytes(2, "big")
        + p.amount.to_bytes(11, "big")
        for p in payments
    )


def unpack_payments(data: bytes) -> list[Payment]:
    """Read what `pack_payments` writes. Raises Refused."""
    if len(data) % PAYMENT_BYTES:
        raise Refused(f"payments come as {PAYMENT_BYTES} bytes each, not as {len(data)} bytes")
    return [_payment(data[at : at + PAYMENT_BYTES]) for at in range(0, len(data), PAYMENT_BYTES)]


def _payment(data: bytes) -> Payment:
    if data[20] not in {*Role}:
        raise Refused(f"a payment names the role {data[20]}, and there is none")
    numbers = (int.from_bytes(part, "big") for part in (data[21:23], data[23:25], data[25:36]))
    return Payment(str(to_checksum_address(data[:20])), Role(data[20]), *numbers)


def account_of(address: str) -> str:
    """Return an address with its checksum. Raises Refused."""
    try:
        return str(to_checksum_address(address))
    except (TypeError, ValueError):
        raise Refused(f"{ascii(address)[:60]} isn't an address") from None
