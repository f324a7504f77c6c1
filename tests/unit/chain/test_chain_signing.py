"""Signed bytes, against eth-account's."""

from __future__ import annotations

import pytest
from eth_account import Account

from assay.chain.client import Fees
from assay.chain.deploy import address_at
from assay.chain.keys import LocalSigner
from assay.chain.signing import Unsigned, bumped, sign

KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
BOB = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.mark.parametrize("to", [BOB, None])
@pytest.mark.parametrize("nonce", [0, 1, 300])
@pytest.mark.parametrize("data", [b"", b"\x00\x01" * 100])
def test_sign__any_transaction__equals_eth_accounts_bytes(to: str | None, nonce: int, data: bytes) -> None:
    raw, hash_ = sign(Unsigned(31337, nonce, 21_000, Fees(10**10, 10**9), to, data, 5), LocalSigner(KEY))
    fields = {
        "type": 2,
        "chainId": 31337,
        "nonce": nonce,
        "gas": 21_000,
        "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": 10**9,
        "data": data,
        "value": 5,
    }
    theirs = Account.sign_transaction({**fields, "to": to} if to else fields, KEY)
    assert raw == bytes(theirs.raw_transaction)
    assert hash_ == bytes(theirs.hash)


@pytest.mark.parametrize("fee", [0, 1, 7, 8, 10**9, 10**9 + 3])
def test_bumped__any_fee__rises_by_an_eighth_at_least(fee: int) -> None:
    more = bumped(Fees(fee, fee), Fees(0, 0))
    assert more.max_fee * 1000 >= fee * 1125
    assert more.max_fee > fee
    assert more.tip == more.max_fee


def test_bumped__dearer_today__takes_todays() -> None:
    assert bumped(Fees(100, 1), Fees(500, 9)) == Fees(500, 9)


def test_address_at__first_nonces__are_those_anvil_gives() -> None:
    deployer = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert address_at(deployer, 0) == "0x5FbDB2315678afecb367f032d93F642f64180aa3"
    assert address_at(deployer, 3) == "0xCf7Ed3AccA5a467e9e704C703E8D87F634fB0Fc9"
