"""Real HTTP servers for the swarm's tests: honest nodes under uvicorn, and dishonest ones that speak raw TCP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from assay.artifact.folder import write_artifact
from assay.artifact.manifest import Manifest
from assay.swarm import door
from assay.swarm.body import Outlet
from assay.swarm.chunks import ChunkStore
from assay.swarm.server import router

MIB = 1 << 20
Handler = Callable[[socket.socket, str], None]
"""Gets a connection and the path of its request; whatever it sends is the answer."""


def make_artifact(folder: Path, mebibytes: float, seed: int = 0) -> Manifest:
    """Write a checkpoint-like artifact of some size with bytes that don't repeat."""
    import numpy as np

    data = np.random.default_rng(seed).bytes(int(mebibytes * MIB))
    return write_artifact(folder, "checkpoint", None, {"config.json": b"{}", "weights.safetensors": data})


@contextmanager
def node(store: ChunkStore, outlet: Outlet | None = None) -> Iterator[str]:
    """Serve a store on a free port of loopback; gives its URI."""
    app = FastAPI()
    app.include_router(router(store, outlet))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(door.config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def raw(handler: Handler, whole: bool = False) -> Iterator[str]:
    """Serve every connection with `handler`, one request each, until the block ends.

    The handler gets the whole head of the request in place of its path when it asks for it.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    open_now: set[socket.socket] = set()

    def one(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            request = b""
            while b"\r\n\r\n" not in request:
                piece = connection.recv(65536)
                if not piece:
                    return
                request += piece
            handler(connection, request.decode("latin-1") if whole else request.split(b" ")[1].decode())

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                open_now.add(connection)
                threading.Thread(target=one, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()
        for connection in open_now:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def answer(connection: socket.socket, body: bytes, *headers: str, status: str = "200 OK") -> None:
    """Send a complete answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    connection.sendall("\r\n".join(lines).encode() + body)
