"""Our gateway and our client over real HTTP, with stock shardcast 0.3.2 on the other side where it is installed."""

from __future__ import annotations

import importlib.util
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from blake3 import blake3

from assay.artifact.folder import write_artifact
from assay.errors import Refused, Unavailable
from assay.roles.serving import Pulse, Server, node_app
from assay.swarm.stock.gateway import Gateway, router
from assay.swarm.stock.origin import fetch, versions
from integration.swarm.nodes import MIB, answer, raw
from integration.swarm.seeds import QUICK

pytestmark = pytest.mark.integration
stock = pytest.mark.skipif(
    importlib.util.find_spec("shardcast") is None or not shutil.which("wget"), reason="needs shardcast and wget"
)
DATA = np.random.default_rng(0).bytes(5 * MIB // 2)
LIMIT = 64 * MIB


@contextmanager
def serving(gateway: Gateway) -> Iterator[str]:
    server = Server(node_app("test", Pulse("test"), router(gateway)), "127.0.0.1", 0)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    (tmp_path / "weights").write_bytes(DATA)
    made = Gateway(shard_bytes=MIB)
    made.offer(3, tmp_path / "weights")
    return made


def test_fetch__from_our_gateway__is_the_same_file(gateway: Gateway, tmp_path: Path) -> None:
    manifest = write_artifact(tmp_path / "known", "weights", None, {"weights.bin": DATA})
    with serving(gateway) as uri:
        assert versions(uri, 5, allow_private=True)[3].shards == 3
        for entry in (None, manifest.entry("weights.bin")):
            digest = fetch([uri], 3, tmp_path / "got", LIMIT, 20, entry=entry, allow_private=True)
            assert digest == blake3(DATA).digest()
            assert (tmp_path / "got").read_bytes() == DATA
        with pytest.raises(Unavailable, match="doesn't list"):
            fetch([uri], 4, tmp_path / "none", LIMIT, 20, allow_private=True)
        with pytest.raises(Refused, match="shards than"):
            fetch([uri], 3, tmp_path / "none", MIB, 20, allow_private=True)
        assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "path",
    [
        "/v3/shard_00000.bin", "/v3/shard_4.bin", "/v3/shard_../weights.bin", "/v9/shard_00001.bin",
        "/v03/shard_00001.bin", f"/v{'9' * 5000}/shard_00001.bin", "/v3/shard_%2e%2e.bin", "/v3/shard_00004.bin",
        "/v3/", "/distribution.txt/x",
    ],
)  # fmt: skip
def test_gateway__other_path__is_a_client_error(gateway: Gateway, path: str) -> None:
    with serving(gateway) as uri:
        assert httpx.get(uri + path, trust_env=False).status_code in {404, 422}
        assert httpx.get(uri + "/distribution.txt", trust_env=False).content == gateway.table()


def test_gateway__file_is_gone__is_not_found(gateway: Gateway, tmp_path: Path) -> None:
    (tmp_path / "weights").unlink()
    with serving(gateway) as uri:
        assert httpx.get(uri + "/v3/shard_00001.bin", trust_env=False).status_code == 404


@pytest.mark.parametrize("known", [True, False])
def test_fetch__origin_flips_a_byte__is_blamed_and_the_next_one_taken(
    gateway: Gateway, tmp_path: Path, known: bool
) -> None:
    manifest = write_artifact(tmp_path / "known", "weights", None, {"weights.bin": DATA})
    asked: list[str] = []

    def lie(connection: socket.socket, path: str) -> None:
        asked.append(path)
        if path == "/distribution.txt":
            answer(connection, gateway.table())
        else:
            start = (int(path[-9:-4]) - 1) * MIB
            answer(connection, bytes([DATA[start] ^ 1]) + DATA[start + 1 : start + MIB])

    blamed: list[str] = []
    entry = manifest.entry("weights.bin") if known else None
    with raw(lie) as bad, serving(gateway) as good:
        fetch(
            [bad, good], 3, tmp_path / "got", LIMIT, 20, entry=entry, allow_private=True,
            on_fault=lambda uri, _: blamed.append(uri),
        )  # fmt: skip
        assert (tmp_path / "got").read_bytes() == DATA and blamed == [bad]
        assert len(asked) == (2 if known else 4)  # with the digests of its chunks the first shard gives it away
        with pytest.raises(Refused, match="sends"):
            fetch([bad], 3, tmp_path / "none", LIMIT, 20, entry=entry, allow_private=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["got", "known", "weights"]


def test_fetch__forged_origin_whose_hash_fits__is_refused_where_the_digests_are_known(tmp_path: Path) -> None:
    manifest = write_artifact(tmp_path / "known", "weights", None, {"weights.bin": DATA})
    (tmp_path / "forged").write_bytes(DATA[::-1])
    forged = Gateway(shard_bytes=MIB)
    forged.offer(3, tmp_path / "forged")
    with serving(forged) as uri, pytest.raises(Refused, match="another file"):
        fetch([uri], 3, tmp_path / "got", LIMIT, 20, entry=manifest.entry("weights.bin"), allow_private=True)


def test_fetch__shards_without_end__ends_at_the_limit(tmp_path: Path) -> None:
    def endless(connection: socket.socket, path: str) -> None:
        answer(connection, f"v1: {'ab' * 32}|99999\n".encode() if path == "/distribution.txt" else bytes(MIB // 4))

    with raw(endless) as uri, pytest.raises(Refused, match=r"bytes|shards"):
        fetch([uri], 1, tmp_path / "got", 2 * MIB, 20, patience=QUICK, allow_private=True)
    assert list(tmp_path.iterdir()) == []


STOCK_CLIENT = """
import json, sys
from pathlib import Path
from shardcast.client_node import ClientNode
uri, folder = sys.argv[1:]
client = ClientNode([uri], folder)
listed = client.list_available_versions()
print(json.dumps([listed, client.download_version("v3", str(Path(folder) / "got"))]))
"""
STOCK_ORIGIN = """
import sys, time
from pathlib import Path
from shardcast.origin_server import OriginServer
data, port, path = sys.argv[1:]
server = OriginServer(data, int(port), 5)
print(server.broadcast(path), flush=True)
time.sleep(60)
"""


@stock
def test_stock_client__downloads_from_our_gateway(gateway: Gateway, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    with serving(gateway) as uri:
        command = [sys.executable, "-c", STOCK_CLIENT, uri, str(tmp_path / "theirs")]
        done = subprocess.run(command, cwd=tmp_path / "theirs", capture_output=True, text=True, timeout=60, check=True)
    listed, path = json.loads(done.stdout.splitlines()[-1])
    assert listed == {"v3": f"{blake3(DATA).hexdigest()}|3"}
    assert Path(path).read_bytes() == DATA


@stock
def test_fetch__from_a_stock_origin__is_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(DATA)
    with socket.create_server(("127.0.0.1", 0)) as free:  # shardcast takes a port, no socket
        port = free.getsockname()[1]
    command = [sys.executable, "-c", STOCK_ORIGIN, str(tmp_path / "data"), str(port), str(tmp_path / "weights")]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert any(line.strip().endswith("v1") for line in process.stdout)
        fetch([f"http://127.0.0.1:{port}"], 1, tmp_path / "got", LIMIT, 20, allow_private=True)
        assert (tmp_path / "got").read_bytes() == DATA
    finally:
        process.kill()
        process.wait()
