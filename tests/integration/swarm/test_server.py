"""A node's HTTP routes over a real connection."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from assay.artifact.manifest import parse
from assay.protocol.hashing import hex32, sha256
from assay.swarm import door
from assay.swarm.body import Outlet
from assay.swarm.chunks import ChunkStore
from assay.swarm.rate import Rate
from integration.swarm.nodes import make_artifact, node

pytestmark = pytest.mark.integration


@pytest.fixture
def store(tmp_path: Path) -> ChunkStore:
    make_artifact(tmp_path / "made", 2.25)
    store = ChunkStore(tmp_path / "store")
    store.add(tmp_path / "made")
    return store


@pytest.fixture
def client(store: ChunkStore) -> Iterator[httpx.Client]:
    with node(store) as uri, httpx.Client(base_url=uri, trust_env=False) as client:
        yield client


def test_chunk__known__is_immutable_and_has_its_digest(client: httpx.Client, store: ChunkStore) -> None:
    root = client.get("/a").json()["roots"][0]
    manifest = client.get(f"/a/{root}/manifest")
    assert root == hex32(store.roots()[0])
    assert manifest.content == store.manifest(store.roots()[0])
    for file in manifest.json()["files"]:
        for digest in file["chunks"]:
            answer = client.get(f"/a/{root}/{digest}")
            assert hex32(sha256(answer.content)) == digest
            assert answer.headers["etag"] == f'"{digest}"'
            assert "immutable" in answer.headers["cache-control"]
            again = client.get(f"/a/{root}/{digest}", headers={"If-None-Match": answer.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/a/0x" + "00" * 32 + "/manifest",
        "/a/0x" + "00" * 32 + "/0x" + "00" * 32,
        "/a/0x" + "AB" * 32 + "/manifest",
        "/a/" + "00" * 32 + "/manifest",
        "/a/../../etc/passwd",
        "/a/%2e%2e%2f%2e%2e%2fetc%2fpasswd/manifest",
        "/a/0x" + "00" * 32 + "%00/manifest",
        "/a/0x" + "00" * 32 + "%0a/manifest",
        "/a/..%5c..%5c/manifest",
        "/a/" + "x" * 300 + "/manifest",
        "/a/partial/manifest",
        "/a/CON/manifest",
    ],
)
def test_get__unknown_or_traversing_name__is_a_client_error(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in {404, 422}
    assert b"root:" not in answer.content


def test_chunk__of_another_artifact__is_not_found(client: httpx.Client, store: ChunkStore, tmp_path: Path) -> None:
    other = make_artifact(tmp_path / "other", 1.5, seed=5)
    theirs = hex32(other.chunks()[-1].digest)
    assert client.get(f"/a/{hex32(store.roots()[0])}/{theirs}").status_code == 404


def test_chunk__file_is_gone__is_not_found(client: httpx.Client, store: ChunkStore) -> None:
    root = store.roots()[0]
    digest = client.get(f"/a/{hex32(root)}/manifest").json()["files"][-1]["chunks"][0]
    assert client.get(f"/a/{hex32(root)}/{digest}").status_code == 200
    (store.folder(root) / "weights.safetensors").unlink()
    assert client.get(f"/a/{hex32(root)}/{digest}").status_code == 404
    store.remove(root)
    assert client.get(f"/a/{hex32(root)}/{digest}").status_code == 404
    assert client.get("/a").json() == {"roots": []}


def _partial(store: ChunkStore, made: Path, numbers: set[int]) -> tuple[bytes, list[bytes]]:
    """Let a store hold some chunks of an artifact, as a fetch leaves them; gives root and digests."""
    manifest = parse((made / "manifest.json").read_bytes())
    root, chunks = manifest.root(), manifest.chunks()
    store.partial(root).mkdir()
    (store.partial(root) / "manifest.json").write_bytes(manifest.to_json())
    with store.growing(root, manifest) as shelf:
        for i in numbers:
            data = (made / chunks[i].name).read_bytes()[chunks[i].offset :][: chunks[i].size]
            shelf.put(i, memoryview(data))
    return root, [chunk.digest for chunk in chunks]


def test_have__whole_and_partial__bits_say_which_chunks_are_served(
    client: httpx.Client, store: ChunkStore, tmp_path: Path
) -> None:
    make_artifact(tmp_path / "other", 9.5, seed=9)
    root, digests = _partial(store, tmp_path / "other", {0, 3, 8})
    assert client.get(f"/a/{hex32(store.roots()[0])}/have").content == b"\xf0"  # config and three chunks
    assert client.get(f"/a/{hex32(root)}/have").content == b"\x90\x80"
    served = [client.get(f"/a/{hex32(root)}/{hex32(digest)}").status_code == 200 for digest in digests]
    assert [i for i, is_served in enumerate(served) if is_served] == [0, 3, 8]
    assert client.get(f"/a/{hex32(root)}/manifest").status_code == 200
    assert hex32(root) not in client.get("/a").json()["roots"]
    assert client.get("/a/0x" + "00" * 32 + "/have").status_code == 404


def test_have__more_than_is_here__waits_for_it(client: httpx.Client, store: ChunkStore, tmp_path: Path) -> None:
    make_artifact(tmp_path / "other", 3.5, seed=9)
    root, _ = _partial(store, tmp_path / "other", {0})
    started = time.monotonic()
    thread = threading.Timer(0.4, lambda: store.add(tmp_path / "other"))
    thread.start()
    assert client.get(f"/a/{hex32(root)}/have/1").content == b"\xf8"
    assert 0.3 < time.monotonic() - started < 3
    thread.join()


@pytest.mark.parametrize(
    ("asked", "status", "span"),
    [
        (None, 200, (0, None)),
        ("bytes=0-0", 206, (0, 1)),
        ("bytes=1048570-1048580", 206, (1048570, 1048581)),
        ("bytes=2359290-", 206, (2359290, None)),
        ("bytes=-5", 206, (-5, None)),
        ("bytes=5-99999999", 206, (5, None)),
        ("bytes=9-3", 200, (0, None)),
        ("bytes=0-1,4-5", 200, (0, None)),
        ("chunks=0-1", 200, (0, None)),
        ("bytes=99999999-", 416, None),
        ("bytes=-0", 416, None),
    ],
)
def test_files__range__as_rfc_9110_says(
    client: httpx.Client, store: ChunkStore, asked: str | None, status: int, span: tuple[int, int | None] | None
) -> None:
    root = store.roots()[0]
    whole = (store.folder(root) / "weights.safetensors").read_bytes()
    answer = client.get(f"/files/{root.hex()}/weights.safetensors", headers={"Range": asked} if asked else {})
    assert answer.status_code == status
    if span is None:
        assert answer.headers["content-range"] == f"bytes */{len(whole)}"
        return
    assert answer.content == whole[span[0] : span[1]]


@pytest.mark.parametrize("name", ["have.bits", "..", "%2e%2e%2fpasswd", "weights.safetensors/x", "Weights.safetensors"])
def test_files__name_that_isnt_in_the_manifest__is_not_found(
    client: httpx.Client, store: ChunkStore, name: str
) -> None:
    (store.folder(store.roots()[0]) / "have.bits").write_bytes(b"x")
    assert client.get(f"/files/{store.roots()[0].hex()}/{name}").status_code in {404, 422}


def test_door__head_that_never_ends__connection_is_closed_and_others_are_served(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "HEAD_SECONDS", 0.5)
    where = (client.base_url.host, client.base_url.port)
    slow = [socket.create_connection(where) for _ in range(20)]
    for one in slow[:10]:
        one.sendall(b"GET /a HTTP/1.1\r\nX: ")
    assert client.get("/a").status_code == 200
    for one in slow:
        one.settimeout(3)
        assert one.recv(1) == b""


def test_door__head_without_end__is_cut_at_its_size(client: httpx.Client) -> None:
    with socket.create_connection((client.base_url.host, client.base_url.port)) as one:
        one.settimeout(5)
        with contextlib.suppress(OSError):
            for _ in range(64):
                one.sendall(b"X-A: " + b"a" * 8192 + b"\r\n" if _ else b"GET /a HTTP/1.1\r\n")
            assert one.recv(1) == b""


def test_door__reader_that_doesnt_read__is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "STALLED_SECONDS", 0.4)
    size = make_artifact(tmp_path / "made", 24).size  # more than the kernel keeps for a connection
    root = (store := ChunkStore(tmp_path / "store")).add(tmp_path / "made")
    with node(store) as uri, socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.connect(("127.0.0.1", int(uri.rsplit(":", 1)[1])))
        one.sendall(f"GET /files/{root.hex()}/weights.safetensors HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        time.sleep(1.2)
        got = 0
        with contextlib.suppress(ConnectionError):
            while piece := one.recv(1 << 20):
                got += len(piece)
        assert got < size


def test_door__one_host_opens_too_many__the_rest_is_refused(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "PER_HOST", 5)
    where = (client.base_url.host, client.base_url.port)
    many = [socket.create_connection(where) for _ in range(8)]
    time.sleep(0.2)
    refused = 0
    for one in many:
        one.settimeout(0.2)
        try:
            refused += one.recv(1) == b""
        except TimeoutError:
            continue
        except ConnectionError:
            refused += 1
        finally:
            one.close()
    assert refused == 3


def test_upload_limit__two_readers__share_it(store: ChunkStore, tmp_path: Path) -> None:
    root = store.roots()[0]
    outlet = Outlet(Rate(2 << 20, 1 << 20))
    with node(store, outlet) as uri:
        started = time.monotonic()
        answer = httpx.get(f"{uri}/files/{root.hex()}/weights.safetensors", trust_env=False)
        assert len(answer.content) == 2.25 * (1 << 20)
        assert time.monotonic() - started > 0.5  # 1 MiB at once, the rest at 2 MiB/s
    assert outlet.open == 0
