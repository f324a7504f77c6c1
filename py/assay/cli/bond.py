"""A bond before it is risked: whether the account has it, and what has to be staked for it."""

from __future__ import annotations

from assay.cli.session import Session
from assay.errors import Refused


def require_bond(s: Session, name: str, bond: int) -> list[str]:
    """Return what is said of staking for a bond: nothing where it is free stake. Refused with too few tokens."""
    from assay.api.amounts import formatted

    address = s.names.address(name)
    free = s.contracts.account(address).free
    missing = bond - free
    if missing <= 0:
        return []
    held = s.contracts.balance(address)
    if held < missing:
        has = f"{formatted(free)} of free stake and {formatted(held)} ASY"
        raise Refused(f"{name} has {has}, and the bond is {formatted(bond)}")
    return [f"stakes {formatted(missing)} of {name}'s tokens for it first"]
