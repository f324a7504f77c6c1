"""What the demo starts and stops: Anvil, contracts, accounts, the task, and one process per role."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from assay.chain import keys, localnet
from assay.chain.contracts import Contracts
from assay.chain.deploy import deploy
from assay.chain.events import Follower
from assay.chain.outbox import Outbox
from assay.errors import Unavailable
from assay.protocol.spec import TaskSpec, parse_toml, to_toml
from assay.store.engine import Store, open_store
from demo_nodes import PASSWORD, Staged
from demo_plot import CANARY_MAKER, CHEAT, INITIATOR, LAZY, LAZY_STAKE, TOKEN, TRAINERS, VALIDATORS, Plot

SCRYPT_N = 1 << 10  # seven keys in no time; `assay account new` uses the full cost
SUPPLY = 1_000_000 * TOKEN
UNBONDING_SECONDS = 600
FUNDS = 1_000 * TOKEN
TASK = 1


def _fault(name: str, since: int) -> tuple[str, ...]:
    return ("--fault", name, "--fault-from", str(since))


class World(Staged):
    """A local chain with a published task and running nodes, for the length of a `with` block."""

    def __init__(self, root: Path, plot: Plot, patience: int) -> None:
        super().__init__(root, "demo", localnet.LocalnetOptions(block_seconds=1), fresh=True)
        self.plot, self._patience = plot, patience

    def begin(self) -> None:
        template = self.nodes.command(INITIATOR, "task", "init", "digits", output=self.folder / "digits.toml")
        self.client = self.anvil.client()
        for name in self.plot.names:
            keys.create(self.nodes.home / "keys", name, PASSWORD, SCRYPT_N)
        self.addresses = {entry.name: entry.address for entry in keys.listing(self.nodes.home / "keys")}
        self.names = {address: name for name, address in self.addresses.items()}
        deployer = localnet.signer(0)
        self.deployment = deploy(self.client, deployer, UNBONDING_SECONDS, SUPPLY, self.folder / "deployments")
        self.contracts = Contracts(self.client, self.deployment)
        self.store: Store = open_store("sqlite://")
        self.outbox = Outbox(self.client, self.store, deployer)
        self.follower = Follower(self.client, self.contracts, self.store)
        for name, address in self.addresses.items():
            self.client.rpc("anvil_setBalance", address, hex(100 * TOKEN))
            self.outbox.put(f"fund:{name}", self.contracts.transfer(address, FUNDS))
        for name in VALIDATORS:
            refusing = _fault("refuse", self.plot.refused_round) if self.plot.refused_round else ()
            self.nodes.start(name, "validator", "run", "--stake", str(self.plot.validator_stake), *refusing)
        for name in self.addresses:
            self.outbox.wait(f"fund:{name}", 30)
        self.nodes.finish(template, "task init digits", 120)
        self.spec = self._task()
        port = localnet.free_port()
        uri = f"http://127.0.0.1:{port}"
        publish = self.nodes.command(
            INITIATOR, "--yes", "task", "publish", str(self.folder / "task.toml"), "--uri", uri
        )
        self.nodes.finish(publish, "task publish", 60)
        self.nodes.start(INITIATOR, "initiator", "run", "--task", "1", "--port", str(port))
        for name in TRAINERS:
            self.nodes.start(name, "trainer", "run", "--task", "1", *self._role_of(name))

    def _role_of(self, name: str) -> tuple[str, ...]:
        """Return a trainer's options: its stake, and what it does beside training."""
        money, plot = self.spec.money, self.plot
        wei = plot.trainer_stake(name, money.bond, money.seats * money.seat_fee)
        stake = ("--stake", f"{wei // TOKEN}.{wei % TOKEN:018d}")
        if name == CHEAT:
            return (*stake, *_fault(plot.fault, plot.fault_from))
        canaries = plot.canaries if name == CANARY_MAKER else ()
        return (*stake, *(("--canaries", ",".join(map(str, canaries))) if canaries else ()))

    def go_on(self) -> None:
        """Raise Broken when a node has ended with an error; let validator-4 enlist when its time has come."""
        self.nodes.check_alive()
        if LAZY in self.plot.names and LAZY not in self.nodes and self._opened(self.plot.refused_round + 1):
            lazy = _fault("lazy", self.plot.canaries[0])
            self.nodes.start(LAZY, "validator", "run", "--task", "1", "--stake", str(LAZY_STAKE), *lazy)

    def _opened(self, number: int) -> bool:
        task = self.store.task(TASK)
        if task is None or not task.start:
            return False
        return self.client.head().time >= task.start + (number - 1) * self.spec.rounds.period

    def _task(self) -> TaskSpec:
        """Write the built-in task so that it waits for all trainers and the first three validators."""
        template = parse_toml((self.folder / "digits.toml").read_text())
        everyone = {"min_stake": len(VALIDATORS) * self.plot.validator_stake * TOKEN, "min_trainers": len(TRAINERS)}
        windows = replace(
            template.rounds,
            count=self.plot.rounds,
            work=template.rounds.work + self._patience // 3,
            commit=template.rounds.commit + self._patience - self._patience // 3,
            period=template.rounds.period + self._patience,
        )
        spec = replace(template, rounds=windows, money=replace(template.money, **everyone))
        (self.folder / "task.toml").write_text(to_toml(spec))
        return spec

    def stuck(self, number: int) -> Unavailable:
        """Return the error for a round that doesn't come to its end, with what the nodes said last."""
        return Unavailable(f"round {number} doesn't end; the last lines of the nodes:\n{self.nodes.said()}")

    def progress(self) -> str:
        """Return what a waiting person wants to know."""
        task = self.store.task(1)
        if task is None or not task.start:
            return "starting: nodes enlist and attest the base model"
        now = self.client.head().time
        r = max(0, (now - task.start) // self.spec.rounds.period + 1)
        return (
            f"round {min(r, task.last_round)} of {task.last_round}" if r else f"round 1 opens in {task.start - now} s"
        )
