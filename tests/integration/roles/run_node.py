"""One role as a process of its own, with a key of Anvil's.

run_node.py ROLE ACCOUNT HOME RPC DEPLOYMENTS TASK STAKE [PORT]
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from assay.chain import localnet
from assay.roles import initiator, trainer, validator
from assay.roles.config import NodeConfig

ROLES = {"initiator": initiator.run, "trainer": trainer.run, "validator": validator.run}


def main() -> None:
    """Run until SIGTERM or the task's end."""
    role, account, home, rpc, deployments, task, stake, *port = sys.argv[1:]
    config = NodeConfig(
        home=Path(home),
        name=f"{role}-{account}",
        rpc=rpc,
        chain_id=localnet.CHAIN_ID,
        deployments=Path(deployments),
        signer=localnet.signer(int(account)),
        store_url=f"sqlite:///{home}/store.db",
        task=int(task),
        stake=int(stake),
        port=int(port[0]) if port else 0,
        allow_private=True,
    )
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    ROLES[role](config, stop, lambda text: print(text, flush=True))


if __name__ == "__main__":
    main()
