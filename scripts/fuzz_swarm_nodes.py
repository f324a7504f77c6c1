"""The two that are attacked, each in a process of its own, so that its memory can be measured.

    python scripts/fuzz_swarm_nodes.py serve FOLDER          a node; says its URI
    python scripts/fuzz_swarm_nodes.py fetch FOLDER          reads one case a line, answers what became of it

Both speak JSON lines on standard input and output. Started by `fuzz_swarm`.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

from assay.artifact.folder import open_artifact, write_artifact
from assay.errors import Refused, Unavailable
from assay.roles.serving import Pulse, Server, node_app
from assay.swarm.chunks import ChunkStore
from assay.swarm.client import fetch
from assay.swarm.link import Patience
from assay.swarm.server import router
from assay.swarm.stock import gateway, origin
from fuzz_swarm_news import attacked

MIB = 1 << 20
LIMIT = 8 * MIB
THREADS = 8
QUICK = Patience(connect=1.0, read=0.3, answer=0.5)
SECONDS = 10.0
CONTENT = {"config.json": b'{"a":1}' * 30, "weights.safetensors": bytes(range(256)) * 5000}
"""What is fetched: two files, three chunks."""


def make(folder: Path) -> bytes:
    """Write the artifact that the node holds and return its root."""
    files: dict[str, bytes | Path] = dict(CONTENT)
    return write_artifact(folder, "checkpoint", None, files).root()


def serve(folder: Path) -> None:
    make(folder / "made")
    store = ChunkStore(folder / "store")
    store.add(folder / "made")
    stock = gateway.Gateway()
    stock.offer(1, folder / "made" / "weights.safetensors")
    gossip, routes = attacked()
    app = node_app("attacked", Pulse("attacked"), *routes, router(store), gateway.router(stock))
    server = Server(app, "127.0.0.1", 0)
    server.start()
    _say({"uri": server.url})
    sys.stdin.read()
    server.stop()
    gossip.close()


def fetch_cases(folder: Path) -> None:
    lock = Lock()

    def run(case: dict[str, Any]) -> None:
        outcome = _fetch(folder, case)
        with lock:
            _say(outcome)

    with ThreadPoolExecutor(THREADS) as pool:
        for line in sys.stdin:
            pool.submit(run, json.loads(line))


def _fetch(folder: Path, case: dict[str, Any]) -> dict[str, Any]:
    """One fetch into a store of its own; `fault` says what shouldn't have happened."""
    room, start = folder / f"case-{case['number']}", time.monotonic()
    told: dict[str, Any] = {"number": case["number"], "fault": ""}
    room.mkdir()
    try:
        (_stock if case["stock"] else _swarm)(room, case)
        told["outcome"] = "fetched"
    except (Refused, Unavailable) as error:
        told["outcome"] = type(error).__name__.lower()
        if case["honest"]:
            told["fault"] = f"an honest source was named, yet: {error}"
    except Exception:  # noqa: BLE001  what a fuzz looks for
        told |= {"outcome": "fault", "fault": traceback.format_exc()[-1500:]}
    told["fault"] = told["fault"] or _strayed(room)
    told["seconds"] = time.monotonic() - start
    shutil.rmtree(room, ignore_errors=True)
    return told


def _swarm(room: Path, case: dict[str, Any]) -> None:
    root, store = bytes.fromhex(case["root"]), ChunkStore(room / "store")
    path = fetch(root, case["uris"], store, LIMIT, SECONDS, allow_private=True, patience=QUICK)
    if open_artifact(path, LIMIT).root != root:
        raise AssertionError("another artifact was taken")


def _stock(room: Path, case: dict[str, Any]) -> None:
    manifest = write_artifact(room / "known", "checkpoint", None, dict(CONTENT))
    entry = manifest.entry("weights.safetensors")
    (room / "store").mkdir()
    target = room / "store" / "weights"
    origin.fetch(case["uris"], 1, target, LIMIT, SECONDS, entry=entry, patience=QUICK, allow_private=True)
    if target.read_bytes() != CONTENT["weights.safetensors"]:
        raise AssertionError("another file was taken")


def _strayed(room: Path) -> str:
    """A file or folder that doesn't belong where it is."""
    strange = [path.name for path in room.iterdir() if path.name not in {"store", "known"}]
    beside = [path.name for path in room.parent.iterdir() if not path.name.startswith("case-")]
    return f"files appeared outside the store: {strange + beside}" if strange or beside else ""


def _say(told: dict[str, Any]) -> None:
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    {"serve": serve, "fetch": fetch_cases}[sys.argv[1]](Path(sys.argv[2]))
