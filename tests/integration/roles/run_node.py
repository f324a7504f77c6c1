"""One role as a process of its own, with a key of Anvil's: `run_node.py ROLE SETTINGS`, settings as JSON."""

from __future__ import annotations

import ctypes
import json
import signal
import sys
import threading
from pathlib import Path

from assay.chain import localnet
from assay.roles import initiator, trainer, validator
from assay.roles.config import NodeConfig

ROLES = {"initiator": initiator.run, "trainer": trainer.run, "validator": validator.run}
PR_SET_PDEATHSIG = 1


def main() -> None:
    """Run until SIGTERM or the task's end; the kernel ends it when the test run is gone."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    role, settings = sys.argv[1], json.loads(sys.argv[2])
    home = Path(settings.pop("home"))
    config = NodeConfig(
        home=home,
        name=home.name,
        chain_id=localnet.CHAIN_ID,
        deployments=Path(settings.pop("deployments")),
        signer=localnet.signer(settings.pop("account")),
        store_url=f"sqlite:///{home}/store.db",
        allow_private=True,
        poll_seconds=0.1,
        canaries=frozenset(settings.pop("canaries", ())),
        **settings,
    )
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    ROLES[role](config, stop, lambda text: print(text, flush=True))


if __name__ == "__main__":
    main()
