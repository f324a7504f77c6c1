"""Headers as RLP: against the rlp library and a block of the main chain. The live test is in tests/integration."""

from __future__ import annotations

from typing import Any

import pytest
import rlp
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Refused
from assay.protocol.hashing import keccak
from assay.protocol.header import encode_header, header_hash, rlp_list

# Ethereum's genesis block: every field is public, and so is its hash.
GENESIS: dict[str, Any] = {
    "parentHash": "0x" + "00" * 32,
    "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
    "miner": "0x" + "00" * 20,
    "stateRoot": "0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544",
    "transactionsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
    "receiptsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
    "logsBloom": "0x" + "00" * 256,
    "difficulty": "0x400000000",
    "number": "0x0",
    "gasLimit": "0x1388",
    "gasUsed": "0x0",
    "timestamp": "0x0",
    "extraData": "0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
    "mixHash": "0x" + "00" * 32,
    "nonce": "0x0000000000000042",
}
GENESIS_HASH = "d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"
PRAGUE = GENESIS | {
    "baseFeePerGas": 7,
    "withdrawalsRoot": b"\x01" * 32,
    "blobGasUsed": 0,
    "excessBlobGas": 131072,
    "parentBeaconBlockRoot": b"\x02" * 32,
    "requestsHash": b"\x03" * 32,
}


def test_header_hash__ethereums_genesis__is_its_hash() -> None:
    assert header_hash(GENESIS).hex() == GENESIS_HASH
    assert header_hash(GENESIS | {"hash": "0x" + GENESIS_HASH}).hex() == GENESIS_HASH


def test_encode_header__prague__is_what_the_library_writes() -> None:
    items = [bytes.fromhex(GENESIS[name][2:]) for name in list(GENESIS)[:7]]
    items += [0x400000000, 0, 0x1388, 0, 0]
    items += [bytes.fromhex(GENESIS[name][2:]) for name in ("extraData", "mixHash", "nonce")]
    items += [7, b"\x01" * 32, 0, 131072, b"\x02" * 32, b"\x03" * 32]

    assert encode_header(PRAGUE) == rlp.encode(items)


def test_encode_header__hash_of_another_block__is_refused() -> None:
    with pytest.raises(Refused, match="doesn't hash to its hash"):
        encode_header(PRAGUE | {"hash": "0x" + GENESIS_HASH})


@pytest.mark.parametrize("name", ["parentHash", "nonce", "baseFeePerGas", "parentBeaconBlockRoot"])
def test_encode_header__a_field_missing_before_others__is_refused_by_name(name: str) -> None:
    with pytest.raises(Refused, match=name):
        encode_header({key: value for key, value in PRAGUE.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("parentHash", "0x00"),
        ("parentHash", "0xzz"),
        ("parentHash", 5),
        ("logsBloom", b"\0" * 255),
        ("number", "0x"),
        ("number", -1),
        ("number", 2**256),
        ("number", b"12"),
        ("number", 1.5),
        ("extraData", b"\0" * 65536),
    ],
)
def test_encode_header__malformed_field__is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(Refused, match=name):
        encode_header(PRAGUE | {name: value})


@given(
    st.lists(st.binary(max_size=70), max_size=8) | st.just([b"\x7f", b"\x80", b"", b"x" * 55, b"x" * 56, b"x" * 70_000])
)
def test_rlp_list__any_strings__is_what_the_library_writes(items: list[bytes]) -> None:
    assert rlp_list(items) == rlp.encode(items)


def test_keccak__of_the_encoding__is_the_hash() -> None:
    assert keccak(encode_header(PRAGUE)) == header_hash(PRAGUE)
