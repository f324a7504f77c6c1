"""A deployment on ape's Anvil: what ape compiled, linked and wired as the deployment script does."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from ape.contracts import ContractContainer
from eth_utils import to_checksum_address
from ethpm_types import ContractType

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "py"))  # ape's environment has no assay installed

from assay.protocol.hashing import keccak
from assay.protocol.header import rlp_list
from contracts.world import TOKEN, UNBONDING, World

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ("Enlisting", "Discipline", "Disputing", "Settling")


@pytest.fixture
def world(accounts: Any, project: Any, chain: Any) -> World:
    """All contracts, wired by precomputed addresses, and everyone with tokens."""
    initiator, deployer = accounts[0], accounts[19]
    token = deployer.deploy(project.AssayToken, 10**9 * TOKEN)
    linked = _linked({name: deployer.deploy(getattr(project, name)) for name in LIBRARIES})
    vault_at, market_at, gateway_at, ledger_at, court_at = (_created(deployer, step) for step in (0, 1, 5, 6, 7))
    vault = deployer.deploy(project.StakeVault, token, ledger_at, court_at, gateway_at, UNBONDING)
    market = deployer.deploy(project.TaskMarket, token, vault, ledger_at, gateway_at)
    beacon = deployer.deploy(project.HeaderBeacon)
    tally = deployer.deploy(project.Tally)
    invites = deployer.deploy(project.Invites, market)
    gateway = deployer.deploy(project.Gateway, vault, market, ledger_at, court_at)
    ledger = deployer.deploy(linked, vault, market, beacon, tally, court_at, invites, gateway)
    court = deployer.deploy(project.DisputeCourt, vault, ledger, beacon, gateway)
    assert [c.address for c in (vault, market, gateway, ledger, court)] == [
        vault_at, market_at, gateway_at, ledger_at, court_at,
    ]  # fmt: skip
    people = World(chain, token, vault, market, ledger, beacon, initiator, list(accounts[1:4]), list(accounts[4:7]))
    for who in (initiator, *people.trainers, *people.validators):
        token.transfer(who, 1000 * TOKEN, sender=deployer)
    return people


def _linked(libraries: dict[str, Any]) -> Any:
    """The ledger as `scripts/setup` built it, with its libraries' addresses where the compiler left places for them.

    Ape leaves out contracts that want linking.
    """
    built = json.loads((ROOT / "build" / "abi" / "RoundLedger.json").read_text())
    text = str(built["bytecode"]["object"])
    for name, library in libraries.items():
        place = keccak(f"contracts/logic/{name}.sol:{name}".encode()).hex()[:34]
        text = text.replace(f"__${place}$__", library.address[2:].lower())
    fields = {"contractName": "RoundLedger", "abi": built["abi"], "deploymentBytecode": {"bytecode": text}}
    return ContractContainer(ContractType.model_validate(fields))


def _created(deployer: Any, ahead: int) -> str:
    """The address of the contract that the deployer's `ahead`-th next transaction will create."""
    nonce = deployer.nonce + ahead
    raw = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    return str(to_checksum_address(keccak(rlp_list([bytes.fromhex(deployer.address[2:]), raw]))[12:]))
