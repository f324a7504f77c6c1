"""Nodes that tell one another news over real HTTP, each a server in a thread."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI

from assay.swarm import news
from assay.swarm.gate import Limits
from assay.swarm.gossip import Gossip
from assay.swarm.listening import Listener
from assay.swarm.record import Own
from unit.swarm.words import HERE, NOW, Key, a_chain, key

LIMITS = Limits(source=50, source_burst=500, strangers=50, strangers_burst=500)
"""All nodes of a test are one source."""


class Node:
    """One node: its gossip, and whom the chain names to it. `tip` is the newest version that it has seen there."""

    def __init__(self, number: int, limits: Limits = LIMITS, **more: Any) -> None:
        self.key: Key = key(number)
        self.uri, self.enlisted, self.tip, self.held = "", list[str](), 100, set[bytes]()
        own = Own(HERE, self.key.account, self.key.sign, lambda: self.uri, lambda: NOW)
        root = a_chain(100).root
        self.chain = a_chain(root=lambda task, version: root(task, version) if version <= self.tip else None, **more)
        self.gossip = Gossip(
            HERE, self.chain, own, lambda: self.enlisted, holds=self.held.__contains__, allow_private=True,
            clock=lambda: NOW,
        )  # fmt: skip
        self.desk = news.Desk(limits)
        self.app = FastAPI()
        self.app.include_router(news.router(self.gossip, self.desk))
        self.app.include_router(news.peers_router(self.gossip, self.desk))

    @contextmanager
    def serving(self) -> Iterator[Node]:
        """Serve on a free port until the block ends."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            server = uvicorn.Server(uvicorn.Config(self.app, log_level="critical", access_log=False))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
            thread.start()
            self.uri = f"http://127.0.0.1:{listening.getsockname()[1]}"
            try:
                yield self
            finally:
                server.should_exit = True
                server.force_exit = True
                thread.join()
                self.close()

    @contextmanager
    def listening(self) -> Iterator[Node]:
        """Ask for news, without serving anything, until the block ends."""
        listener = Listener(self.gossip, allow_private=True)
        listener.start()
        try:
            yield self
        finally:
            listener.stop()
            self.close()

    def close(self) -> None:
        """End its threads."""
        self.gossip.close()
        self.desk.close()


@contextmanager
def row(count: int) -> Iterator[list[Node]]:
    """Nodes each of which knows the next one only."""
    with ExitStack() as stack:
        nodes = [stack.enter_context(Node(10 + number).serving()) for number in range(count)]
        for one, two in itertools.pairwise(nodes):
            one.enlisted.append(two.uri)
        yield nodes
