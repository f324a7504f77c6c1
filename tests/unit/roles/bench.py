"""A node whose chain is told instead of asked: real records, outbox, artifacts and documents; nothing is sent."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, cast

from assay.chain.client import Client
from assay.chain.contracts import Contracts
from assay.chain.deployment import NAMES, Deployment
from assay.chain.events import Follower
from assay.chain.outbox import Outbox
from assay.errors import AssayError, Unavailable
from assay.protocol.spec import to_json
from assay.roles.config import NodeConfig
from assay.roles.jobs import Jobs
from assay.roles.node import Node
from assay.roles.serving import Pulse
from assay.store.rows import OutboxRow
from assay.swarm.chunks import ChunkStore
from assay.swarm.documents import DocumentStore
from assay.swarm.names import NameStore
from assay.types import BlockRef, Role, Signer
from unit.roles.story import SIGNERS, Story

CHAIN_ID = 31337
ADDRESS = "0x" + "a1" * 20
DEPLOYMENT = Deployment(
    chain_id=CHAIN_ID,
    beacon_kind="HeaderBeacon",
    block=0,
    deployer=ADDRESS,
    abi_hash="0x",
    libraries={},
    **dict.fromkeys(NAMES, ADDRESS),
)


class ToldChain:
    """The chain's head, as a test sets it."""

    chain_id, url = CHAIN_ID, "told"

    def __init__(self) -> None:
        self.number, self.now, self.away = 1, 1_000, False

    def head(self) -> BlockRef:
        if self.away:
            raise Unavailable("the chain is away")
        return BlockRef(self.number, self.number.to_bytes(32, "big"), self.now)

    def block(self, now: int | None = None) -> None:
        self.number += 1
        self.now = self.now + 1 if now is None else now


class ToldContracts(Contracts):
    """Builds real calls; answers what terms are on chain from what it was told."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, DEPLOYMENT)
        self.told: dict[int, dict[str, Any]] = {}

    def terms(self, task: int) -> dict[str, Any]:
        return self.told[task]


class Unsent(Outbox):
    """Keeps what was put; there is nowhere to send it."""

    def pump(self) -> int:
        return 0


class ToldFollower(Follower):
    """The records are told by `Story`."""

    def __init__(self) -> None:
        pass

    def poll(self) -> int:
        return 0


class Bench(Node):
    """A node on `story`'s records. `said` is what it said; `fetch_error` is what every download comes to."""

    def __init__(self, folder: Path, story: Story, who: str = "carol", role: Role = Role.VALIDATOR) -> None:
        self.chain = ToldChain()
        client = cast(Client, self.chain)
        signer = cast(Signer, SIGNERS[who])
        self.config = NodeConfig(folder, who, "told", CHAIN_ID, folder, signer, "sqlite://", poll_seconds=0.01)
        self.role, self.account, self.said = role, signer.address, list[str]()
        self.say = self.said.append
        self.client, self.deployment, self.store = client, DEPLOYMENT, story.store
        self.contracts: ToldContracts = ToldContracts(client)
        self.outbox, self.follower = Unsent(client, story.store, signer), ToldFollower()
        self.chunks, self.documents = ChunkStore(folder / "artifacts"), DocumentStore(folder / "specs")
        self.names = NameStore(folder / "names")
        self.jobs, self.sandbox, self.pulse, self._server = Jobs(time.monotonic), None, Pulse("validator"), None
        self.refused, self.troubles, self.now = set(), {}, 0
        self._seen, self._looked, self._specs = b"", 0.0, {}
        self._agreed, self._agreed_specs = {}, {}
        self.spreading = self._spreading()
        self._times = {}
        self.fetch_error: AssayError | None = None

    def serves(self, story: Story) -> None:
        """Hold a task's spec, with matching terms on chain."""
        self.documents.put(to_json(story.spec))
        self.contracts.told[story.task] = story.terms()

    def fetch(self, task: int, root: bytes, first: str, max_bytes: int, seconds: float = 30.0) -> Path:
        if self.fetch_error is not None:
            raise self.fetch_error
        return super().fetch(task, root, first, max_bytes)

    def row(self, key: str) -> OutboxRow | None:
        return self.store.outbox_row(self.account, key)

    def settle(self) -> None:
        """Hand over every job that is under way."""
        until = time.monotonic() + 10
        while self.jobs.drain(lambda name, error: self.say(f"{name}: {error}")) == 0 and time.monotonic() < until:
            time.sleep(0.01)
