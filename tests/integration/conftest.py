"""A real Anvil for each session, fresh contracts for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from assay.chain import localnet
from assay.chain.client import Client
from assay.chain.contracts import Contracts
from assay.chain.deploy import deploy
from assay.chain.localnet import Localnet, LocalnetOptions
from assay.store import Store, open_store

TOKEN = 10**18
SUPPLY = 10**9 * TOKEN


@dataclass(frozen=True, slots=True)
class Chain:
    """Fresh contracts on the session's Anvil; account 0 deployed them and holds all tokens."""

    net: Localnet
    client: Client
    contracts: Contracts
    folder: Path

    def store(self, name: str = "node") -> Store:
        """Open (again) the records `name` of this test."""
        return open_store(f"sqlite:///{self.folder}/{name}.db")

    def mine(self, blocks: int = 1, when: int | None = None) -> None:
        """Mine blocks, the first of them dated `when`."""
        if when is not None:
            self.client.rpc("evm_setNextBlockTimestamp", when)
        for _ in range(blocks):
            self.client.rpc("evm_mine")

    def automine(self, on: bool) -> None:
        self.client.rpc("evm_setAutomine", on)


@pytest.fixture(scope="session")
def anvil() -> Iterator[Localnet]:
    """One Anvil that mines each transaction at once."""
    with localnet.start(LocalnetOptions(block_seconds=0, accounts=12)) as net:
        yield net


@pytest.fixture(scope="session")
def new_chain(anvil: Localnet) -> Callable[[Path], Chain]:
    """Deploy contracts whose records are kept in a folder."""

    def deployed(folder: Path) -> Chain:
        client = anvil.client(timeout=10)
        client.rpc("evm_setAutomine", True)
        deployment = deploy(client, localnet.signer(0), unbonding_period=3_600, supply=SUPPLY)
        return Chain(anvil, client, Contracts(client, deployment), folder)

    return deployed


@pytest.fixture
def chain(new_chain: Callable[[Path], Chain], tmp_path: Path) -> Iterator[Chain]:
    """Contracts of this test alone."""
    made = new_chain(tmp_path)
    yield made
    made.client.rpc("evm_setAutomine", True)
