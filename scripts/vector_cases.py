"""The cases that the golden vectors of `vectors.py` are computed for. Everything follows from fixed labels."""

from __future__ import annotations

from typing import Any

from assay.protocol.hashing import keccak

ASY = 10**18

FORKS = (("paris", 1), ("shanghai", 2), ("cancun", 5), ("prague", 6))


def number(label: str, bits: int = 256) -> int:
    """A number that only the label decides."""
    return int.from_bytes(keccak(label.encode()), "big") >> (256 - bits)


def header_fields(label: str, height: int, extra: bytes, extra_fields: int) -> dict[str, Any]:
    digest = {
        name: keccak(f"{label} {name}".encode()) for name in ("parentHash", "stateRoot", "transactionsRoot", "mixHash")
    }
    later: dict[str, Any] = {
        "baseFeePerGas": number(f"{label} fee", 34),
        "withdrawalsRoot": keccak(b"withdrawals"),
        "blobGasUsed": 0,
        "excessBlobGas": 131072,
        "parentBeaconBlockRoot": keccak(label.encode()),
        "requestsHash": keccak(b"requests"),
    }
    return {
        **digest,
        "sha3Uncles": keccak(b"\xc0"),
        "miner": keccak(label.encode())[:20],
        "receiptsRoot": keccak(b"receipts"),
        "logsBloom": keccak(b"bloom") * 8,
        **{"difficulty": 0, "number": height, "gasLimit": 30_000_000, "gasUsed": number(f"{label} gas", 24)},
        **{"timestamp": 1_700_000_000 + height % 10**6, "extraData": extra, "nonce": b"\0" * 8},
        **dict(list(later.items())[:extra_fields]),
    }
