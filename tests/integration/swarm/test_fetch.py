"""Fetching from real servers: honest, dead, lying, slow and endless ones."""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from assay.artifact.folder import open_artifact
from assay.artifact.manifest import MANIFEST_BYTES, Manifest
from assay.errors import Refused, Unavailable
from assay.protocol.hashing import hex32
from assay.swarm.chunks import ChunkStore
from assay.swarm.client import fetch
from assay.swarm.link import Patience
from assay.types import Reason
from integration.swarm.nodes import MIB, Handler, answer, make_artifact, node, raw

pytestmark = pytest.mark.integration
LIMIT = 64 * MIB
QUICK = Patience(connect=2.0, read=1.0, answer=1.5)


class Seed:
    """An artifact, a store that holds it, and an empty store to fetch into."""

    def __init__(self, folder: Path, mebibytes: float) -> None:
        self.manifest: Manifest = make_artifact(folder / "made", mebibytes)
        self.store = ChunkStore(folder / "seeds")
        self.root = self.store.add(folder / "made")
        self.mine = ChunkStore(folder / "mine")

    def fetch(self, *uris: str, seconds: float = 20, limit: int = LIMIT, patience: Patience | None = None) -> list[str]:
        """Fetch into `mine`; gives the URIs of those who lied."""
        liars: list[str] = []
        path = fetch(
            self.root, uris, self.mine, limit, seconds, allow_private=True, patience=patience,
            on_fault=lambda uri, _: liars.append(uri),
        )  # fmt: skip
        assert open_artifact(path, limit).root == self.root
        return liars

    def honest(self, path: str) -> bytes:
        """What an honest node answers."""
        if path.endswith("/manifest"):
            return self.manifest.to_json()
        file, chunk = self.store.chunk(self.root, bytes.fromhex(path[-64:]))
        with file.open("rb") as source:
            source.seek(chunk.offset)
            return source.read(chunk.size)


@pytest.fixture
def seed(tmp_path: Path) -> Seed:
    return Seed(tmp_path, 5.5)


def left(seed: Seed) -> list[Path]:
    """What is in the store to fetch into, except locks."""
    return [path for path in seed.mine._folder.rglob("*") if path.is_file() and path.parent.name != "locks"]


def test_fetch__one_honest_node__brings_the_same_artifact_with_progress(seed: Seed) -> None:
    seen: list[tuple[int, int]] = []
    with node(seed.store) as uri:
        path = fetch(
            seed.root, [uri], seed.mine, LIMIT, 20, lambda here, total: seen.append((here, total)), allow_private=True
        )
    assert path == seed.mine.folder(seed.root)
    assert open_artifact(path, LIMIT).manifest == seed.manifest
    assert seen[-1] == (seed.manifest.size, seed.manifest.size)
    assert seed.mine.roots() == [seed.root]


def test_fetch__artifact_is_here__asks_no_one(seed: Seed) -> None:
    assert fetch(seed.root, [], seed.store, LIMIT, 1) == seed.store.folder(seed.root)


def test_fetch__two_honest_nodes__both_are_asked(tmp_path: Path) -> None:
    seed = Seed(tmp_path, 24)
    asked: dict[str, int] = {"a": 0, "b": 0}

    def count(name: str) -> Handler:
        def handle(connection: socket.socket, path: str) -> None:
            asked[name] += not path.endswith("/manifest")
            answer(connection, seed.honest(path))

        return handle

    with raw(count("a")) as one, raw(count("b")) as two:
        assert seed.fetch(one, two) == []
    assert asked["a"] + asked["b"] == len(seed.manifest.chunks())
    assert min(asked.values()) > 0


