"""One round in processes on Anvil: honest work paid, garbage refused, a validator killed before its reveal."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from assay import PROTOCOL
from assay.artifact.folder import write_artifact
from assay.artifact.manifest import Binding
from assay.chain import localnet
from assay.chain.contracts import Call, Contracts
from assay.chain.deploy import deploy
from assay.chain.events import Follower
from assay.chain.outbox import Outbox
from assay.protocol import templates
from assay.protocol.spec import TaskSpec
from assay.protocol.votes import unpack
from assay.roles import base, initiator
from assay.roles.config import NodeConfig
from assay.roles.serving import Pulse, Server, node_app
from assay.store import Store, open_store
from assay.swarm.chunks import ChunkStore
from assay.swarm.server import router
from assay.types import Outcome, Reason, Role, Verdict

TOKEN = 10**18
TASK = 1
RUNNER = Path(__file__).with_name("run_node.py")
INITIATOR, HONEST, GARBAGE, FIRST, SECOND = 1, 2, 3, 4, 5
GARBAGE_UNITS = 7
STAKE = 100 * TOKEN
PICKLE = b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94."


class World:
    """A chain with 1-second blocks, a published tiny task, and the node processes of this test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.net = localnet.start(localnet.LocalnetOptions(block_seconds=1))
        self.client = self.net.client()
        deployer = localnet.signer(0)
        self.deployment = deploy(self.client, deployer, 600, 10**6 * TOKEN, folder / "deployments")
        self.contracts = Contracts(self.client, self.deployment)
        self.store: Store = open_store("sqlite://")
        self.follower = Follower(self.client, self.contracts, self.store)
        self.outboxes = {0: Outbox(self.client, self.store, deployer)}
        self.nodes: dict[int, subprocess.Popen[bytes]] = {}
        for account in (INITIATOR, HONEST, GARBAGE, FIRST, SECOND):
            self.outboxes[0].put(f"fund:{account}", self.contracts.transfer(self.address(account), 1_000 * TOKEN))
        self.outboxes[0].wait(f"fund:{SECOND}", 30)

    @staticmethod
    def address(account: int) -> str:
        return localnet.signer(account).address

    def start(self, role: str, account: int, *port: str) -> None:
        home = self.folder / f"{role}-{account}"
        home.mkdir(exist_ok=True)
        stake = "0" if role == "initiator" else str(STAKE)
        words = (role, str(account), str(home), self.net.url, str(self.folder / "deployments"), str(TASK), stake, *port)
        log = (self.folder / f"{role}-{account}.log").open("ab")
        self.nodes[account] = subprocess.Popen([sys.executable, str(RUNNER), *words], stdout=log, stderr=log)

    def send(self, account: int, *calls: tuple[str, Call]) -> None:
        outbox = self.outboxes.setdefault(account, Outbox(self.client, self.store, localnet.signer(account)))
        for name, call in calls:
            outbox.put(name, call)
            outbox.wait(name, 30)

    def until(self, what: str, seconds: float, holds: Callable[[], object]) -> None:
        """Follow the chain until `holds()`; fail with the nodes' words when it takes too long."""
        deadline = time.monotonic() + seconds
        while True:
            self.follower.poll()
            if holds():
                return
            if time.monotonic() > deadline:
                said = "\n".join(f"{log.name}:\n{log.read_text()[-1500:]}" for log in self.folder.glob("*.log"))
                pytest.fail(f"waited {seconds:.0f} s for {what}\n{said}")
            time.sleep(0.1)

    def close(self) -> None:
        for process in self.nodes.values():
            process.kill()
            process.wait()
        self.net.stop()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def tiny(root: bytes, content: bytes) -> TaskSpec:
    """Return the built-in task cut down to one round of 8 × 4 rollouts and 2 steps."""
    spec = templates.fill("digits", root, content)
    return replace(
        spec,
        rollout=replace(spec.rollout, groups=8, group_size=4),
        inner=replace(spec.inner, steps=2),
        verification=replace(spec.verification, groups=4),
        rounds=replace(spec.rounds, count=1, period=40, work=10, commit=15, reveal=10, attest=4, challenge=6, lead=3),
        money=replace(spec.money, seats=15, min_trainers=2, min_stake=2 * STAKE),
    )


