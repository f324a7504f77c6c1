"""One contract at an address, and the calls that are made of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from assay.chain.abi import Function, Interface
from assay.chain.client import Client
from assay.chain.compiled import compiled
from assay.chain.deployment import Deployment
from assay.errors import Refused

SHOWN = 48


@dataclass(frozen=True, slots=True)
class Call:
    """A transaction without its sender: to whom, what, and how much native money."""

    to: str
    data: bytes
    value: int = 0


class Contract:
    """One contract: encodes its calls, and reads. Its ABI is loaded when it is first used."""

    def __init__(self, client: Client, name: str, address: str) -> None:
        self.address = address
        self._client = client
        self._name = name

    @cached_property
    def _functions(self) -> dict[str, Function]:
        return Interface(compiled(self._name).abi).functions

    def call(self, function: str, *arguments: Any) -> Call:
        return Call(self.address, self._functions[function].data(*arguments))

    def shown(self, data: bytes) -> str:
        """Return a call's data as `name(arguments)`; empty when it is of no function here."""
        found = next((one for one in self._functions.values() if one.selector == data[:4]), None)
        return "" if found is None else f"{found.name}({', '.join(map(_short, found.arguments(data)))})"

    def read(self, function: str, *arguments: Any, at: int | None = None) -> tuple[Any, ...]:
        """Return what a view says now, or said at the end of block `at`."""
        found, block = self._functions[function], "latest" if at is None else hex(at)
        return found.result(self._client.call(self.address, found.data(*arguments), block=block))

    def one(self, function: str, *arguments: Any) -> Any:
        return self.read(function, *arguments)[0]


def _short(value: Any) -> str:
    text = "0x" + value.hex() if isinstance(value, bytes) else str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


class Bound:
    """The contracts of a deployment on the chain that serves them. Each part of `Contracts` builds on it."""

    def __init__(self, client: Client, deployment: Deployment) -> None:
        if client.chain_id != deployment.chain_id:
            raise Refused(
                f"The contracts are on chain {deployment.chain_id}, and {client.url} serves {client.chain_id}."
            )
        self.client = client
        self.deployment = deployment
        self._token = Contract(client, "AssayToken", deployment.token)
        self._vault = Contract(client, "StakeVault", deployment.vault)
        self._market = Contract(client, "TaskMarket", deployment.market)
        self._beacon = Contract(client, deployment.beacon_kind, deployment.beacon)
        self._tally = Contract(client, "Tally", deployment.tally)
        self._invites = Contract(client, "Invites", deployment.invites)
        self._gateway = Contract(client, "Gateway", deployment.gateway)
        self._ledger = Contract(client, "RoundLedger", deployment.ledger)
        self._court = Contract(client, "DisputeCourt", deployment.court)
        self._lens = Contract(client, "Lens", deployment.lens)