def test_fetch__corrupt_chunks_from_one__other_completes_and_liar_is_named(seed: Seed) -> None:
    bad_answers = []

    def corrupt(connection: socket.socket, path: str) -> None:
        body = bytearray(seed.honest(path))
        if not path.endswith("/manifest"):
            body[len(body) // 2] ^= 1
            bad_answers.append(path)
        answer(connection, bytes(body))

    with raw(corrupt) as bad, node(seed.store) as good:
        assert seed.fetch(bad, good) == [bad]
    assert 1 <= len(bad_answers) <= 2  # at most one for each connection


def test_fetch__only_corrupt_sources__is_refused_and_nothing_stays(seed: Seed) -> None:
    def corrupt(connection: socket.socket, path: str) -> None:
        body = seed.honest(path)
        answer(connection, body if path.endswith("/manifest") else b"x" * len(body))

    with raw(corrupt) as bad, pytest.raises(Refused, match="other bytes than chunk") as caught:
        seed.fetch(bad)
    assert caught.value.reason is Reason.SCHEMA
    assert left(seed) == []


def test_fetch__bad_source_and_dead_source__is_unavailable(seed: Seed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with raw(lambda connection, _: answer(connection, b"{}")) as bad, pytest.raises(Unavailable, match="malformed"):
        seed.fetch(bad, dead)


@pytest.mark.parametrize("body", [b"", b"{}", b"\x80\x04garbage", b"[" * 100_000, b"\xff" * 1000])
def test_fetch__garbage_manifest__next_source_is_asked(seed: Seed, body: bytes) -> None:
    with raw(lambda connection, _: answer(connection, body)) as bad, node(seed.store) as good:
        assert seed.fetch(bad, good) == [bad]


def test_fetch__manifest_of_another_artifact__is_a_lie(seed: Seed, tmp_path: Path) -> None:
    other = make_artifact(tmp_path / "other", 1, seed=1).to_json()
    with raw(lambda connection, _: answer(connection, other)) as bad, pytest.raises(Refused, match="another artifact"):
        seed.fetch(bad)
    assert left(seed) == []


def test_fetch__artifact_above_the_limit__is_refused_by_size_before_any_chunk(seed: Seed) -> None:
    with node(seed.store) as uri, pytest.raises(Refused, match="more than the 1000") as caught:
        seed.fetch(uri, limit=1000)
    assert caught.value.reason is Reason.SIZE
    assert left(seed) == []


def truncated(connection: socket.socket, body: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body[: len(body) // 2])


def short(connection: socket.socket, body: bytes) -> None:
    answer(connection, body[:-1])


def endless(connection: socket.socket, body: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def oversized(connection: socket.socket, body: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def endless_pieces(connection: socket.socket, body: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def slow_body(connection: socket.socket, body: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
    for byte in body:
        connection.sendall(bytes([byte]))
        time.sleep(0.1)


def slow_headers(connection: socket.socket, body: bytes) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 10000:
        connection.sendall(bytes([byte]))
        time.sleep(0.1)


def silent(connection: socket.socket, body: bytes) -> None:
    connection.recv(1)


def endless_headers(connection: socket.socket, body: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")


def no_http(connection: socket.socket, body: bytes) -> None:
    connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")


def huge_length(connection: socket.socket, body: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 6000 + b"\r\n\r\n")


def two_lengths(connection: socket.socket, body: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello")


def zipped(connection: socket.socket, body: bytes) -> None:
    answer(connection, body, "Content-Encoding: gzip")


def redirect(connection: socket.socket, body: bytes) -> None:
    answer(connection, b"", "Location: http://127.0.0.1:1/", status="302 Found")


def error(connection: socket.socket, body: bytes) -> None:
    answer(connection, b"", status="500 Oh")


MISDEEDS = [
    truncated, short, endless, oversized, endless_pieces, slow_body, slow_headers, silent, endless_headers, no_http,
    huge_length, two_lengths, zipped, redirect, error,
]  # fmt: skip


@pytest.mark.parametrize("misdeed", MISDEEDS, ids=lambda f: f.__name__)
def test_fetch__bad_manifest_answer__fails_in_time_or_takes_the_good_source(seed: Seed, misdeed: object) -> None:
    with raw(lambda connection, path: misdeed(connection, seed.honest(path))) as bad:  # type: ignore[operator]
        start = time.monotonic()
        with pytest.raises((Refused, Unavailable)) as caught:
            seed.fetch(bad, patience=QUICK)
        assert time.monotonic() - start < 20
        assert bad in str(caught.value)
        assert "\n" not in str(caught.value)
        assert left(seed) == []
        with node(seed.store) as good:
            seed.fetch(bad, good, patience=QUICK)


@pytest.mark.parametrize("misdeed", MISDEEDS, ids=lambda f: f.__name__)
def test_fetch__bad_chunk_answers__good_source_completes(seed: Seed, misdeed: object) -> None:
    def handle(connection: socket.socket, path: str) -> None:
        if path.endswith("/manifest"):
            answer(connection, seed.honest(path))
        else:
            misdeed(connection, seed.honest(path))  # type: ignore[operator]

    with raw(handle) as bad, node(seed.store) as good:
        start = time.monotonic()
        seed.fetch(bad, good, patience=QUICK)
        assert time.monotonic() - start < 20


def test_fetch__total_time_is_over__is_unavailable_and_no_thread_stays(seed: Seed) -> None:
    before = threading.active_count()

    def slow(connection: socket.socket, path: str) -> None:
        answer(connection, seed.honest(path)) if path.endswith("/manifest") else silent(connection, b"")

    with raw(slow) as uri:
        start = time.monotonic()
        with pytest.raises(Unavailable, match="time is over"):
            seed.fetch(uri, seconds=1.0, patience=Patience(read=30, answer=30))
        assert time.monotonic() - start < 10
    until = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.05)
    assert threading.active_count() <= before


def test_fetch__source_stops_halfway__next_fetch_brings_only_the_rest(tmp_path: Path) -> None:
    seed = Seed(tmp_path, 12)
    served: list[str] = []

    def half(connection: socket.socket, path: str) -> None:
        if not path.endswith("/manifest"):
            if len(served) >= 6:
                return
            served.append(path)
        answer(connection, seed.honest(path))

    with raw(half) as uri, pytest.raises(Unavailable):
        seed.fetch(uri)

    def rest(connection: socket.socket, path: str) -> None:
        assert not path.endswith("/manifest")
        served.append(path)
        answer(connection, seed.honest(path))

    with raw(rest) as uri:
        seed.fetch(uri)
    assert len(served) == len(set(served)) == len(seed.manifest.chunks())


FETCHER = """
import sys
from pathlib import Path
from assay.swarm.chunks import ChunkStore
from assay.swarm.client import fetch
def say(here, total):
    print(here, flush=True)
fetch(bytes.fromhex(sys.argv[1]), [sys.argv[2]], ChunkStore(Path(sys.argv[3])), 1 << 30, 60, say, allow_private=True)
"""


def test_fetch__client_is_killed_halfway__restart_brings_at_most_52_percent(tmp_path: Path) -> None:
    seed = Seed(tmp_path, 40)
    sent: list[int] = []

    def paced(connection: socket.socket, path: str) -> None:
        time.sleep(0.02)
        answer(connection, seed.honest(path))

    def counted(connection: socket.socket, path: str) -> None:
        body = seed.honest(path)
        sent.append(len(body))
        answer(connection, body)

    with raw(paced) as uri:
        command = [sys.executable, "-c", textwrap.dedent(FETCHER), seed.root.hex(), uri, str(seed.mine._folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout is not None
            for line in client.stdout:
                if int(line) >= seed.manifest.size // 2:
                    client.kill()
                    break
    assert not seed.mine.has(seed.root)
    with raw(counted) as uri:
        seed.fetch(uri)
    assert 0 < sum(sent) <= 0.52 * seed.manifest.size


def test_fetch__partial_file_was_damaged__damaged_chunk_comes_again(seed: Seed) -> None:
    partial = seed.mine.partial(seed.root)
    partial.mkdir()
    (partial / "manifest.json").write_bytes(seed.manifest.to_json())
    data = bytearray((seed.store.folder(seed.root) / "weights.safetensors").read_bytes())
    data[2 * MIB + 5] ^= 1
    (partial / "weights.safetensors").write_bytes(data)
    asked: list[str] = []

    def handle(connection: socket.socket, path: str) -> None:
        asked.append(path)
        answer(connection, seed.honest(path))

    with raw(handle) as uri:
        seed.fetch(uri)
    assert len(asked) == 2  # the damaged chunk and config.json


def test_fetch__many_at_once_into_one_store__all_get_it_and_it_comes_once(seed: Seed) -> None:
    asked: list[str] = []

    def handle(connection: socket.socket, path: str) -> None:
        asked.append(path)
        answer(connection, seed.honest(path))

    with raw(handle) as uri, ThreadPoolExecutor(6) as pool:
        paths = list(
            pool.map(lambda _: fetch(seed.root, [uri], seed.mine, LIMIT, 20, allow_private=True), range(6))
        )  # fmt: skip
    assert set(paths) == {seed.mine.folder(seed.root)}
    assert len(asked) == len(set(asked))


def test_fetch__source_dies_midway__other_one_completes(tmp_path: Path) -> None:
    seed = Seed(tmp_path, 24)
    served = [0]

    def dying(connection: socket.socket, path: str) -> None:
        served[0] += 1
        if served[0] < 6:
            answer(connection, seed.honest(path))

    with raw(dying) as bad, node(seed.store) as good:
        assert seed.fetch(bad, good) == []


def test_fetch__loopback_without_permission__is_refused_without_a_packet(seed: Seed) -> None:
    asked: list[str] = []
    with raw(lambda connection, path: asked.append(path)) as uri:
        with pytest.raises(Refused, match="public") as caught:
            fetch(seed.root, [uri], seed.mine, LIMIT, 5)
        assert caught.value.reason is Reason.MISSING
    assert asked == []


def test_fetch__no_uri__is_unavailable(seed: Seed) -> None:
    with pytest.raises(Unavailable, match="no source"):
        fetch(seed.root, [], seed.mine, LIMIT, 5)


def test_fetch__name_is_resolved_once__connection_goes_to_the_checked_address(seed: Seed) -> None:
    with node(seed.store) as uri:
        port = int(uri.rsplit(":", 1)[1])
        asked: list[str] = []

        def resolver(host: str, _: int) -> list[str]:
            asked.append(host)
            return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

        fetch(
            seed.root, [f"http://node.invalid:{port}"], seed.mine, LIMIT, 10, allow_private=True, resolver=resolver
        )  # fmt: skip
    assert asked == ["node.invalid"]


def test_fetch__manifest_limit__covers_what_a_manifest_may_have(seed: Seed) -> None:
    huge = b" " * (MANIFEST_BYTES + 1)
    with raw(lambda connection, _: answer(connection, huge)) as bad, pytest.raises(Refused, match="at most"):
        seed.fetch(bad)


def test_fetch__sparse_giant__size_is_checked_before_disk_is_used(seed: Seed) -> None:
    files = (replace(seed.manifest.files[0]), replace(seed.manifest.files[1], size=40 * MIB, chunks=(b"\1" * 32,) * 40))
    giant = Manifest("checkpoint", None, files)
    with raw(lambda connection, _: answer(connection, giant.to_json())) as uri, pytest.raises(Refused) as caught:
        fetch(giant.root(), [uri], seed.mine, 10 * MIB, 10, allow_private=True)
    assert caught.value.reason is Reason.SIZE
    assert hex32(giant.root()) in str(caught.value)