def garbage(world: World, folder: Path) -> bytes:
    """Put an artifact into `folder` whose names, hashes and root are right and whose files are a pickle and noise."""
    binding = Binding(
        protocol=PROTOCOL, chain_id=localnet.CHAIN_ID, ledger=world.deployment.ledger, task=TASK, round=1,
        trainer=world.address(GARBAGE), n=0, base=0, first_group=0, groups=8, units=GARBAGE_UNITS,
        rollout_root=b"\x01" * 32, trace_root=b"\x02" * 32,
    )  # fmt: skip
    files = {"rollouts.safetensors": PICKLE, "update.safetensors": b"\xff" * 999, "trace.json": b"[" * 5000}
    write_artifact(folder / "made", "submission", binding, files)
    return ChunkStore(folder / "store").add(folder / "made")


@pytest.mark.integration
@pytest.mark.timeout(240)
def test_round__garbage_and_a_killed_validator__honest_work_is_paid_to_the_wei(world: World, tmp_path: Path) -> None:
    root = base.make("digits", {"digits": 6}, tmp_path / "base")
    content, _ = base.environment("digits", {"digits": 6})
    spec = tiny(root, content)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path / f"initiator-{INITIATOR}"
    config = NodeConfig(
        home=home, name="initiator", rpc=world.net.url, chain_id=localnet.CHAIN_ID,
        deployments=tmp_path / "deployments",
        signer=localnet.signer(INITIATOR), store_url=f"sqlite:///{home}/store.db", allow_private=True,
    )  # fmt: skip
    assert initiator.publish(config, spec, tmp_path / "base", f"http://127.0.0.1:{port}", print) == TASK
    world.start("initiator", INITIATOR, str(port))
    for account in (FIRST, SECOND):
        world.start("validator", account)
    world.start("trainer", HONEST)

    # A stranger enlists and submits garbage that it serves itself.
    bad_root = garbage(world, tmp_path / "garbage")
    server = Server(
        node_app("garbage", Pulse("garbage"), router(ChunkStore(tmp_path / "garbage/store"))), "127.0.0.1", 0
    )
    server.start()
    c, vault = world.contracts, world.deployment.vault
    world.send(GARBAGE, ("approve", c.approve(vault, STAKE)), ("stake", c.stake(world.address(GARBAGE), STAKE)))
    world.send(GARBAGE, ("enlist", c.enlist_trainer(TASK, STAKE, server.url)))
    world.until("the start", 60, lambda: (task := world.store.task(TASK)) and task.start)
    start = world.store.task(TASK).start
    world.until("round 1", 30, lambda: world.client.head().time >= start)
    world.send(GARBAGE, ("submit", c.submit(TASK, 1, 0, GARBAGE_UNITS, bad_root, bytes(32), server.url)))
    world.until("two submissions", 15, lambda: len(world.store.submissions(TASK, 1)) == 2)

    # One validator dies between its commitment and its reveal, and is started again with the same home.
    victim = world.address(FIRST)
    world.until("the commitment", 40, lambda: any(row.validator == victim for row in world.store.commits(TASK, 1)))
    world.nodes[FIRST].kill()
    world.nodes[FIRST].wait()
    world.start("validator", FIRST)
    world.until("the final round", 60, lambda: world.store.round(TASK, 1) is not None)
    world.until("the refund", 30, lambda: world.store.task(TASK).state == "refunded")
    server.stop()

    outcomes = {row.trainer: Outcome(row.outcome) for row in world.store.submissions(TASK, 1)}
    assert outcomes == {world.address(HONEST): Outcome.PAID, world.address(GARBAGE): Outcome.MALFORMED}
    assert len(world.store.commits(TASK, 1)) == 2
    votes = world.store.votes(TASK, 1)
    assert {row.validator for row in votes} == {victim, world.address(SECOND)}
    bad = next(row.index for row in world.store.submissions(TASK, 1) if row.root == bad_root)
    said = {(vote.verdict, vote.reason) for row in votes for vote in unpack(row.votes) if vote.index == bad}
    assert said == {(Verdict.MALFORMED, Reason.SCHEMA)}

    final, task = world.store.round(TASK, 1), world.store.task(TASK)
    assert final is not None and task is not None
    payments = world.store.payments(task=TASK)
    assert sum(row.amount for row in payments) == final.from_escrow + final.from_bonds
    assert task.budget == final.from_escrow + task.refunded
    fees = sum(row.agreed for row in payments if row.role == Role.VALIDATOR) * spec.money.seat_fee
    assert fees == 2 * spec.money.seats * spec.money.seat_fee  # every seat agreed, for the good and for the bad
    assert final.from_bonds == spec.money.seats * spec.money.seat_fee and final.burned == 0
    assert c.balance(world.deployment.market) == 0
    checkpoint = world.store.checkpoint(TASK, 1)
    assert checkpoint is not None and checkpoint.final and checkpoint.root != root
