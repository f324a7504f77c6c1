"""EIP-712 digests, against eth-account's own implementation."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from assay.protocol.hashing import keccak
from assay.protocol.typed_data import (
    ASSAY,
    GATEWAY,
    INVITES,
    SWARM,
    attestation_digest,
    ballot_digest,
    domain_separator,
    invite_digest,
    kept,
    mark,
    node_digest,
    permit_digest,
    receipt_digest,
    release_digest,
    request_digest,
)

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


def test_kept__digest__is_its_top_236_bits() -> None:
    assert kept(b"\xff" * 32) == 2**236 - 1
    assert kept((2**20).to_bytes(32, "big")) == 1
    assert kept((2**20 - 1).to_bytes(32, "big")) == 0


def wallet(name: str, types: dict[str, str], message: dict[str, Any], contract: str = LEDGER) -> bytes:
    """Return what a wallet would hash; the first of `types` is the message's."""
    domain = {"name": name, "version": "1", "chainId": 31337, "verifyingContract": contract}
    fields = {
        kind: [dict(zip(("type", "name"), field.split(), strict=True)) for field in listed.split(",")]
        for kind, listed in types.items()
    }
    whole = {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            **fields,
        },
        "primaryType": next(iter(types)),
        "domain": domain,
        "message": message,
    }
    return bytes(Account.sign_message(encode_typed_data(full_message=whole), "0x" + "01" * 32).message_hash)


def test_ballot_digest__is_what_a_wallet_would_sign() -> None:
    salt = keccak(b"salt")
    types = {"Ballot": "uint256 id,address juror,uint8 vote,bytes32 evidence,bytes32 salt"}
    message = {"id": 9, "juror": VALIDATOR, "vote": 2, "evidence": keccak(b"e"), "salt": salt}
    assert ballot_digest(31337, LEDGER, 9, VALIDATOR, 2, keccak(b"e"), salt) == wallet("Assay", types, message)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_request_digest__is_what_a_wallet_would_sign(count: int) -> None:
    calls = [(VALIDATOR, bytes(range(n))) for n in range(count)]
    types = {
        "Request": "address account,uint256 nonce,uint256 deadline,Call[] calls",
        "Call": "address target,bytes data",
    }
    listed = [{"target": target, "data": data} for target, data in calls]
    message = {"account": VALIDATOR, "nonce": 2**255, "deadline": 77, "calls": listed}
    assert request_digest(31337, LEDGER, VALIDATOR, 2**255, 77, calls) == wallet("Assay Gateway", types, message)


def test_invite_digest__is_what_a_wallet_would_sign() -> None:
    types = {"Invite": "uint256 task,address account,uint256 nonce,uint256 expiry"}
    message = {"task": 3, "account": VALIDATOR, "nonce": 1, "expiry": 2**40}
    assert invite_digest(31337, LEDGER, 3, VALIDATOR, 1, 2**40) == wallet("Assay Invites", types, message)


def test_permit_digest__is_what_a_wallet_would_sign() -> None:
    types = {"Permit": "address owner,address spender,uint256 value,uint256 nonce,uint256 deadline"}
    message = {"owner": VALIDATOR, "spender": LEDGER, "value": 10**18, "nonce": 4, "deadline": 99}
    separator = domain_separator(31337, LEDGER, "Some Token")
    assert permit_digest(separator, VALIDATOR, LEDGER, 10**18, 4, 99) == wallet("Some Token", types, message)


@pytest.mark.parametrize("uri", ["", "https://node.example:8443/files"])
def test_node_digest__is_what_a_wallet_would_sign(uri: str) -> None:
    types = {"Node": "address account,string uri,uint64 sequence,uint64 expires"}
    message = {"account": VALIDATOR, "uri": uri, "sequence": 2**53 - 1, "expires": 7}
    assert node_digest(31337, LEDGER, VALIDATOR, uri, 2**53 - 1, 7) == wallet(SWARM, types, message)


def test_release_digest__is_what_a_wallet_would_sign() -> None:
    types = {
        "Release": "uint256 task,uint32 version,bytes32 root,bytes32 artifact,bytes32 base,string codec,uint64 size,"
        "uint64 expires,address seeder"
    }
    root, artifact, base = keccak(b"r"), keccak(b"a"), keccak(b"b")
    message: dict[str, Any] = {"task": 3, "version": 2**32 - 1, "root": root, "artifact": artifact, "base": base}
    message |= {"codec": "delta", "size": 2**40, "expires": 99, "seeder": VALIDATOR}
    made = release_digest(31337, LEDGER, 3, 2**32 - 1, root, artifact, base, "delta", 2**40, 99, VALIDATOR)
    assert made == wallet(SWARM, types, message)


def test_receipt_digest__is_what_a_wallet_would_sign() -> None:
    types = {"Receipt": "address server,address receiver,bytes32 artifact,uint64 total,uint64 sequence"}
    root, other = keccak(b"r"), "0x" + "cd" * 20
    message = {"server": VALIDATOR, "receiver": other, "artifact": root, "total": 2**40, "sequence": 4}
    assert receipt_digest(31337, LEDGER, VALIDATOR, other, root, 2**40, 4) == wallet(SWARM, types, message)


def test_domains__names_at_one_address__differ() -> None:
    assert len({domain_separator(1, LEDGER, name) for name in (ASSAY, GATEWAY, INVITES, SWARM)}) == 4


def test_mark__four_words__are_abi_encoded() -> None:
    salt = keccak(b"salt")
    words = (1).to_bytes(32, "big") + salt + (5).to_bytes(32, "big") + (6).to_bytes(32, "big")

    assert mark(1, salt, 5, 6) == keccak(words)
