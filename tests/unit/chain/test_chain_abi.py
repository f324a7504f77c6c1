"""Encoding by ABI, against what eth-abi and known selectors say."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from assay.chain.abi import Interface, type_of
from assay.errors import Broken, Unavailable

ALICE = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
PAIR = {
    "type": "tuple[]",
    "name": "pairs",
    "components": [{"type": "address", "name": "who"}, {"type": "bytes", "name": "what"}],
}
TO, AMOUNT = {"type": "address", "name": "to"}, {"type": "uint256", "name": "amount"}
ABI = [
    {"type": "function", "name": "transfer", "inputs": [TO, AMOUNT], "outputs": [{"type": "bool", "name": ""}]},
    {"type": "function", "name": "put", "inputs": [PAIR], "outputs": [PAIR]},
    {"type": "event", "name": "Moved", "inputs": [
        {"type": "address", "name": "from", "indexed": True}, {"type": "string", "name": "why", "indexed": False},
        {"type": "uint32", "name": "round", "indexed": True}]},
    {"type": "error", "name": "Bad", "inputs": [{"type": "uint256", "name": "n"}]},
    {"type": "constructor", "inputs": [{"type": "address", "name": "vault_"}, {"type": "uint64", "name": "period_"}]},
]  # fmt: skip


def test_data__erc20_transfer__has_the_known_selector() -> None:
    data = Interface(ABI).functions["transfer"].data(ALICE, 5)
    assert data[:4].hex() == "a9059cbb"
    assert data[4:] == encode(["address", "uint256"], [ALICE, 5])


def test_data__records_by_name__encode_like_tuples() -> None:
    put = Interface(ABI).functions["put"]
    assert type_of(PAIR) == "(address,bytes)[]"
    by_name = put.data([{"what": "0x01ff", "who": ALICE}])
    assert by_name == put.data([(ALICE, b"\x01\xff")])
    assert put.result(by_name[4:]) == ([{"who": ALICE, "what": b"\x01\xff"}],)


@pytest.mark.parametrize("arguments", [(ALICE,), (ALICE, -1), (ALICE, 1 << 256), ("0x12", 1), (ALICE, 1, 2)])
def test_data__arguments_that_do_not_fit__are_broken(arguments: tuple[object, ...]) -> None:
    with pytest.raises(Broken, match="transfer"):
        Interface(ABI).functions["transfer"].data(*arguments)


@pytest.mark.parametrize("answer", [b"", b"\x01", bytes(31)])
def test_result__answer_of_no_contract__is_unavailable(answer: bytes) -> None:
    with pytest.raises(Unavailable, match="is the contract there"):
        Interface(ABI).functions["transfer"].result(answer)


def test_event__indexed_and_plain__come_in_the_order_of_the_abi() -> None:
    topic = keccak(b"Moved(address,string,uint32)")
    event = Interface(ABI).events[topic]
    topics = [topic, encode(["address"], [ALICE]), encode(["uint32"], [9])]
    found = event.arguments(topics, encode(["string"], ["because"]))
    assert list(found.items()) == [("from", ALICE), ("why", "because"), ("round", 9)]


@pytest.mark.parametrize("topics", [1, 2, 4])
def test_event__wrong_number_of_topics__is_unavailable(topics: int) -> None:
    event = next(iter(Interface(ABI).events.values()))
    with pytest.raises(Unavailable, match="Moved"):
        event.arguments([event.topic, *[bytes(32)] * (topics - 1)], encode(["string"], ["x"]))


def test_construct__values_by_name__ignores_the_trailing_underscore() -> None:
    data = Interface(ABI).construct({"period": 7, "vault": ALICE, "more": 1})
    assert data == encode(["address", "uint64"], [ALICE, 7])


def test_error__selector__decodes_its_arguments() -> None:
    error = Interface(ABI).errors[keccak(b"Bad(uint256)")[:4]]
    assert error.arguments(encode(["uint256"], [12])) == {"n": 12}
