"""A chain whose clock the tests hold, a host for base model and specs, and node processes that can be killed.

Each transaction is mined at once and each block is a second later than the one before, whatever the machine's clock
says. Windows are long; a test jumps from one to the next when the nodes have done what belongs into it, so a slow
machine only makes it slower.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.chain import localnet
from assay.chain.contracts import Call, Contracts
from assay.chain.deploy import deploy
from assay.chain.events import Follower
from assay.chain.outbox import Outbox
from assay.model.env import registry
from assay.protocol import sortition, templates
from assay.protocol.spec import TaskSpec
from assay.protocol.windows import Schedule
from assay.roles import base, initiator
from assay.roles.config import NodeConfig
from assay.roles.docket import ends_of
from assay.roles.known import lots
from assay.roles.serving import Pulse, Server, node_app
from assay.store import Store, open_store
from assay.store.rows import TaskRow
from assay.swarm import documents
from assay.swarm.chunks import ChunkStore
from assay.swarm.server import router
from assay.train.base import make_base

TOKEN = 10**18
RUNNER = Path(__file__).with_name("run_node.py")
ACCOUNTS = 16
INITIATOR, FIRST, SECOND = 1, 2, 3  # the initiator's and the two validators' accounts
OPTIONS = {"digits": 4}
VALIDATOR_STAKE, SEATS = 100 * TOKEN, 16
PATIENCE = 120.0
TICK = 0.5


class Stage:
    """Anvil, contracts, a host, and the processes of a test session. `say` collects what the tests' own roles say."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.net = localnet.start(localnet.LocalnetOptions(block_seconds=0, accounts=ACCOUNTS))
        self.client = self.net.client()
        deployer = localnet.signer(0)
        self.deployment = deploy(self.client, deployer, 10_000, 10**6 * TOKEN, folder / "deployments")
        self.client.rpc("anvil_setBlockTimestampInterval", 1)
        self.contracts = Contracts(self.client, self.deployment)
        self.store: Store = open_store("sqlite://")
        self.follower = Follower(self.client, self.contracts, self.store)
        self.outboxes: dict[int, Outbox] = {}
        self.nodes: dict[int, tuple[str, dict[str, Any], subprocess.Popen[bytes]]] = {}
        self.host_home = folder / "host"
        self.chunks = ChunkStore(self.host_home / "artifacts")
        shelf = documents.DocumentStore(self.host_home / "specs")
        self.host = Server(
            node_app("host", Pulse("host"), router(self.chunks), documents.router(shelf)), "127.0.0.1", 0
        )
        self.host.start()
        self.base = folder / "base"
        self.base_root = make_base("digits", OPTIONS, self.base, steps=30).root()
        for account in range(1, ACCOUNTS):
            self.send(0, f"fund:{account}", self.contracts.transfer(self.address(account), 10_000 * TOKEN))
        for account in (FIRST, SECOND):
            self.start("validator", account, stake=VALIDATOR_STAKE)

    def close(self) -> None:
        for account in list(self.nodes):
            self.kill(account)
        self.host.stop()
        self.net.stop()

    @staticmethod
    def address(account: int) -> str:
        return localnet.signer(account).address

    # --- processes

    def home(self, account: int) -> Path:
        return self.folder / f"node-{account}"

    def start(self, role: str, account: int, **settings: Any) -> None:
        """Start a node; its home is by its account, so that a second start is a restart."""
        whole = {
            "account": account, "home": str(self.home(account)), "rpc": self.net.url,
            "deployments": str(self.folder / "deployments"), **settings,
        }  # fmt: skip
        with (self.folder / f"node-{account}.log").open("ab") as log:
            process = subprocess.Popen([sys.executable, str(RUNNER), role, json.dumps(whole)], stdout=log, stderr=log)
        self.nodes[account] = (role, settings, process)

    def kill(self, account: int) -> None:
        """End a node as a power cut would."""
        _, _, process = self.nodes[account]
        process.kill()
        process.wait()

    def restart(self, account: int) -> None:
        role, settings, _ = self.nodes[account]
        self.kill(account)
        self.start(role, account, **settings)

    def pause(self, *accounts: int) -> None:
        for account in accounts:
            self.nodes[account][2].send_signal(signal.SIGSTOP)

    def resume(self, *accounts: int) -> None:
        for account in accounts:
            self.nodes[account][2].send_signal(signal.SIGCONT)

    def ended(self, account: int) -> int | None:
        """Return a node's exit code, or None while it runs."""
        return self.nodes[account][2].poll()

    def records(self, account: int) -> Store:
        return open_store(f"sqlite:///{self.home(account)}/store.db")

    def holds(self, account: int, root: bytes) -> bool:
        return (self.home(account) / "artifacts" / root.hex()).is_dir()

    def said(self, account: int) -> str:
        return (self.folder / f"node-{account}.log").read_text()

    # --- the chain

    def send(self, account: int, key: str, call: Call) -> None:
        if account not in self.outboxes:
            self.outboxes[account] = Outbox(self.client, self.store, localnet.signer(account))
        self.outboxes[account].put(key, call)
        self.outboxes[account].wait(key, 30)

    def go(self, when: int) -> None:
        """Let the newest block be dated `when`, unless it is later already."""
        if self.client.head().time < when:
            self.client.rpc("evm_setNextBlockTimestamp", when)
            self.client.rpc("evm_mine")

    def until(self, what: str, holds: Callable[[], Any], ticks: bool = True) -> None:
        """Follow the chain until `holds()`, with two blocks a second; fail with the nodes' last words."""
        begin = ticked = time.monotonic()
        while True:
            self.follower.poll()
            if holds():
                return
            now = time.monotonic()
            if now - begin > PATIENCE:
                said = "\n".join(f"{log.name}:\n{log.read_text()[-1500:]}" for log in self.folder.glob("*.log"))
                pytest.fail(f"waited {PATIENCE:.0f} s for {what}\n{said}")
            if ticks and now - ticked > TICK:
                self.client.rpc("evm_mine")
                ticked = now
            time.sleep(0.03)

    # --- tasks

    def spec(self, rounds: int, trainers: int = 1) -> TaskSpec:
        """Return a tiny task: 8 × 4 rollouts, 2 steps, windows of some minutes on the held clock."""
        content, seeds = base.environment_hash("digits", OPTIONS), registry.get("digits", OPTIONS).training_seeds
        spec = templates.fill("digits", self.base_root, content)
        return replace(
            spec,
            name="digits-4",
            environment=replace(spec.environment, options=OPTIONS, seed_count=seeds),
            rollout=replace(spec.rollout, groups=8, group_size=4, max_new_tokens=5),
            inner=replace(spec.inner, steps=2),
            verification=replace(spec.verification, groups=4, max_loss_rise=0.5),
            rounds=replace(
                spec.rounds, count=rounds, period=2000, work=300, seal_delay=2, commit=300, reveal=300, attest=200,
                challenge=400, lead=5, staleness=1, max_artifact_bytes=4 << 20,
            ),
            money=replace(
                spec.money, budget=rounds * 20 * TOKEN, pot=20 * TOKEN, price=10**16 + 1, bond=10 * TOKEN,
                seat_fee=10**17 + 3, attest_fee=3 * 10**17 + 7, max_units=1000, seats=SEATS, min_trainers=trainers,
                min_stake=2 * VALIDATOR_STAKE, cut=10**17,
            ),
        )  # fmt: skip

    def config(self, name: str, account: int, **changes: Any) -> NodeConfig:
        """Return the settings of a role that runs in the test's own process."""
        home = self.folder / name
        return NodeConfig(
            home=home, name=name, rpc=self.net.url, chain_id=localnet.CHAIN_ID,
            deployments=self.folder / "deployments", signer=localnet.signer(account),
            store_url=f"sqlite:///{home}/store.db", allow_private=True, **changes,
        )  # fmt: skip

    def publish(self, spec: TaskSpec) -> Task:
        config = self.config("host", INITIATOR)
        number = initiator.publish(config, spec, self.base, self.host.url, lambda _: None)
        return Task(self, number, spec)


