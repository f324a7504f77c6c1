"""`assay swarm` as a user types it, against real nodes over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from typer.testing import CliRunner, Result

from assay.cli.main import app
from assay.protocol.hashing import hex32
from assay.roles.serving import Server
from assay.swarm.chunks import ChunkStore
from integration.swarm.nodes import make_artifact, node

pytestmark = pytest.mark.integration
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return lambda *words: CliRunner().invoke(app, ["--home", str(tmp_path / "home"), *words])


@pytest.fixture
def seeded(tmp_path: Path) -> Iterator[tuple[str, str]]:
    make_artifact(tmp_path / "made", 3.5)
    root = (store := ChunkStore(tmp_path / "store")).add(tmp_path / "made")
    with node(store) as uri:
        yield uri, hex32(root)


def test_fetch_and_verify__from_a_node__is_whole(run: Run, seeded: tuple[str, str], tmp_path: Path) -> None:
    uri, root = seeded
    out = tmp_path / "out"
    fetched = run("--json", "swarm", "fetch", root, str(out), "--from", uri)
    assert fetched.exit_code == 0, fetched.output
    assert json.loads(fetched.stdout)["root"] == root
    verified = run("swarm", "verify", str(out))
    assert f"whole: checkpoint {root}" in verified.stdout
    assert "3.67 MB in 5 chunks" in verified.stdout


def test_verify__one_byte_changed__refused_with_its_chunk(run: Run, seeded: tuple[str, str], tmp_path: Path) -> None:
    uri, root = seeded
    run("swarm", "fetch", root, str(tmp_path / "out"), "--from", uri)
    path = tmp_path / "out" / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[1 << 20] ^= 1
    path.unlink()  # it may share its bytes with the store
    path.write_bytes(data)
    refused = run("swarm", "verify", str(tmp_path / "out"))
    assert refused.exit_code == 2
    assert "chunk 1 of weights.safetensors" in refused.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("1x", "OUT", "--from", "http://127.0.0.1:1"), "neither a task's number nor a root"),
        (("0x" + "00" * 32, "OUT", "--from", "ftp://x"), "neither http nor https"),
        (("0x" + "00" * 32, "OUT", "--from", "http://127.0.0.1:1", "--limit", "fast"), "write 500KB, 20MB or 8GB"),
        (("0x" + "00" * 32, "OUT", "--from", "http://127.0.0.1:1", "--round", "1"), "goes with a task's number"),
        (("0x" + "00" * 32, ".", "--from", "http://127.0.0.1:1"), "is there already"),
    ],
)
def test_fetch__bad_words__one_sentence(run: Run, tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    refused = run("swarm", "fetch", *(str(tmp_path / "out") if word == "OUT" else word for word in words))
    assert refused.exit_code == 2, refused.output
    assert says in refused.stderr


def test_fetch__nobody_answers__unavailable(run: Run, tmp_path: Path) -> None:
    gone = run("swarm", "fetch", "0x" + "00" * 32, str(tmp_path / "out"), "--from", "http://127.0.0.1:1")
    assert gone.exit_code == 3
    assert not (tmp_path / "out").exists()


def test_status__node_that_says_nonsense__refused(run: Run) -> None:
    strange = FastAPI()
    strange.get("/swarm")(lambda: {"artifacts": "x" * 100, "bytes": None})
    server = Server(strange, "127.0.0.1", 0)
    server.start()
    try:
        refused = run("swarm", "status", server.url)
    finally:
        server.stop()
    assert refused.exit_code == 2
    assert "doesn't say how it stands" in refused.stderr
