"""What all signed words among nodes share: the chain that they are signed for, and how their fields stand in JSON.

Each is an object with exactly its fields: numbers as integers below 2^53, digests as 0x and 64 lower-case hex digits,
addresses in lower case, the signature r ‖ s ‖ v as 0x and 130. Knows no key: whoever signs passes in a function.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from assay.artifact.strict import address, refuse
from assay.errors import Refused
from assay.protocol.signature import recover
from assay.types import Reason

Sign = Callable[[bytes], bytes]
"""From a 32-byte digest to its 65-byte signature r ‖ s ‖ v."""
_HEX65 = re.compile(r"0x[0-9a-f]{130}")


class Stale(Refused):
    """Not taken, though its sender may be honest: it is expired, old, or this node's chain doesn't know of it yet."""


@dataclass(frozen=True, slots=True)
class Network:
    """The chain and its round ledger: words signed for another one are worth nothing here."""

    chain_id: int
    ledger: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "ledger", address(self.ledger.lower(), "the ledger"))


def check_signer(digest: bytes, signature: bytes, account: str, what: str) -> None:
    """Raise Refused, BINDING, unless `account` (lower case) signed `digest`."""
    if recover(digest, signature, f"the signature of {what}") != account:
        raise Refused(f"{what} isn't signed by {account}", Reason.BINDING)


def check_time(expires: int, now: float, most: int, what: str) -> None:
    """Raise unless `expires` (unix seconds) lies ahead, by `most` seconds at most: Stale when it is over."""
    if expires <= now:
        raise Stale(f"{what} has expired")
    if expires > now + most:
        refuse(f"{what} is good for longer than {most} seconds", Reason.BOUNDS)


def signature(value: Any, what: str) -> bytes:
    """Return the 65 bytes of "0x…" lower-case hex."""
    if not isinstance(value, str) or not _HEX65.fullmatch(value):
        refuse(f"{what} isn't 65 bytes of lower-case hex")
    return bytes.fromhex(value[2:])


def hex65(value: bytes) -> str:
    """Write a signature as `signature` reads it."""
    return "0x" + value.hex()
