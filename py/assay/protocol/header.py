"""A block's header as RLP, from the fields that a node's JSON-RPC answers with, for all forks up to Prague.

The ledger takes a header as the proof of its block's prevrandao. Knows nothing of where a block comes from; a header
that doesn't hash to the block's own hash is refused, so a node that lies or a chain with other fields is seen here.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

from assay.errors import Refused
from assay.protocol.hashing import keccak

_QUANTITY = -1
# Field and its length in bytes; a quantity has none and is written without leading zeros.
_FIELDS: tuple[tuple[str, int], ...] = (
    ("parentHash", 32),
    ("sha3Uncles", 32),
    ("miner", 20),
    ("stateRoot", 32),
    ("transactionsRoot", 32),
    ("receiptsRoot", 32),
    ("logsBloom", 256),
    ("difficulty", _QUANTITY),
    ("number", _QUANTITY),
    ("gasLimit", _QUANTITY),
    ("gasUsed", _QUANTITY),
    ("timestamp", _QUANTITY),
    ("extraData", 0),
    ("mixHash", 32),
    ("nonce", 8),
    ("baseFeePerGas", _QUANTITY),
    ("withdrawalsRoot", 32),
    ("blobGasUsed", _QUANTITY),
    ("excessBlobGas", _QUANTITY),
    ("parentBeaconBlockRoot", 32),
    ("requestsHash", 32),
)
_FRONTIER = 15  # fields that every header has; each later fork appended some


def encode_header(block: Mapping[str, Any]) -> bytes:
    """Return the header's RLP. Values may be hex strings, whole numbers or bytes, as nodes and web3 give them.

    Raises Refused when a field is missing or malformed, or when the block carries a `hash` that isn't the header's.
    """
    present = [block.get(name) is not None for name, _ in _FIELDS]
    count = present.index(False) if False in present else len(present)
    if count < _FRONTIER or any(present[count:]):
        raise Refused(f"the block has no {_FIELDS[count][0]}")
    encoded = rlp_list([_bytes(block[name], name, length) for name, length in _FIELDS[:count]])
    named = block.get("hash")
    if named is not None and keccak(encoded) != _bytes(named, "hash", 32):
        raise Refused(
            "the block's header doesn't hash to its hash: the node lies, or its chain has other header fields"
        )
    return encoded


def header_hash(block: Mapping[str, Any]) -> bytes:
    """Return the 32-byte hash of the block that the fields describe."""
    return keccak(encode_header(block))


def rlp_list(items: list[bytes]) -> bytes:
    """Return the RLP of a flat list of byte strings."""
    body = b"".join(item if len(item) == 1 and item[0] < 0x80 else _prefix(0x80, len(item)) + item for item in items)
    return _prefix(0xC0, len(body)) + body


def _prefix(base: int, length: int) -> bytes:
    if length < 56:
        return bytes([base + length])
    size = _minimal(length)
    return bytes([base + 55 + len(size)]) + size


def _minimal(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _bytes(value: Any, name: str, length: int) -> bytes:
    """Return a field's bytes: minimal for a quantity, of the given length otherwise (0: any, up to 64 KiB)."""
    try:
        if length == _QUANTITY:
            number = int(value, 16) if isinstance(value, str) else operator.index(value)
            return _minimal(number) if 0 <= number < 1 << 256 else _malformed(name)
        data = bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else bytes(memoryview(value))
    except (TypeError, ValueError):
        return _malformed(name)
    return data if len(data) == length or (not length and len(data) < 1 << 16) else _malformed(name)


def _malformed(name: str) -> bytes:
    raise Refused(f"the block's {name} is malformed")
