"""One running node: its connections, records, artifacts, jobs and server, opened together and closed together.

Knows nothing of what its role decides. One process per key: a second one on the same key is refused by the key's lock.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI

from assay.artifact.sandbox import Sandbox
from assay.artifact.walls import MISSING, Walls, usable
from assay.chain.client import Client
from assay.chain.contracts import Contracts
from assay.chain.deployment import read as read_deployment
from assay.chain.events import MAX_REORG, Follower
from assay.chain.outbox import Outbox
from assay.errors import Refused, Unavailable
from assay.protocol import profile, sortition
from assay.protocol.hashing import hex32
from assay.protocol.spec import TaskSpec, parse_json, terms
from assay.protocol.windows import Schedule
from assay.roles.config import NodeConfig, Say
from assay.roles.jobs import Jobs
from assay.roles.limits import memory_of, seconds_of
from assay.roles.needs import needed_of
from assay.roles.observing import Known
from assay.roles.serving import Pulse, Server, node_app
from assay.roles.spreading import Spreading
from assay.store.engine import open_store
from assay.store.rows import TaskRow
from assay.swarm import client as swarm
from assay.swarm import documents, names
from assay.swarm.chunks import ChunkStore
from assay.swarm.server import router as artifact_router
from assay.swarm.signed import Network
from assay.types import BlockRef, Role

FETCH_SECONDS = 30.0
LOOK_SECONDS = 3.0


class Node:
    """Everything a role needs to look and to act. `role` is None for nodes that only watch."""

    def __init__(
        self, config: NodeConfig, role: Role | None, title: str, say: Say, preload: Sequence[str] = ()
    ) -> None:
        self.config = config
        self.role = role
        self.say = say
        self.account = config.signer.address
        self.client = Client(config.rpc, config.chain_id)
        self.deployment = read_deployment(config.deployments, config.chain_id)
        self.contracts = Contracts(self.client, self.deployment)
        config.home.mkdir(parents=True, exist_ok=True)
        self.store = open_store(config.store_url)
        self.outbox = Outbox(self.client, self.store, config.signer)
        self.follower = Follower(self.client, self.contracts, self.store)
        self.chunks = ChunkStore(config.home / "artifacts")
        self.documents = documents.DocumentStore(config.home / "specs")
        self.names = names.NameStore(config.home / "names")
        self.jobs = Jobs(time.monotonic)
        self.spreading = self._spreading()
        threads = max(config.threads, config.rollout_threads)
        self.sandbox = Sandbox(tuple(preload), threads=threads, walls=self._walls()) if preload else None
        if self.sandbox is not None:
            self.sandbox.warm()  # the imports take seconds, and the first job may be due at once
        self.pulse = Pulse(title)
        self._server: Server | None = None
        self._title = title
        self.refused: set[str] = set()
        self.troubles: dict[str, str] = {}
        self.now = 0
        self._seen = b""
        self._looked = 0.0
        self._specs: dict[bytes, TaskSpec] = {}
        self._agreed: dict[int, dict[str, Any]] = {}
        self._agreed_specs: dict[int, TaskSpec] = {}
        self._times: dict[int, int] = {}

    def _spreading(self) -> Spreading:
        config = self.config
        network = Network(config.chain_id, self.deployment.ledger)
        return Spreading(
            self.store, self.chunks, config.signer, network, lambda: self.url, self._largest,
            upload=config.upload, download=config.download, quota=config.quota, versions=config.versions,
            allow_private=config.allow_private,
            later=self.jobs.start, needed=self._needed,
        )  # fmt: skip

    def _largest(self, task: int) -> int | None:
        """The most bytes that an artifact of a task may have; None for one that this node doesn't follow."""
        spec = self._agreed_specs.get(task)
        return None if spec is None else spec.rounds.max_artifact_bytes

    def _needed(self) -> set[bytes]:
        """The roots that the tasks of this node need as long as they aren't over."""
        specs = [(task.id, self._agreed_specs.get(task.id)) for task in self.tasks()]
        return {root for task, spec in specs if spec is not None for root in needed_of(self.store, task, spec)}

    def _walls(self) -> Walls | None:
        """Jobs see this node's artifacts and write its work, and nothing else of its home."""
        if not usable():
            self.say(MISSING)
            return None
        work = self.config.home / "work"
        work.mkdir(exist_ok=True)
        return Walls(read=(self.config.home / "artifacts",), write=(work,))

    # --- serving

    def serve(self, *routers: APIRouter, app: FastAPI | None = None) -> str:
        """Start the HTTP server and return the URL that others reach it by."""
        kept = (artifact_router(self.chunks, self.spreading.outlet), documents.router(self.documents))
        shared = (*self.spreading.routers(self.pulse), *kept, names.router(self.names), *routers)
        self._server = self._bound(node_app(f"Assay {self._title}", self.pulse, *shared, base=app))
        self._server.start()
        self.spreading.start()
        return self.url

    def _bound(self, app: FastAPI) -> Server:
        """Bind the configured port. A node that takes a free one takes the same after a restart where it can: its URL
        is on chain.
        """
        if self.config.port:
            return Server(app, self.config.host, self.config.port)
        kept = self.config.home / "port"
        try:
            server = Server(app, self.config.host, int(kept.read_text()))
        except (FileNotFoundError, ValueError, OverflowError, Refused):
            server = Server(app, self.config.host, 0)
        kept.write_text(str(server.port))
        return server

    @property
    def url(self) -> str:
        """The URL that goes on chain with enlistments and submissions."""
        if self.config.advertise:
            return self.config.advertise
        return self._server.url if self._server else ""

    def close(self) -> None:
        """Stop serving, forget unfinished jobs, free the key."""
        self.jobs.close()
        self.spreading.close()
        if self._server is not None:
            self._server.stop()
        if self.sandbox is not None:
            self.sandbox.close()

    # --- what a view needs

    def known(self) -> Known:
        """What this node knows beside its records."""
        lazy_from = self.config.fault_from if self.config.fault == "lazy" else None
        mine = (self.account, self.role, self.chunks.has, self.jobs.names(), self.sent)
        return Known(*mine, self.config.challenge, lazy_from, self.block_time)

    def block_time(self, number: int) -> int:
        """Return a block's unix second. Raises Unavailable when the endpoint doesn't know the block."""
        if number not in self._times:
            block = self.store.block(number) or self.client.reference(number)
            if block is None:
                raise Unavailable(f"{self.client.url} doesn't know block {number}")
            if self.client.head().number - number <= MAX_REORG:
                return block.time
            self._times[number] = block.time
        return self._times[number]

    def is_news(self, head: BlockRef) -> bool:
        """Tell whether there is a new block, or the last look is some seconds old: what rests must be tried again."""
        if head.hash == self._seen and time.monotonic() - self._looked < LOOK_SECONDS:
            return False
        self._seen, self._looked, self.now = head.hash, time.monotonic(), head.time
        return True

    def sent(self, key: str) -> bool:
        """Tell whether a transaction of this key was ever handed to the outbox."""
        return self.outbox.state(key) is not None

    def tasks(self) -> list[TaskRow]:
        """Return the tasks this node serves: the one it was given, to its end, or all that aren't refunded."""
        if self.config.task is not None:
            return [row for row in self.store.tasks() if row.id == self.config.task]
        return [row for row in self.store.tasks() if row.state != "refunded"]

    def spec(self, task: TaskRow) -> TaskSpec | None:
        """Return a task's spec, or None while it is being fetched. A spec that isn't what the chain says is refused, so
        is one whose environment isn't trusted here.

        Several tasks may name one spec: the terms are compared for each of them.
        """
        spec = self._specs.get(task.spec_hash) or self._read_spec(task)
        if spec is not None and self._agreed.get(task.id) != task.terms:  # a reorganisation may give an id to another
            self._check_terms(task, spec)
            self._agreed[task.id], self._agreed_specs[task.id] = task.terms, spec
        if spec is not None and self.config.trust is not None:
            self.config.trust(spec.environment)
        return spec

    def _read_spec(self, task: TaskRow) -> TaskSpec | None:
        raw = self.documents.get(task.spec_hash)
        if raw is None:
            name = f"{task.id}:0:spec"
            self.jobs.start(name, lambda: self._fetch_spec(task), lambda _: None)
            return None
        spec = parse_json(raw)
        if not self._profiles(task, spec):
            return None
        self._specs[task.spec_hash] = spec
        self.store.put_spec(task.spec_hash, raw.decode())
        return spec

    def _profiles(self, task: TaskRow, spec: TaskSpec) -> bool:
        """Learn the profiles that a spec names; False while one is being fetched."""
        for digest in profile.missing(spec.verification):
            raw = self.documents.get(digest)
            if raw is None:
                here, private = self.documents, self.config.allow_private
                fetch = partial(documents.fetch, digest, self.sources(task.id), here, allow_private=private)
                self.jobs.start(f"{task.id}:0:profile:{hex32(digest)}", fetch, lambda _: None)
            else:
                profile.learn(raw)
        return not profile.missing(spec.verification)

    def _fetch_spec(self, task: TaskRow) -> None:
        documents.fetch(task.spec_hash, self.sources(task.id), self.documents, allow_private=self.config.allow_private)

    def _check_terms(self, task: TaskRow, spec: TaskSpec) -> None:
        onchain, wanted = self.contracts.terms(task.id), terms(spec)
        for field, value in wanted.items():
            if onchain[field] != value:
                raise Refused(f"task {task.id}: {field} is {onchain[field]} on chain and {value!r} in its spec")

    # --- chain reads that every role needs

    def beacon(self, task: int, schedule: Schedule, round_: int) -> bytes:
        """Return the beacon of a round: from the prevrandao of the first block at or after its opening."""
        block = self.client.first_block_at(schedule.open(round_))
        if block is None:
            raise Unavailable(f"round {round_} of task {task} hasn't opened yet")
        return sortition.beacon(
            self.config.chain_id, self.deployment.ledger, task, round_, self.client.prevrandao(block.number)
        )

    def sources(self, task: int, first: str = "") -> list[str]:
        """Return where artifacts of a task may be had: `first`, then everyone who enlisted and the initiator, in a new
        order each time: a fetch asks only some.
        """
        row = self.store.task(task)
        others = [row.uri if row else "", *(entry.uri for entry in self.store.enlistments(task))]
        uris = [first, *random.SystemRandom().sample(others, len(others))]
        return [uri for uri in dict.fromkeys(uris) if uri and uri != self.url]

    def fetch(self, task: int, root: bytes, first: str, max_bytes: int, seconds: float = FETCH_SECONDS) -> Path:
        """Download an artifact into this node's store, verified chunk by chunk, in at most so many seconds."""
        uris = list(dict.fromkeys((*self.spreading.holders(root), *self.sources(task, first))))
        return swarm.fetch(
            root, uris, self.chunks, max_bytes, seconds, allow_private=self.config.allow_private,
            book=self.spreading.book, rate=self.spreading.down, sharing=self.spreading.sharing(),
            on_fault=lambda uri, what: self.say(f"source {uri} banned: {what}"),
        )  # fmt: skip

    def run(self, target: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Run a heavy job in the sandbox and wait for its result; what it may take follows from args["spec"]."""
        if self.sandbox is None:
            raise Refused("this node runs no heavy jobs")
        spec = parse_json(args["spec"].encode()) if "spec" in args else None
        whole = {"threads": self.config.threads, **args}
        return self.sandbox.run(target, whole, memory_bytes=memory_of(spec), seconds=seconds_of(spec))
