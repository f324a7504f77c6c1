"""Stock shardcast 0.3.2 and curl for the swarm's bench, in processes of their own.

A client of shardcast keeps fixed temporary files in its working folder and its package's, so one runs at a time. It
wants `data1.bin` on a server, which nobody puts there.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SHARD_BYTES = 50_000_000
GIVEN_UP_SECONDS = 60.0
_ORIGIN = """
import sys, time
from shardcast.origin_server import OriginServer
server = OriginServer(sys.argv[1], int(sys.argv[2]), 5)
start = time.monotonic()
version = server.broadcast(sys.argv[3])
print("broadcast", version, time.monotonic() - start, flush=True)
time.sleep(3600)
"""
_CLIENT = """
import json, sys, time
from shardcast.client_node import ClientNode
folder, version, *servers = sys.argv[1:]
start = time.monotonic()
client = ClientNode(servers, folder)
chosen = time.monotonic()
found = client.download_version(version, folder + "/got")
end = time.monotonic()
told = {"path": found and str(found), "seconds": end - start, "download_seconds": end - chosen}
print(json.dumps(told), flush=True)
"""


@contextmanager
def origin(folder: Path, path: Path) -> Iterator[tuple[str, Path]]:
    """An origin that has broadcast `path` as v1; gives host:port and its folder."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    data, work = folder / "data", folder / "work"
    for needed in (data, work):
        needed.mkdir(parents=True)
    (data / "data1.bin").write_bytes(os.urandom(10**6))
    command = [sys.executable, "-c", _ORIGIN, str(data), str(port), str(path)]
    process = subprocess.Popen(command, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        if not any(line.startswith("broadcast") for line in process.stdout):
            raise RuntimeError("shardcast's origin didn't broadcast")
        _wait(f"http://127.0.0.1:{port}/distribution.txt")
        yield f"127.0.0.1:{port}", data
    finally:
        process.kill()
        process.wait()


def client(folder: Path, servers: list[str], version: str = "v1", seconds: float = GIVEN_UP_SECONDS) -> dict[str, Any]:
    """What a client made of it: seconds of the process and of the download alone, and whether the file came."""
    (folder / "tmp").mkdir(parents=True)
    command = [sys.executable, "-c", _CLIENT, str(folder), version, *servers]
    environment = os.environ | {"TMPDIR": str(folder / "tmp")}
    start = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        said = process.communicate(timeout=seconds)[0].splitlines()
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # with the wgets that it started
        process.wait()
        return {"whole": time.monotonic() - start, "seconds": None, "came": False, "ended": False}
    told: dict[str, Any] = next((json.loads(line) for line in reversed(said) if line.startswith("{")), {})
    return {
        "whole": time.monotonic() - start,
        "seconds": told.get("seconds"),
        "download_seconds": told.get("download_seconds"),
        "came": bool(told.get("path")),
        "ended": process.returncode == 0,
    }


def curl(urls: list[str], folder: Path) -> float:
    """Seconds that one curl takes for all URLs, one after the other, into files."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["curl", "--silent", "--fail", "--noproxy", "*"]
    for number, url in enumerate(urls):
        command += ["--output", str(folder / f"{number}"), url]
    start = time.monotonic()
    subprocess.run(command, check=True)
    return time.monotonic() - start


def shards(uri: str, size: int, version: str = "v1") -> list[str]:
    """The URLs of a version's shards."""
    return [f"{uri}/{version}/shard_{number:05d}.bin" for number in range(1, -(-size // SHARD_BYTES) + 1)]


def _wait(url: str) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).close()  # noqa: S310  our own
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return
