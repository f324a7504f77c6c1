"""Probing for a drawn chunk at honest, dead and lying servers."""

from __future__ import annotations

import socket
import time

import pytest

from assay.errors import Refused, Unavailable
from assay.swarm.availability import Draw, probe
from integration.swarm.nodes import answer, node, raw
from integration.swarm.seeds import QUICK, Seed

pytestmark = pytest.mark.integration
DRAW = Draw(bytes(16), 4, 1)


def test_probe__one_of_three_serves_it__is_named(seed: Seed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with raw(lambda connection, _: answer(connection, b"{}")) as liar, node(seed.store) as good:
        found = probe(seed.root, [dead, liar, good], DRAW, 10, allow_private=True, patience=QUICK)
    assert (found.uri, found.index) == (good, DRAW.chunk(len(seed.manifest.chunks())))
    assert found.chunk == seed.manifest.chunks()[found.index]


def test_probe__manifest_but_not_the_chunk__is_unavailable_when_the_time_is_over(seed: Seed) -> None:
    def withheld(connection: socket.socket, path: str) -> None:
        if path.endswith("/manifest"):
            answer(connection, seed.honest(path))
        else:
            answer(connection, b"", status="404 Not Found")

    began = time.monotonic()
    with raw(withheld) as uri, pytest.raises(Unavailable, match="isn't served"):
        probe(seed.root, [uri], DRAW, 1.5, allow_private=True, patience=QUICK)
    assert time.monotonic() - began < 5


def test_probe__comes_late_in_the_window__counts(seed: Seed) -> None:
    began = time.monotonic()

    def late(connection: socket.socket, path: str) -> None:
        if time.monotonic() - began < 0.8:
            answer(connection, b"", status="503 Service Unavailable")
        else:
            answer(connection, seed.honest(path))

    with raw(late) as uri:
        assert probe(seed.root, [uri], DRAW, 10, allow_private=True, patience=QUICK).uri == uri


def test_probe__other_bytes_or_no_usable_source__is_no_chunk(seed: Seed) -> None:
    def wrong(connection: socket.socket, path: str) -> None:
        body = seed.honest(path)
        answer(connection, body if path.endswith("/manifest") else b"x" * len(body))

    with raw(wrong) as uri, pytest.raises(Unavailable, match="other bytes"):
        probe(seed.root, [uri], DRAW, 1, allow_private=True, patience=QUICK)
    with pytest.raises(Refused, match="public"):
        probe(seed.root, ["http://127.0.0.1:1"], DRAW, 1)
    with pytest.raises(Unavailable, match="no source"):
        probe(seed.root, [], DRAW, 1)
