"""What every node serves over HTTP: health, metrics, its artifacts and the task specs it knows.

Knows nothing of roles. Serves strangers: it only reads, names are digests, and a slow client holds one connection,
nothing else. It doesn't limit how much a stranger downloads; put a proxy in front of a node that is open to the
internet.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import uvicorn
from fastapi import APIRouter, FastAPI, Response

from assay import __version__
from assay.errors import Refused, Unavailable
from assay.swarm import door

STALE_SECONDS = 120.0


@dataclass
class Pulse:
    """When the node's cycle last ran, and what it counted. Written by the cycle, read by `/health` and `/metrics`."""

    role: str
    last: float = field(default_factory=time.monotonic)
    counters: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def beat(self) -> None:
        """Note that the cycle has just run."""
        self.last = time.monotonic()

    def count(self, name: str, amount: float = 1.0) -> None:
        """Add to a counter."""
        with self.lock:
            self.counters[name] = self.counters.get(name, 0.0) + amount

    def gauge(self, name: str, value: float) -> None:
        """Set a gauge."""
        with self.lock:
            self.counters[name] = value

    def snapshot(self) -> Mapping[str, float]:
        """Return a copy of all counters."""
        with self.lock:
            return dict(self.counters)


def health_router(pulse: Pulse) -> APIRouter:
    """Routes `/health` (503 when the cycle has stopped) and `/metrics` (Prometheus text format)."""
    router = APIRouter(tags=["health"])

    @router.get("/health")
    def health(response: Response) -> dict[str, object]:
        age = time.monotonic() - pulse.last
        alive = age < STALE_SECONDS
        response.status_code = 200 if alive else 503
        return {"ok": alive, "role": pulse.role, "version": __version__, "seconds_since_cycle": round(age, 1)}

    @router.get("/metrics")
    def metrics() -> Response:
        lines = [f'assay_{name}{{role="{pulse.role}"}} {value:g}' for name, value in sorted(pulse.snapshot().items())]
        lines.append(f'assay_seconds_since_cycle{{role="{pulse.role}"}} {time.monotonic() - pulse.last:.1f}')
        return Response("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")

    return router


class Server:
    """A uvicorn server in a thread of its own, bound before it returns, so that the port is known and a busy one is
    refused.
    """

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise Refused(f"port {port} on {host} can't be used: {error.strerror}") from error
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        self._server = uvicorn.Server(door.config(app))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="http", daemon=True
        )

    @property
    def url(self) -> str:
        """Where the server answers."""
        return f"http://{self.host}:{self.port}"

    def start(self, seconds: float = 10.0) -> None:
        """Start to serve and wait until the first request would be answered."""
        self._thread.start()
        until = time.monotonic() + seconds
        while not self._server.started:
            if time.monotonic() > until or not self._thread.is_alive():
                raise Unavailable(f"the HTTP server on {self.url} didn't start within {seconds:.0f} s")
            threading.Event().wait(0.02)

    def stop(self) -> None:
        """Stop serving; open requests get a second to end."""
        self._server.should_exit = True
        self._thread.join(timeout=3.0)
        self._server.force_exit = True
        self._socket.close()


def node_app(title: str, pulse: Pulse, *routers: APIRouter, base: FastAPI | None = None) -> FastAPI:
    """Return the app of a node: health, metrics and the given routers, on `base` if there is one."""
    app = base if base is not None else FastAPI(title=title, version=__version__)
    for router in (health_router(pulse), *routers):
        app.include_router(router)
    return app
