"""What a person does with money by hand: stake, withdraw, claim, cancel, refund, transfer. Each sends one call and
waits for it, or puts it where it waits to be signed (`NodeConfig.unsent`).

Every call of a function here is a new intent: calling it twice does it twice. What was sent and not yet mined when a
command was cut off is in the outbox of the account and goes on with the next command.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from assay.chain.client import Client, Reverted
from assay.chain.contracts import Call, Contracts
from assay.chain.deployment import read
from assay.chain.outbox import Outbox, Receipt
from assay.errors import Refused, Unavailable
from assay.protocol.typed_data import permit_digest
from assay.roles.config import NodeConfig
from assay.store.engine import open_store
from assay.types import Signer

WAIT_SECONDS = 60.0
PERMIT_SECONDS = 3600
FAR = 1 << 48
"""Of a permit inside a signed request, which has a deadline of its own; it lets the vault, and nobody else, take what
its account stakes."""
UNSENT = Receipt(b"", 0, 0, [])


@dataclass(frozen=True, slots=True)
class Purse:
    """One account's contracts and outbox for the length of a command."""

    contracts: Contracts
    outbox: Outbox
    signer: Signer
    unsent: list[Call] | None = None

    @property
    def account(self) -> str:
        return self.signer.address

    def send(self, what: str, *calls: Call) -> Receipt:
        """Send calls one after another, each when the one before is mined; return the last receipt."""
        if self.unsent is not None:
            return self._keep(self.unsent, calls)
        client = self.contracts.client
        if not client.balance(self.account) and client.fees().max_fee:
            raise Refused(f"{self.account} has nothing to pay gas with; see --sign-only and `relay send`")
        receipt = None
        for call in calls:
            name = f"{what}:{uuid.uuid4().hex}"
            self.outbox.put(name, call)
            receipt = self.outbox.wait(name, WAIT_SECONDS)
        if receipt is None:
            raise Refused(f"{what}: there is nothing to send")
        return receipt

    def stake_calls(self, amount: int) -> list[Call]:
        """Return what stakes `amount` wei: one call with a permit where the token takes them, else an approval first.

        Refused where an approval is needed and can't be passed on.
        """
        contracts, vault = self.contracts, self.contracts.deployment.vault
        stake = contracts.stake(self.account, amount)
        if contracts.allowance(self.account, vault) >= amount:
            return [stake]
        permitted = self._permitted(amount)
        if permitted is not None:
            return [permitted]
        if self.unsent is not None:
            raise Refused("this token takes no permits: only the account itself can approve it, with gas of its own")
        return [contracts.approve(vault, amount), stake]

    def _permitted(self, amount: int) -> Call | None:
        contracts = self.contracts
        try:
            nonce, separator = contracts.permit_nonce(self.account), contracts.token_separator()
            deadline = FAR if self.unsent is not None else contracts.client.head().time + PERMIT_SECONDS
            digest = permit_digest(separator, self.account, contracts.deployment.vault, amount, nonce, deadline)
            call = contracts.stake_with_permit(self.account, amount, deadline, self.signer.sign_digest(digest))
            contracts.client.call(call.to, call.data, self.account)
        except (Reverted, Unavailable):  # no permits, or others than ERC-2612's
            return None
        return call

    def _keep(self, unsent: list[Call], calls: tuple[Call, ...]) -> Receipt:
        """Keep calls to be signed, once the contracts would take them after those that are kept already."""
        trial = self.contracts.batch([*unsent, *calls])
        self.contracts.client.call(trial.to, trial.data, self.account)
        unsent.extend(calls)
        return UNSENT


@contextmanager
def purse(config: NodeConfig) -> Iterator[Purse]:
    """Open an account's purse on its chain."""
    client = Client(config.rpc, config.chain_id)
    contracts = Contracts(client, read(config.deployments, config.chain_id))
    yield Purse(contracts, Outbox(client, open_store(config.store_url), config.signer), config.signer, config.unsent)


def stake(config: NodeConfig, amount: int) -> Receipt:
    """Stake `amount` wei. Raises Refused when the account has fewer tokens."""
    with purse(config) as own:
        held = own.contracts.balance(own.account)
        if amount <= 0 or held < amount:
            raise Refused(f"{config.name} has {held} wei of tokens, {amount} can't be staked")
        return own.send("stake", *own.stake_calls(amount))


def unbond(config: NodeConfig, amount: int) -> Receipt:
    """Start to withdraw `amount` wei of free stake."""
    with purse(config) as own:
        return own.send("unbond", own.contracts.unbond(amount))


def rebond(config: NodeConfig, amount: int) -> Receipt:
    """Take `amount` wei of what waits to be withdrawn back into stake, the newest first."""
    with purse(config) as own:
        return own.send("rebond", own.contracts.rebond(amount))


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


def send(config: NodeConfig, what: str, call: Call) -> Receipt:
    """Send one call that is made elsewhere; `what` names it in the outbox."""
    with purse(config) as own:
        return own.send(what, call)


def cancel_nonce(config: NodeConfig, nonce: int) -> Receipt:
    """Make a request that this account signed useless."""
    with purse(config) as own:
        return own.send("nonce", own.contracts.cancel_nonce(nonce))
