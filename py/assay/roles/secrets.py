"""Secrets that a node can make again from its key alone, so that losing its records loses no reveal.

Whoever holds the key can open every commitment made with it.
"""

from __future__ import annotations

from assay.types import Signer


def commitment_salt(signer: Signer, chain_id: int, ledger: str, task: int, round_: int) -> bytes:
    """Return the 32-byte salt of a validator's commitment for one round."""
    return _derived(signer, "assay.salt.commitment", chain_id, ledger, task, round_)


def mark_salt(signer: Signer, chain_id: int, ledger: str, task: int, round_: int) -> bytes:
    """Return the 32-byte salt of a trainer's mark for one round."""
    return _derived(signer, "assay.salt.mark", chain_id, ledger, task, round_)


def ballot_salt(signer: Signer, chain_id: int, court: str, case: int) -> bytes:
    """Return the 32-byte salt of a juror's commitment in one case."""
    return signer.derive(f"assay.salt.ballot|{chain_id}|{court.lower()}|{case}".encode())


def _derived(signer: Signer, domain: str, chain_id: int, ledger: str, task: int, round_: int) -> bytes:
    return signer.derive(f"{domain}|{chain_id}|{ledger.lower()}|{task}|{round_}".encode())
