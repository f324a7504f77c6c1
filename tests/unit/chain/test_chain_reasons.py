"""Sentences for the contracts' custom errors. Reads the compiled contracts."""

from __future__ import annotations

import string
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from assay.chain.abi import Interface
from assay.chain.compiled import CONTRACTS, compiled
from assay.chain.reasons import SENTENCES, name_of, sentence

OPENZEPPELIN = ("ERC", "Safe", "AddressEmptyCode", "InvalidShortString", "StringTooLong")
"""Errors of code that isn't ours, and that no user meets."""


def revert(signature: str, *values: Any) -> bytes:
    inside = signature[signature.index("(") + 1 : -1]
    return keccak(text=signature)[:4] + encode(inside.split(",") if inside else [], values)


def test_sentence__window__names_the_three_times() -> None:
    data = revert("OutsideWindow(uint256,uint256,uint256)", 10, 20, 30)
    assert sentence(data) == "The action belongs to the time from 10 until 20, and the block's time is 30."
    assert name_of(data) == "OutsideWindow"


@pytest.mark.parametrize(
    ("wei", "shown"), [(5 * 10**17, "0.50"), (10**18, "1.00"), (1234 * 10**18 + 1, "1,234.000000000000000001")]
)
def test_sentence__amounts__are_in_tokens(wei: int, shown: str) -> None:
    data = revert("InsufficientFreeStake(uint256,uint256)", wei, 0)
    assert sentence(data) == f"Only {shown} of the stake are free, and 0.00 are wanted."


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "without a reason"),
        (b"\x12\x34\x56\x78" + bytes(64), "0x12345678"),
        (revert("Error(string)", "why not"), "why not"),
        (revert("Panic(uint256)", 0x11), "0x11"),
        (revert("OutsideWindow(uint256,uint256,uint256)", 1, 2, 3)[:40], "can't be read"),
        (revert("NotSealed()"), "isn't sealed"),
        (revert("AlreadyCommitted(address)", "0x" + "ab" * 20), "has committed already"),
        (revert("WrongProof()"), "that leaf"),
        (revert("WrongProof(string)", "parent"), "is wrong: parent"),
        (revert("WrongStage(uint8,uint8)", 1, 4), "The case is drawing; that belongs to when it is appealing."),
        (revert("StakeTooLow(uint256,uint256)", 5 * 10**8, 10**9), "Only 0.50 are enlisted"),
    ],
)
def test_sentence__any_revert_data__is_one_sentence(data: bytes, part: str) -> None:
    text = sentence(data)
    assert part in text
    assert text.endswith(".")
    assert "\n" not in text


def test_sentences__every_error_of_the_ledgers_interfaces__has_one_with_its_own_fields() -> None:
    errors = {e.name: e for name in CONTRACTS for e in Interface(compiled(name).abi).errors.values()}
    by_name = {name.split("(")[0] for name in SENTENCES}
    for key, text in SENTENCES.items():
        name = key.split("(")[0]
        assert name in errors, f"{name} is no error of the contracts"
        known = {parameter["name"].strip("_") for parameter in errors[name].inputs}
        known |= {str(place) for place in range(len(known))}
        assert {field for _, field, _, _ in string.Formatter().parse(text) if field} <= known, name
    ours = {e.name for name in CONTRACTS[1:] for e in Interface(compiled(name).abi).errors.values()}
    assert not {name for name in ours if name not in by_name and not name.startswith(OPENZEPPELIN)}
