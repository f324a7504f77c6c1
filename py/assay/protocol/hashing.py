"""The two hash functions of the protocol and the one way to write a digest.

keccak names what the contracts see; sha256 names chunks of artifacts. Knows nothing of what is hashed.
"""

from __future__ import annotations

import hashlib
import re

from eth_utils.crypto import keccak as _keccak

from assay.errors import Refused

_HEX32 = re.compile(r"0x[0-9a-f]{64}")


def keccak(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 digest, Solidity's `keccak256`."""
    return bytes(_keccak(data))


def sha256(data: bytes | memoryview) -> bytes:
    """Return the 32-byte SHA-256 digest."""
    return hashlib.sha256(data).digest()


def hex32(digest: bytes) -> str:
    """Write a 32-byte digest as it stands in JSON, TOML and URLs: 0x and 64 lower-case hex digits."""
    if len(digest) != 32:
        raise Refused(f"a digest has 32 bytes, this one has {len(digest)}")
    return "0x" + digest.hex()


def unhex32(text: str) -> bytes:
    """Read what `hex32` writes and nothing else, so that a digest has one spelling. Raises Refused."""
    if not isinstance(text, str) or not _HEX32.fullmatch(text):
        raise Refused("a digest is written as 0x and 64 lower-case hex digits")
    return bytes.fromhex(text[2:])
