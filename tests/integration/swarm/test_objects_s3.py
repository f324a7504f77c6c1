"""The same store of objects against a server that speaks S3."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.errors import Refused, Unavailable
from assay.swarm.objects import ObjectStore
from integration.swarm.nodes import make_artifact

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A moto server with a bucket; gives host:port."""

    from pyarrow.fs import S3FileSystem

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ACCESS_KEY_ID", "test")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
            patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
            S3FileSystem(
                endpoint_override=f"127.0.0.1:{port}", scheme="http", region="us-east-1", allow_bucket_creation=True
            ).create_dir("bucket")
            yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _wait(port: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("moto didn't start")


def test_put__to_s3__is_read_back_listed_and_removed(s3: str, tmp_path: Path) -> None:
    manifest = make_artifact(tmp_path / "made", 2.5)
    url = f"s3://bucket/some/prefix?endpoint_override={s3}&scheme=http&region=us-east-1"
    store = ObjectStore(url, quota=4 << 20)
    root = store.put(tmp_path / "made")
    assert ObjectStore(url).roots() == [root] and store.manifest(root) == manifest
    assert store.used() == manifest.size + len(manifest.to_json())
    data = b"".join(store.chunk(root, chunk.digest) for chunk in manifest.chunks())
    assert data == b"".join((tmp_path / "made" / entry.name).read_bytes() for entry in manifest.files)
    make_artifact(tmp_path / "more", 2.5, seed=1)
    with pytest.raises(Refused, match="doesn't fit"):
        store.put(tmp_path / "more")
    store.remove(root)
    assert not store.has(root) and store.roots() == [] and store.used() == 0


def test_put__broken_off__is_nowhere_to_be_seen_and_swept(s3: str, tmp_path: Path) -> None:
    manifest = make_artifact(tmp_path / "made", 1.5)
    (tmp_path / "made" / "weights.safetensors").write_bytes(b"x" * manifest.files[-1].size)
    store = ObjectStore(f"s3://bucket/broken?endpoint_override={s3}&scheme=http&region=us-east-1")
    with pytest.raises(Refused, match="doesn't match"):
        store.put(tmp_path / "made")
    assert store.roots() == [] and not store.has(manifest.root()) and store.used() > 0
    assert store.sweep(time.time() + 4000) == 1 and store.used() == 0


def test_has__store_is_away__is_unavailable() -> None:
    store = ObjectStore("s3://bucket/x?endpoint_override=127.0.0.1:9&scheme=http&region=us-east-1")
    with pytest.raises(Unavailable, match="doesn't answer"):
        store.has(b"\1" * 32)
