"""What a person does with money by hand: stake, withdraw, claim, cancel, refund, transfer. Each sends one call and
waits for it.

Every call of a function here is a new intent: calling it twice does it twice. What was sent and not yet mined when a
command was cut off is in the outbox of the account and goes on with the next command.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from assay.chain.client import Client
from assay.chain.contracts import Call, Contracts
from assay.chain.deployment import read
from assay.chain.outbox import Outbox, Receipt
from assay.errors import Refused
from assay.roles.config import NodeConfig
from assay.store.engine import open_store

WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Purse:
    """One account's contracts and outbox for the length of a command."""

    contracts: Contracts
    outbox: Outbox
    account: str

    def send(self, what: str, *calls: Call) -> Receipt:
        """Send calls one after another, each when the one before is mined; return the last receipt."""
        receipt = None
        for call in calls:
            name = f"{what}:{uuid.uuid4().hex}"
            self.outbox.put(name, call)
            receipt = self.outbox.wait(name, WAIT_SECONDS)
        if receipt is None:
            raise Refused(f"{what}: there is nothing to send")
        return receipt


@contextmanager
def purse(config: NodeConfig) -> Iterator[Purse]:
    """Open an account's purse on its chain."""
    client = Client(config.rpc, config.chain_id)
    contracts = Contracts(client, read(config.deployments, config.chain_id))
    yield Purse(contracts, Outbox(client, open_store(config.store_url), config.signer), config.signer.address)


def stake(config: NodeConfig, amount: int) -> Receipt:
    """Stake `amount` wei. Raises Refused when the account has fewer tokens."""
    with purse(config) as own:
        held = own.contracts.balance(own.account)
        if amount <= 0 or held < amount:
            raise Refused(f"{config.name} has {held} wei of tokens, {amount} can't be staked")
        approve = own.contracts.approve(own.contracts.deployment.vault, amount)
        return own.send("stake", approve, own.contracts.stake(own.account, amount))


def unbond(config: NodeConfig, amount: int) -> Receipt:
    """Start to withdraw `amount` wei of free stake."""
    with purse(config) as own:
        return own.send("unbond", own.contracts.unbond(amount))


def withdraw(config: NodeConfig) -> Receipt:
    """Send matured unbonded stake to the payout address."""
    with purse(config) as own:
        return own.send("withdraw", own.contracts.withdraw(own.account))


def claim(config: NodeConfig, account: str | None = None) -> Receipt:
    """Send what `account` (by default one's own) can claim to its payout address."""
    with purse(config) as own:
        return own.send("claim", own.contracts.claim(account or own.account))


def set_payout(config: NodeConfig, payout: str) -> Receipt:
    """Set where this account's money goes; after that only the payout address can change it."""
    with purse(config) as own:
        return own.send("payout", own.contracts.set_payout(own.account, payout))


def leave(config: NodeConfig, task: int, role: int) -> Receipt:
    """Stop counting in a task from the next round on."""
    with purse(config) as own:
        return own.send("leave", own.contracts.leave(task, role))


def release(config: NodeConfig, task: int, role: int) -> Receipt:
    """Free what this account enlisted for a task, once no round needs it any more."""
    with purse(config) as own:
        return own.send("release", own.contracts.release(task, own.account, role))


def cancel(config: NodeConfig, task: int) -> Receipt:
    """End a task before the first round that hasn't opened."""
    with purse(config) as own:
        return own.send("cancel", own.contracts.cancel(task))


def refund(config: NodeConfig, task: int) -> Receipt:
    """Get a task's unpaid budget back to its initiator."""
    with purse(config) as own:
        return own.send("refund", own.contracts.refund(task))


def transfer(config: NodeConfig, to: str, amount: int) -> Receipt:
    """Send tokens."""
    with purse(config) as own:
        return own.send("transfer", own.contracts.transfer(to, amount))
