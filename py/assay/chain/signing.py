"""Transactions of type 2 (EIP-1559) as bytes, signed by a `Signer` that sees the digest only."""

from __future__ import annotations

from dataclasses import dataclass

import rlp
from eth_utils.crypto import keccak

from assay.chain.client import Fees
from assay.types import Signer


@dataclass(frozen=True, slots=True)
class Unsigned:
    """What a transaction says; `to` is None for a deployment."""

    chain_id: int
    nonce: int
    gas: int
    fees: Fees
    to: str | None
    data: bytes
    value: int = 0


def sign(unsigned: Unsigned, signer: Signer) -> tuple[bytes, bytes]:
    """Return the signed bytes and the transaction's hash."""
    to = bytes.fromhex(unsigned.to[2:]) if unsigned.to else b""
    fields = [
        unsigned.chain_id,
        unsigned.nonce,
        unsigned.fees.tip,
        unsigned.fees.max_fee,
        unsigned.gas,
        to,
        unsigned.value,
        unsigned.data,
        [],
    ]
    signature = signer.sign_digest(keccak(b"\x02" + rlp.encode(fields)))
    r, s, v = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64]
    raw = b"\x02" + rlp.encode([*fields, v - 27 if v >= 27 else v, r, s])
    return raw, keccak(raw)


def bumped(old: Fees, now: Fees) -> Fees:
    """Return fees that nodes take as a replacement: at least 12.5 % over the old ones, and not below today's."""
    return Fees(max(_raised(old.max_fee), now.max_fee), max(_raised(old.tip), now.tip))


def _raised(fee: int) -> int:
    return max(fee + 1, -(-fee * 9 // 8))
