"""A store of objects, here a folder by URL: what is there, what isn't, and what must not be believed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from assay.artifact.folder import write_artifact
from assay.artifact.manifest import Manifest
from assay.errors import Refused, Unavailable
from assay.swarm.objects import ObjectStore


@pytest.fixture
def made(tmp_path: Path) -> Manifest:
    files: dict[str, bytes | Path] = {"config.json": b"{}", "weights.safetensors": bytes(range(256)) * 8192}
    return write_artifact(tmp_path / "made", "checkpoint", None, files)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"file://{tmp_path}/objects"


def test_put__artifact__is_there_chunk_by_chunk_and_in_the_node_tree(tmp_path: Path, made: Manifest, url: str) -> None:
    store = ObjectStore(url)
    root = made.root()
    assert not store.has(root) and store.roots() == [] and store.used() == 0
    assert store.put(tmp_path / "made") == store.put(tmp_path / "made") == root
    again = ObjectStore(url)
    assert again.has(root) and again.roots() == [root] and again.manifest(root) == made
    for chunk in made.chunks():
        lies = (tmp_path / "made" / chunk.name).read_bytes()[chunk.offset : chunk.offset + chunk.size]
        assert again.chunk(root, chunk.digest) == lies
    assert (tmp_path / "objects" / root.hex() / "manifest.json").read_bytes() == made.to_json()
    assert again.used() == made.size + len(made.to_json())


def test_chunk__unknown_or_changed__is_never_returned(tmp_path: Path, made: Manifest, url: str) -> None:
    store = ObjectStore(url)
    root = store.put(tmp_path / "made")
    with pytest.raises(Unavailable, match="no chunk"):
        store.chunk(root, b"\1" * 32)
    with pytest.raises(Unavailable):
        store.chunk(b"\1" * 32, made.chunks()[0].digest)
    (tmp_path / "objects" / root.hex() / "config.json").write_bytes(b"[]")
    with pytest.raises(Refused, match="other bytes"):
        store.chunk(root, made.chunks()[0].digest)


def test_manifest__of_another_artifact__is_refused(tmp_path: Path, made: Manifest, url: str) -> None:
    root = ObjectStore(url).put(tmp_path / "made")
    other = write_artifact(tmp_path / "other", "checkpoint", None, {"config.json": b"[]"})
    (tmp_path / "objects" / root.hex() / "manifest.json").write_bytes(other.to_json())
    with pytest.raises(Refused, match="another manifest"):
        ObjectStore(url).manifest(root)


def test_put__changed_missing_or_too_much__is_refused_and_nobody_sees_it(
    tmp_path: Path, made: Manifest, url: str
) -> None:
    with pytest.raises(Refused, match="doesn't fit"):
        ObjectStore(url, quota=made.size).put(tmp_path / "made")
    (tmp_path / "made" / "config.json").write_bytes(b"[]")
    with pytest.raises(Refused, match=r"chunk 0 of config\.json"):
        ObjectStore(url).put(tmp_path / "made")
    (tmp_path / "made" / "config.json").unlink()
    with pytest.raises(Refused, match="lacks"):
        ObjectStore(url).put(tmp_path / "made")
    assert ObjectStore(url).roots() == [] and not ObjectStore(url).has(made.root())


def test_remove__artifact__is_gone_and_quota_free(tmp_path: Path, made: Manifest, url: str) -> None:
    store = ObjectStore(url, quota=made.size + len(made.to_json()))
    root = store.put(tmp_path / "made")
    store.remove(root)
    store.remove(root)
    assert not store.has(root) and store.used() == 0
    assert store.put(tmp_path / "made") == root


def test_sweep__broken_off_put_of_long_ago__is_removed(tmp_path: Path, made: Manifest, url: str) -> None:
    store = ObjectStore(url)
    root = store.put(tmp_path / "made")
    (tmp_path / "objects" / ("ab" * 32)).mkdir()
    (tmp_path / "objects" / ("ab" * 32) / "weights.safetensors").write_bytes(b"x")
    assert store.sweep() == 0
    assert store.sweep(time.time() + 4000) == 1
    assert store.roots() == [root] and not (tmp_path / "objects" / ("ab" * 32)).exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://host/bucket", "s3://key:secret@bucket/x", "s3://", "s3://bucket/../x", "s3://bucket/x#y", "bucket", "",
        "s3://bucket/x?secret_key=y", "s3://bucket//x", "mock://x", "s3://bucket/x?region",
    ],
)  # fmt: skip
def test_open__other_url__is_refused(url: str) -> None:
    with pytest.raises(Refused, match="URL"):
        ObjectStore(url)


def test_has__root_of_another_length__is_refused(url: str) -> None:
    with pytest.raises(Refused, match="32 bytes"):
        ObjectStore(url).has(b"../../etc")