class Task:
    """A published task and its clock; each method ends when the chain shows what it is named after."""

    def __init__(self, stage: Stage, number: int, spec: TaskSpec) -> None:
        self.stage, self.number, self.spec = stage, number, spec

    @property
    def row(self) -> TaskRow:
        row = self.stage.store.task(self.number)
        assert row is not None
        return row

    @property
    def schedule(self) -> Schedule:
        return Schedule.from_spec(self.spec, self.row.start)

    def started(self) -> None:
        self.stage.until("the start", lambda: self.stage.store.task(self.number) and self.row.start)

    def submitted(self, round_: int, count: int) -> None:
        self.stage.until("submissions", lambda: len(self.stage.store.submissions(self.number, round_)) == count)

    def opened(self, round_: int) -> None:
        self.stage.go(self.schedule.open(round_))

    def sealed(self, round_: int) -> None:
        self.stage.go(self.schedule.seal_at(round_))
        self.stage.until("the seal", lambda: self.stage.store.seal(self.number, round_))

    def sealed_so_that(self, round_: int, suits: Callable[[dict[str, int]], bool]) -> None:
        """Draw the round's seats again until `suits` a validator's number of seats of submission 0, by account."""
        stage = self.stage
        running = [account for account in stage.nodes if stage.ended(account) is None]
        stage.pause(*running)
        for _ in range(100):
            before = stage.client.rpc("evm_snapshot")
            stage.go(self.schedule.seal_at(round_))
            if suits(self.seats(round_)):
                break
            stage.client.rpc("evm_revert", before)
            stage.client.rpc("evm_mine")  # the word that a block gets follows from its number
        else:
            pytest.fail("no draw suits")
        stage.resume(*running)
        self.sealed(round_)

    def seats(self, round_: int) -> dict[str, int]:
        """Return how many seats of submission 0 the scheduled word gives to whom."""
        stage, money = self.stage, self.spec.money
        block = stage.client.first_block_at(self.schedule.seal_at(round_))
        assert block is not None
        word, place = stage.client.prevrandao(block.number), (self.number, round_)
        seed = sortition.audit_seed(localnet.CHAIN_ID, stage.deployment.ledger, *place, word)
        line, owners = stage.contracts.round(*place).line, lots(stage.store, self.number)
        return {who: len(sortition.seats_of(seed, 0, money.seats, line, lot)) for who, lot in owners.items()}

    def committed(self, round_: int, count: int = 2) -> None:
        self.stage.until("commitments", lambda: len(self.stage.store.commits(self.number, round_)) == count)

    def committed_late(self, round_: int) -> None:
        """Wait until the validators know as much as they can, then go to the last moment to commit."""
        self.stage.go(self.schedule.commit_end(round_) - 3)
        self.stage.until("commitments", lambda: len(self.stage.store.commits(self.number, round_)) == 2, ticks=False)

    def revealed(self, round_: int, count: int = 2) -> None:
        self.stage.go(self.schedule.commit_end(round_))
        self.stage.until("reveals", lambda: len(self.stage.store.votes(self.number, round_)) == count)

    def attested(self, round_: int, count: int = 2) -> None:
        self.stage.go(self.schedule.votes_end(round_))
        self.stage.until("attestations", lambda: len(self.stage.store.attests(self.number, round_)) == count)

    def settled(self, round_: int) -> None:
        self.stage.go(self.schedule.challenge_end(round_))
        self.stage.until("the final round", lambda: self.stage.store.round(self.number, round_))

    def jury(self, case: int) -> int:
        """Return how many validators have seats in a case's jury, -1 before it is drawn."""
        row = self.stage.store.case(case)
        if row is None or row.seed is None:
            return -1
        owners = lots(self.stage.store, self.number).values()
        return sum(1 for lot in owners if sortition.jury_seats_of(row.seed, row.line, lot))

    def judged(self, case: int, then: Callable[[], None] = lambda: None) -> None:
        """Take a case from its opening to its end, with every juror; call `then` once the ballots are open."""
        stage, row = self.stage, self.stage.store.case(case)
        assert row is not None
        draw, jury, ruled, appeal, _ = ends_of(row, self.schedule)
        stage.go(draw)
        stage.until("ballots", lambda: len(stage.store.jurors(case)) == self.jury(case))
        stage.go(jury)
        stage.until("opened ballots", lambda: all(one.vote is not None for one in stage.store.jurors(case)))
        then()
        stage.go(ruled)
        if ruled >= self.schedule.challenge_end(row.round):
            self.settled(row.round)
        stage.go(appeal)
        stage.until("the ruling", lambda: (closed := stage.store.case(case)) and closed.ruling is not None)

    def finished(self, round_: int) -> None:
        """Let a round go on from its commit window to its end."""
        self.committed(round_)
        self.revealed(round_)
        self.attested(round_)
        self.settled(round_)
