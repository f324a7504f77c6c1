"""Calls that their account only signed, as a file that anyone can send: JSON that names its chain and its gateway.

Reads strangers' files. Knows nothing of whether the contracts would take the calls.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address

from assay.chain.contracts import Call, Contracts
from assay.errors import Refused
from assay.types import Signer

KIND = "signed request"
MAX_CALLS = 64
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_NUMBERS = ("chain_id", "nonce", "deadline")


@dataclass(frozen=True, slots=True)
class Request:
    """What `account` asks to be sent for it, once, until `deadline` (unix seconds)."""

    chain_id: int
    gateway: str
    account: str
    nonce: int
    deadline: int
    calls: tuple[Call, ...]
    signature: bytes

    def to_json(self, contracts: Contracts) -> dict[str, Any]:
        """Return it as JSON, each call with its words beside its bytes."""
        calls = [{"what": contracts.what_is(c), "to": c.to, "data": "0x" + c.data.hex()} for c in self.calls]
        return {
            "kind": KIND,
            "chain_id": self.chain_id,
            "gateway": self.gateway,
            "account": self.account,
            "nonce": str(self.nonce),
            "deadline": self.deadline,
            "calls": calls,
            "signature": "0x" + self.signature.hex(),
        }

    def call(self, contracts: Contracts) -> Call:
        """Return the call that sends it. Refused if it was signed for other contracts."""
        here = contracts.deployment
        if (self.chain_id, self.gateway.lower()) != (here.chain_id, here.gateway.lower()):
            where = f"chain {self.chain_id}, gateway {self.gateway}"
            raise Refused(f"the request is for {where}; here are chain {here.chain_id} and gateway {here.gateway}")
        return contracts.relay(self.account, self.nonce, self.deadline, self.calls, self.signature)


def sign(contracts: Contracts, signer: Signer, calls: Sequence[Call], deadline: int) -> Request:
    """Sign calls under a fresh nonce."""
    nonce, here = secrets.randbits(64), contracts.deployment
    signature = contracts.request_signature(signer, nonce, deadline, calls)
    return Request(here.chain_id, here.gateway, signer.address, nonce, deadline, tuple(calls), signature)


def parse(text: str) -> Request:
    """Read a request. Refused with what is wrong if it isn't one."""
    try:
        found = json.loads(text)
        if not isinstance(found, dict) or found.get("kind") != KIND:
            raise Refused("the file isn't a signed request: make one by adding --sign-only to a command")
        numbers = {name: int(str(found[name])) for name in _NUMBERS}
        calls = tuple(Call(_address(one["to"]), _bytes(one["data"])) for one in found["calls"])
        places = (_address(found["gateway"]), _address(found["account"]))
        signature = _bytes(found["signature"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Refused("the signed request can't be read: a field is missing or damaged") from error
    if not 1 <= len(calls) <= MAX_CALLS or min(numbers.values()) < 0 or max(numbers.values()) >= 1 << 256:
        raise Refused(f"the signed request has no calls, over {MAX_CALLS}, or a number that is out of range")
    return Request(numbers["chain_id"], *places, numbers["nonce"], numbers["deadline"], calls, signature)


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError(text)
    return str(to_checksum_address(text))


def _bytes(text: str) -> bytes:
    if not text.startswith("0x"):
        raise ValueError(text)
    return bytes.fromhex(text[2:])
