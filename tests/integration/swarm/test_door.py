"""Strangers who are slow, silent, many or endless cost a node one connection each and nothing else."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from assay.protocol.hashing import hex32
from assay.swarm import body, door
from assay.swarm.body import Outlet
from assay.swarm.chunks import ChunkStore
from assay.swarm.rate import Rate
from assay.swarm.server import router
from integration.swarm.nodes import make_artifact

pytestmark = pytest.mark.integration


class Door:
    def __init__(self, folder: Path) -> None:
        make_artifact(folder / "made", 24.0)
        self.store, self.outlet = ChunkStore(folder / "store"), Outlet()
        self.root = self.store.add(folder / "made")
        self.file = f"/files/{self.root.hex()}/weights.safetensors"
        app = FastAPI()
        app.include_router(router(self.store, self.outlet))
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.server = uvicorn.Server(door.config(app, log_level="critical"))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listening]})
        self.thread.start()
        self.address = self.listening.getsockname()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.address[1]}", trust_env=False)

    def connect(self, sent: bytes = b"") -> socket.socket:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.settimeout(5)
        made.connect(self.address)
        made.sendall(sent)
        return made

    def close(self) -> None:
        self.client.close()
        self.server.should_exit = self.server.force_exit = True
        self.thread.join()
        self.listening.close()


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    for name in ("HEAD_SECONDS", "BODY_SECONDS", "STALLED_SECONDS"):
        monkeypatch.setattr(door, name, 0.4)
    made = Door(tmp_path)
    yield made
    made.close()


def ended(connection: socket.socket) -> bool:
    """Whether the node ends a connection, whatever it sends before."""
    try:
        while connection.recv(1 << 16):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /a HTTP/1.1\r\nHost:",
        b"GET /a HTTP/1.1\r\n" + b"X: " + b"y" * (1 << 17),
        b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc",
        b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n" * 400,
        b"GET /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"40000\r\n" + b"z" * (1 << 18),
    ],
    ids=["silent", "half a head", "long head", "half a body", "pipelined", "long body"],
)
def test_request__never_ends__connection_does(node: Door, sent: bytes) -> None:
    with node.connect() as connection:
        try:
            connection.sendall(sent)
        except OSError:
            return
        assert ended(connection)
    assert node.client.get("/a").status_code == 200


def test_answer__nobody_reads__is_given_up_and_frees_its_place(node: Door) -> None:
    with node.connect(f"GET {node.file} HTTP/1.1\r\nHost: a\r\n\r\n".encode()):
        until = time.monotonic() + 5
        seen = 0
        while time.monotonic() < until and not (seen and not node.outlet.open):
            seen = max(seen, node.outlet.open)
            time.sleep(0.02)
        assert (seen, node.outlet.open) == (1, 0)


def test_answer__reader_is_gone__no_more_is_read_for_it(node: Door) -> None:
    sent: list[int] = []
    node.outlet.count, node.outlet.rate = sent.append, Rate(4 << 20)
    with node.connect(f"GET {node.file} HTTP/1.1\r\nHost: a\r\n\r\n".encode()) as connection:
        connection.recv(1000)
    time.sleep(1.0)
    assert sum(sent) <= 8 << 20
    assert node.outlet.open == 0


def test_chunk__too_much_is_under_way__503_says_when_to_come_again(node: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    chunk = (
        f"/a/{hex32(node.root)}/{node.client.get(f'/a/{hex32(node.root)}/manifest').json()['files'][1]['chunks'][0]}"
    )
    assert node.client.get(chunk).status_code == 200
    monkeypatch.setattr(body, "MAX_OPEN", 0)
    assert (node.client.get(chunk).status_code, node.client.get(chunk).headers["retry-after"]) == (503, "1")
    monkeypatch.setattr(body, "MAX_OPEN", 9)
    node.outlet.rate = Rate(1000.0)
    node.outlet.rate.reserve(1 << 21, time.monotonic())
    answer = node.client.get(chunk)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > body.OWED_SECONDS


def test_connection__all_places_taken_by_idle_ones__the_longest_idle_goes(
    node: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "IN_ALL", 4)
    monkeypatch.setattr(door, "HEAD_SECONDS", 30.0)
    idle = []
    for _ in range(4):
        idle.append(node.connect())
        time.sleep(0.05)
    assert node.client.get("/a").status_code == 200
    assert ended(idle[0])
    for connection in idle:
        connection.close()


def test_wait__one_host__cant_take_all_places() -> None:
    outlet = Outlet()
    with ExitStack() as answers:
        for host in ("203.0.113.5", "127.0.0.1"):
            for _ in range(body.OPEN_EACH):
                answers.enter_context(outlet.answering(host))
        assert [outlet.wait(f"203.0.113.{i}") for i in (5, 6)] == [body.RETRY_SECONDS, 0]
        assert outlet.wait("127.0.0.1") == 0
    assert outlet.open == outlet.wait("203.0.113.5") == 0
