"""Nodes for the bench of the swarm, each a process: it serves its store and fetches when it is told to.

    python scripts/bench/swarm_node.py '{"folder": …, "port": 0, "upload": null, "download": null}'

Commands and answers are JSON, one a line, on standard input and output. Bytes sent are counted under the HTTP server,
as bodies: what a killed peer never read of its last piece counts too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

MIB = 1 << 20
ANSWER_SECONDS = 600.0


class Node:
    """A node's process, as the bench sees it. It keeps its folder and port over `restart`."""

    def __init__(self, folder: Path, *, upload: int | None = None, download: int | None = None, **more: Any) -> None:
        self._settings = {"folder": str(folder), "upload": upload, "download": download, "port": 0, **more}
        self.folder = folder
        self._start()

    def _start(self) -> None:
        command = [sys.executable, __file__, json.dumps(self._settings)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        told = self.hear()
        self.uri: str = told["uri"]
        self._settings["port"] = told["port"]

    def tell(self, **told: Any) -> None:
        """Send a command and don't wait."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """The next answer."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the node in {self.folder} ended with {self.process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, **told: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self.tell(**told)
        return self.hear()

    def sent(self) -> int:
        """Bytes of bodies that it served since it started."""
        return int(self.ask(do="sent")["sent"])

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Start it again with the same folder and port."""
        self._start()

    def close(self) -> None:
        """Let it end."""
        if self.process.poll() is None and self.process.stdin is not None:
            with suppress(OSError):
                self.process.stdin.close()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()


class Counted:
    """Counts the bytes of all bodies that an ASGI app sends."""

    def __init__(self, app: Any) -> None:
        self._app, self.sent = app, 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def counted(message: Any) -> None:
            if message["type"] == "http.response.body":
                self.sent += len(message.get("body", b""))
            await send(message)

        await self._app(scope, receive, counted if scope["type"] == "http" else send)


def main(settings: dict[str, Any]) -> None:
    from assay.roles.serving import Pulse, Server, node_app
    from assay.swarm.chunks import ChunkStore

    store = ChunkStore(Path(settings["folder"]))
    app = Counted(node_app("bench", Pulse("bench"), *_routers(store, settings)))
    server = Server(app, "127.0.0.1", settings["port"])  # type: ignore[arg-type]
    server.start()
    _say(uri=server.url, port=server.port)
    for line in sys.stdin:
        told = json.loads(line)
        match told.pop("do"):
            case "fetch":
                _fetch(store, server.url, settings, told)
            case "sent":
                _say(sent=app.sent)
            case "remove":
                store.remove(bytes.fromhex(told["root"]))
                _say(removed=True)
    os._exit(0)


def _routers(store: Any, settings: dict[str, Any]) -> list[Any]:
    """The swarm's routes, with the upload limit, and the gateway for stock clients where a file is named."""
    from assay.swarm.body import Outlet
    from assay.swarm.rate import Rate
    from assay.swarm.server import router

    routers = [router(store, Outlet(Rate(settings.get("upload"))))]
    if settings.get("stock"):
        from assay.swarm.stock import gateway

        stock = gateway.Gateway()
        stock.offer(1, Path(settings["stock"]))
        routers.append(gateway.router(stock))
    return routers


def _fetch(store: Any, own: str, settings: dict[str, Any], told: dict[str, Any]) -> None:
    """Fetch and say how it went; `stop_at` bytes the process ends at once, as if it were killed."""
    from assay.errors import AssayError
    from assay.swarm.client import fetch

    faults: list[str] = []
    wait_until(told.get("start", 0.0))
    started, cpu = time.monotonic(), time.process_time()

    def progress(here: int, total: int) -> None:
        if told.get("stop_at") and here >= told["stop_at"]:
            os.kill(os.getpid(), 9)

    uris = [uri for uri in told["uris"] if uri != own]
    more = _limits(settings)
    try:
        fetch(
            bytes.fromhex(told["root"]), uris, store, 1 << 40, told.get("seconds", 300.0), progress, allow_private=True,
            on_fault=lambda uri, _: faults.append(uri), **more,
        )  # fmt: skip
        failed = ""
    except AssayError as error:
        failed = str(error)
    spent = {"seconds": time.monotonic() - started, "cpu": time.process_time() - cpu, "ended": time.time()}
    _say(failed=failed, faults=faults, **spent)


def _limits(settings: dict[str, Any]) -> dict[str, Any]:
    if settings.get("download") is None:
        return {}
    from assay.swarm.rate import Rate

    return {"rate": Rate(settings["download"], MIB)}


def wait_until(when: float) -> None:
    """Wait for a Unix time, so that several processes begin together."""
    threading.Event().wait(max(0.0, when - time.time()))


def _say(**told: Any) -> None:
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
