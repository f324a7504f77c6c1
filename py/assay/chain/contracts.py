"""The contracts of one deployment: typed reads, and a `Call` for each transaction. Sends nothing.

Reads see the newest block unless they say otherwise; amounts are wei, lots and lines gwei, times unix seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from assay.chain.abi import Interface
from assay.chain.client import Client
from assay.chain.compiled import compiled
from assay.chain.deployment import Deployment
from assay.errors import Refused
from assay.protocol.entries import Entry


@dataclass(frozen=True, slots=True)
class Call:
    """A transaction without its sender: to whom, what, and how much native money."""

    to: str
    data: bytes
    value: int = 0


class Opened(Protocol):
    """A reveal as finalize repeats it; the store's `VoteRow` is one."""

    @property
    def validator(self) -> str: ...
    @property
    def salt(self) -> bytes: ...
    @property
    def evidence(self) -> bytes: ...
    @property
    def held(self) -> int: ...
    @property
    def votes(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task's clock: start is 0 before it has started; head is the round of the newest final checkpoint."""

    start: int
    last_round: int
    head: int
    pending: int


@dataclass(frozen=True, slots=True)
class LotState:
    """A validator's lot [lo, hi) in gwei, and the rounds in which it counts; until_round 0 or huge means no end."""

    from_round: int
    until_round: int
    lo: int
    hi: int


@dataclass(frozen=True, slots=True)
class TrainerState:
    """What a trainer enlisted, and what its open submissions risk of it (wei)."""

    from_round: int
    enlisted: int
    exposed: int


@dataclass(frozen=True, slots=True)
class RoundState:
    """A round's word: the seed is 16 zero bytes before the seal."""

    seed: bytes
    line: int
    submissions: int
    reveals: int
    final: bool


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account in the vault (wei)."""

    staked: int
    locked: int
    claimable: int

    @property
    def free(self) -> int:
        return self.staked - self.locked


class _Contract:
    """One contract: encodes its calls, and reads."""

    def __init__(self, client: Client, name: str, address: str) -> None:
        self.address = address
        self._client = client
        self._functions = Interface(compiled(name).abi).functions

    def call(self, function: str, *arguments: Any) -> Call:
        return Call(self.address, self._functions[function].data(*arguments))

    def read(self, function: str, *arguments: Any) -> tuple[Any, ...]:
        found = self._functions[function]
        return found.result(self._client.call(self.address, found.data(*arguments)))

    def one(self, function: str, *arguments: Any) -> Any:
        return self.read(function, *arguments)[0]


class Reads:
    """What can be asked of the contracts.

    Raises `Reverted` where the contract refuses, `Unavailable` where the chain is away.
    """

    def __init__(self, client: Client, deployment: Deployment) -> None:
        if client.chain_id != deployment.chain_id:
            raise Refused(
                f"The contracts are on chain {deployment.chain_id}, and {client.url} serves {client.chain_id}."
            )
        self.client = client
        self.deployment = deployment
        self._token = _Contract(client, "AssayToken", deployment.token)
        self._vault = _Contract(client, "StakeVault", deployment.vault)
        self._market = _Contract(client, "TaskMarket", deployment.market)
        self._ledger = _Contract(client, "RoundLedger", deployment.ledger)

    # --- tasks and rounds

    def tasks(self) -> int:
        """Return how many tasks were ever published; they count from 1."""
        return int(self._market.one("tasks"))

    def escrow(self, task: int) -> int:
        return int(self._market.one("escrowOf", task))

    def initiator(self, task: int) -> str:
        return str(self._market.one("initiatorOf", task))

    def terms(self, task: int) -> dict[str, Any]:
        """Return the task's terms under their Solidity names."""
        return dict(self._ledger.one("termsOf", task))

    def state(self, task: int) -> TaskState:
        return TaskState(*self._ledger.read("stateOf", task))

    def is_over(self, task: int) -> bool:
        """Tell whether no round of the task can pay any more."""
        return bool(self._ledger.one("isOver", task))

    def line(self, task: int) -> int:
        return int(self._ledger.one("lineOf", task))

    def lot(self, task: int, account: str) -> LotState:
        return LotState(*self._ledger.read("lotOf", task, account))

    def trainer(self, task: int, account: str) -> TrainerState:
        return TrainerState(*self._ledger.read("trainerOf", task, account))

    def round(self, task: int, round_: int) -> RoundState:
        return RoundState(*self._ledger.read("roundOf", task, round_))

    def attestation_digest(
        self, task: int, round_: int, validator: str, votes: bytes, held: int, evidence: bytes, salt: bytes
    ) -> bytes:
        found = self._ledger.one("attestationDigest", task, round_, validator, votes, held, evidence, salt)
        return bytes(found)

    # --- money

    def account(self, account: str) -> AccountState:
        return AccountState(*self._vault.read("accountOf", account))

    def unbonding(self, account: str) -> list[tuple[int, int]]:
        """Return (amount, time from which it can be withdrawn) of each waiting withdrawal."""
        amounts, ready = self._vault.read("unbondingOf", account)
        return list(zip(amounts, ready, strict=True))

    def payout(self, account: str) -> str:
        return str(self._vault.one("payoutOf", account))

    def owed(self) -> int:
        return int(self._vault.one("owed"))

    def unbonding_period(self) -> int:
        return int(self._vault.one("unbondingPeriod"))

    def balance(self, account: str) -> int:
        """Return an account's tokens."""
        return int(self._token.one("balanceOf", account))

    def allowance(self, owner: str, spender: str) -> int:
        return int(self._token.one("allowance", owner, spender))

    def supply(self) -> int:
        return int(self._token.one("totalSupply"))


class Contracts(Reads):
    """Reads, and a builder for each transaction."""

    # --- token

    def approve(self, spender: str, amount: int) -> Call:
        return self._token.call("approve", spender, amount)

    def transfer(self, to: str, amount: int) -> Call:
        return self._token.call("transfer", to, amount)

    # --- vault

    def stake(self, account: str, amount: int) -> Call:
        return self._vault.call("stake", account, amount)

    def unbond(self, amount: int) -> Call:
        return self._vault.call("unbond", amount)

    def withdraw(self, account: str) -> Call:
        return self._vault.call("withdraw", account)

    def claim(self, account: str) -> Call:
        return self._vault.call("claim", account)

    def set_payout(self, account: str, payout: str) -> Call:
        return self._vault.call("setPayout", account, payout)

    # --- market

    def publish(self, terms: Mapping[str, Any], budget: int, uri: str) -> Call:
        """Publish a task; `terms` by their Solidity names. The budget must have been approved for the market."""
        return self._market.call("publish", terms, budget, uri)

    def fund(self, task: int, amount: int) -> Call:
        return self._market.call("fund", task, amount)

    def cancel(self, task: int) -> Call:
        return self._market.call("cancel", task)

    def refund(self, task: int) -> Call:
        return self._market.call("refund", task)

    # --- ledger

    def enlist_validator(self, task: int, amount: int, uri: str) -> Call:
        return self._ledger.call("enlistValidator", task, amount, uri)

    def enlist_trainer(self, task: int, amount: int, uri: str) -> Call:
        return self._ledger.call("enlistTrainer", task, amount, uri)

    def leave(self, task: int, role: int) -> Call:
        return self._ledger.call("leave", task, int(role))

    def release(self, task: int, account: str, role: int) -> Call:
        return self._ledger.call("release", task, account, int(role))

    def submit(self, task: int, round_: int, base: int, units: int, root: bytes, mark: bytes, uri: str) -> Call:
        return self._ledger.call("submit", task, round_, base, units, root, mark, uri)

    def seal(self, task: int, round_: int, header: bytes, parent: bytes) -> Call:
        return self._ledger.call("seal", task, round_, header, parent)

    def commit(self, task: int, round_: int, commitment: bytes) -> Call:
        return self._ledger.call("commit", task, round_, commitment)

    def reveal(self, task: int, round_: int, votes: bytes, held: int, evidence: bytes, salt: bytes) -> Call:
        return self._ledger.call("reveal", task, round_, votes, held, evidence, salt)

    def attest(self, task: int, round_: int, root: bytes) -> Call:
        return self._ledger.call("attest", task, round_, root)

    def finalize(
        self, task: int, round_: int, entries: Iterable[Entry], reveals: Iterable[Opened], attesters: Iterable[str]
    ) -> Call:
        """Settle a round: all its submissions and reveals, in the order of their events."""
        opened = [(r.validator, r.salt, r.evidence, r.held, r.votes) for r in reveals]
        words = [entry.words() for entry in entries]
        return self._ledger.call("finalize", task, round_, words, opened, list(attesters))
