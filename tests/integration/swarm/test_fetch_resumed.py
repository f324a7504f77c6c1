"""Fetching what was fetched in part before."""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from assay.errors import Unavailable
from integration.swarm.nodes import MIB, answer, raw
from integration.swarm.seeds import Seed

pytestmark = pytest.mark.integration


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
