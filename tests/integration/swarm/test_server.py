"""A node's HTTP routes over a real connection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from assay.protocol.hashing import hex32, sha256
from assay.swarm.chunks import ChunkStore
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
