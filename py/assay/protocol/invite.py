"""An invite as one line that can be sent in a message: what the initiator signed, packed, with a check of its own.

Knows nothing of whether it was used. The signature binds everything in it; the check only tells a mangled line early.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass

from assay.errors import Refused
from assay.protocol.hashing import keccak

PREFIX = "assay-invite-"
VERSION = 1
_FORM = struct.Struct(">BQ20sQ20sQQ65s")
_CHECK_BYTES = 4


@dataclass(frozen=True, slots=True)
class Invite:
    """Admits `account` to a private task, once, until `expiry` (unix seconds). Addresses are 20 bytes."""

    chain_id: int
    contract: bytes
    task: int
    account: bytes
    nonce: int
    expiry: int
    signature: bytes

    def token(self) -> str:
        """Return it as one line."""
        numbers = (self.chain_id, self.contract, self.task, self.account, self.nonce, self.expiry)
        body = _FORM.pack(VERSION, *numbers, self.signature)
        return PREFIX + base64.urlsafe_b64encode(body + keccak(body)[:_CHECK_BYTES]).decode().rstrip("=")


def parse(token: str) -> Invite:
    """Read an invite's line. Refused if it isn't one, or if letters of it are missing or wrong."""
    text = "".join(token.split())
    if not text.startswith(PREFIX):
        raise Refused(f"that isn't an invite: one begins with {PREFIX}")
    packed = text.removeprefix(PREFIX)
    try:
        raw = base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("the invite is damaged: letters of it are missing or wrong") from error
    body, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
    if len(body) != _FORM.size or keccak(body)[:_CHECK_BYTES] != check:
        raise Refused("the invite is damaged: letters of it are missing or wrong")
    version, *fields = _FORM.unpack(body)
    if version != VERSION:
        raise Refused(f"the invite is of version {version}, and this software knows {VERSION}")
    return Invite(*fields)
