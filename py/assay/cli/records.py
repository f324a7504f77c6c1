"""The command line's own records: events followed up to the newest block, kept in the home folder between commands.

One file per deployment and chain, so that a local chain started anew never meets the records of the old one. Commands
that run at the same time take turns. Nothing here belongs to a node: deleting the folder costs one scan of the chain.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.chain.client import Client
from assay.chain.contracts import Contracts
from assay.chain.events import Follower
from assay.store import Store, open_store


@contextmanager
def followed(home: Path, client: Client, contracts: Contracts) -> Iterator[Store]:
    """Yield a store that holds the chain's events up to its newest block."""
    folder = home / "records"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{client.chain_id}-{chain_name(client)}-{contracts.deployment.ledger[2:10].lower()}"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        store = open_store(f"sqlite:///{folder / name}.db")
        try:
            Follower(client, contracts, store).poll()
            fcntl.flock(lock, fcntl.LOCK_UN)
            yield store
        finally:
            store.close()


def chain_name(client: Client) -> str:
    """Return the first hex digits of the chain's genesis block: a local chain started anew has another."""
    return str(client.block(0)["hash"]).removeprefix("0x")[:16]
