"""The store of artifacts on disk."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from assay.artifact.folder import write_artifact
from assay.artifact.manifest import parse
from assay.errors import Refused, Unavailable
from assay.swarm.chunks import ChunkStore


@pytest.fixture
def made(tmp_path: Path) -> Path:
    files: dict[str, bytes | Path] = {"config.json": b"{}", "weights.safetensors": bytes(range(256)) * 8192}
    write_artifact(tmp_path / "made", "checkpoint", None, files)
    return tmp_path / "made"


def test_add__artifact__is_found_by_root_and_stays_when_the_source_goes(tmp_path: Path, made: Path) -> None:
    store = ChunkStore(tmp_path / "store")
    root = store.add(made)
    assert store.add(made) == root
    for path in made.iterdir():
        path.unlink()
    assert store.has(root)
    assert store.roots() == [root]
    path, chunk = store.chunk(root, parse(store.manifest(root)).chunks()[-1].digest)
    assert path.stat().st_size >= chunk.offset + chunk.size


def test_add__changed_file__is_refused_and_leaves_nothing(tmp_path: Path, made: Path) -> None:
    (made / "config.json").write_bytes(b"[]")
    store = ChunkStore(tmp_path / "store")
    with pytest.raises(Refused, match=r"chunk 0 of config\.json"):
        store.add(made)
    assert store.roots() == []
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["partial", "locks"]


def test_folder__unknown_root__is_unavailable(tmp_path: Path) -> None:
    store = ChunkStore(tmp_path)
    assert not store.has(b"\1" * 32)
    for question in (store.folder, store.manifest):
        with pytest.raises(Unavailable):
            question(b"\1" * 32)
    with pytest.raises(Refused, match="32 bytes"):
        store.has(b"../../etc")


def test_chunk__unknown_digest__is_unavailable(tmp_path: Path, made: Path) -> None:
    store = ChunkStore(tmp_path / "store")
    root = store.add(made)
    with pytest.raises(Unavailable, match="no chunk"):
        store.chunk(root, b"\1" * 32)


def test_remove__artifact__is_gone_and_can_come_again(tmp_path: Path, made: Path) -> None:
    store = ChunkStore(tmp_path / "store")
    root = store.add(made)
    store.remove(root)
    assert not store.has(root)
    assert store.add(made) == root
    assert store.has(root)


def test_claim__held_by_another__waits_until_the_deadline(tmp_path: Path) -> None:
    one, two = ChunkStore(tmp_path), ChunkStore(tmp_path)
    with one.claim(b"\1" * 32, 0.0):
        with two.claim(b"\2" * 32, 0.0):
            pass
        start = time.monotonic()
        with pytest.raises(Unavailable, match="still running"), two.claim(b"\1" * 32, start + 0.2):
            pass
        assert 0.2 <= time.monotonic() - start < 2
    with two.claim(b"\1" * 32, 0.0):
        pass


def test_open__interrupted_add_of_long_ago__is_swept_and_partial_is_kept(tmp_path: Path) -> None:
    store = ChunkStore(tmp_path)
    old, young = tmp_path / ".x.1.new", tmp_path / ".x.2.new"
    for path in (old, young, store.partial(b"\1" * 32)):
        path.mkdir()
    os.utime(old, (0, 0))
    os.utime(store.partial(b"\1" * 32), (0, 0))
    ChunkStore(tmp_path)
    assert not old.exists()
    assert young.exists()
    assert store.partial(b"\1" * 32).exists()
