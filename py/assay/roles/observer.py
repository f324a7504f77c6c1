"""A node that only watches: it follows the chain into its records and serves them. It holds no stake and sends
nothing by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from fastapi import FastAPI

from assay.roles.acting import spec_of
from assay.roles.config import NodeConfig, Say
from assay.roles.daemon import Daemon
from assay.roles.node import Node
from assay.store.engine import Store


def run(config: NodeConfig, stop: threading.Event, say: Say, app: Callable[[Store], FastAPI] | None = None) -> None:
    """Follow events and serve `app(store)` beside this node's artifacts and specs, until `stop` is set."""
    node = Node(config, None, "observer", say)

    def cycle() -> float | None:
        node.jobs.drain(lambda name, error: say(f"{name}: {error}"))
        node.follower.poll()
        for task in node.store.tasks():
            spec_of(node, task)
        return None

    try:
        url = node.serve(app=app(node.store) if app else None)
        say(f"serves {url}")
        Daemon(cycle, node.pulse, stop, say, config.poll_seconds).run()
    finally:
        node.close()
