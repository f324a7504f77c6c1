"""EIP-712 digests, against eth-account's own implementation."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from assay.protocol.hashing import keccak
from assay.protocol.typed_data import attestation_digest, kept, mark

LEDGER, VALIDATOR = "0x" + "c0" * 20, "0x" + "ab" * 20
ARGS: dict[str, Any] = {
    "chain_id": 31337,
    "ledger": LEDGER,
    "task": 7,
    "round_": 2,
    "validator": VALIDATOR,
    "votes": bytes(range(16)),
    "held": 2**255 + 5,
    "evidence": keccak(b"evidence"),
    "salt": keccak(b"salt"),
}


def test_attestation_digest__is_what_a_wallet_would_sign() -> None:
    fields = [
        "uint256 task",
        "uint32 round",
        "address validator",
        "bytes votes",
        "uint256 held",
        "bytes32 evidence",
        "bytes32 salt",
    ]
    types = {"Attestation": [dict(zip(("type", "name"), field.split(), strict=True)) for field in fields]}
    domain = {"name": "Assay", "version": "1", "chainId": 31337, "verifyingContract": LEDGER}
    message = {name: ARGS[name] for name in ("task", "validator", "votes", "held", "evidence", "salt")} | {"round": 2}
    key = "0x" + "01" * 32

    signed = Account.sign_message(encode_typed_data(domain, types, message), key)

    assert attestation_digest(**ARGS) == bytes(signed.message_hash)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("chain_id", 1),
        ("ledger", VALIDATOR),
        ("task", 8),
        ("round_", 3),
        ("validator", LEDGER),
        ("votes", b""),
        ("held", 5),
        ("evidence", keccak(b"")),
        ("salt", keccak(b"")),
    ],
)
def test_attestation_digest__any_field_changed__changes(name: str, value: Any) -> None:
    assert attestation_digest(**(ARGS | {name: value})) != attestation_digest(**ARGS)


def test_kept__digest__is_its_top_238_bits() -> None:
    assert kept(b"\xff" * 32) == 2**238 - 1
    assert kept((2**18).to_bytes(32, "big")) == 1
    assert kept((2**18 - 1).to_bytes(32, "big")) == 0


def test_mark__four_words__are_abi_encoded() -> None:
    salt = keccak(b"salt")
    words = (1).to_bytes(32, "big") + salt + (5).to_bytes(32, "big") + (6).to_bytes(32, "big")

    assert mark(1, salt, 5, 6) == keccak(words)
