"""A deployment on ape's Anvil."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from eth_utils import to_checksum_address

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "py"))  # ape's environment has no assay installed

from assay.protocol.hashing import keccak
from assay.protocol.header import rlp_list
from contracts.world import TOKEN, UNBONDING, World


@pytest.fixture
def world(accounts: Any, project: Any, chain: Any) -> World:
    """Four contracts wired by precomputed addresses, and everyone with tokens."""
    initiator, deployer = accounts[0], accounts[19]
    token = deployer.deploy(project.AssayToken, 10**9 * TOKEN)
    market_at, ledger_at = _created(deployer, 1), _created(deployer, 2)
    vault = deployer.deploy(project.StakeVault, token, ledger_at, UNBONDING)
    market = deployer.deploy(project.TaskMarket, token, vault, ledger_at)
    ledger = deployer.deploy(project.RoundLedger, vault, market)
    assert market.address == market_at and ledger.address == ledger_at
    people = World(chain, token, vault, market, ledger, initiator, list(accounts[1:4]), list(accounts[4:7]))
    for who in (initiator, *people.trainers, *people.validators):
        token.transfer(who, 1000 * TOKEN, sender=deployer)
    return people


def _created(deployer: Any, ahead: int) -> str:
    """The address of the contract that the deployer's `ahead`-th next transaction will create."""
    nonce = deployer.nonce + ahead
    raw = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    return str(to_checksum_address(keccak(rlp_list([bytes.fromhex(deployer.address[2:]), raw]))[12:]))
