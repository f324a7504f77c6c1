"""Fetching from honest, dead and lying servers, and what is refused before anything is asked."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from assay.artifact.folder import open_artifact
from assay.artifact.manifest import MANIFEST_BYTES, Manifest
from assay.errors import Refused, Unavailable
from assay.protocol.hashing import hex32
from assay.swarm.client import fetch
from assay.types import Reason
from integration.swarm.nodes import MIB, Handler, answer, make_artifact, node, raw
from integration.swarm.seeds import LIMIT, Seed, left

pytestmark = pytest.mark.integration


def test_fetch__one_honest_node__brings_the_same_artifact_with_progress(seed: Seed) -> None:
    seen: list[tuple[int, int]] = []
    with node(seed.store) as uri:
        path = fetch(
            seed.root, [uri], seed.mine, LIMIT, 20, lambda here, total: seen.append((here, total)), allow_private=True
        )
    assert path == seed.mine.folder(seed.root)
    assert open_artifact(path, LIMIT).manifest == seed.manifest
    assert seen[-1] == (seed.manifest.size, seed.manifest.size)
    assert seed.mine.roots() == [seed.root]


def test_fetch__artifact_is_here__asks_no_one(seed: Seed) -> None:
    assert fetch(seed.root, [], seed.store, LIMIT, 1) == seed.store.folder(seed.root)


def test_fetch__two_honest_nodes__both_are_asked(tmp_path: Path) -> None:
    seed = Seed(tmp_path, 24)
    asked: dict[str, int] = {"a": 0, "b": 0}

    def count(name: str) -> Handler:
        def handle(connection: socket.socket, path: str) -> None:
            asked[name] += not path.endswith("/manifest")
            answer(connection, seed.honest(path))

        return handle

    with raw(count("a")) as one, raw(count("b")) as two:
        assert seed.fetch(one, two) == []
    assert asked["a"] + asked["b"] == len(seed.manifest.chunks())
    assert min(asked.values()) > 0


def test_fetch__corrupt_chunks_from_one__other_completes_and_liar_is_named(seed: Seed) -> None:
    bad_answers = []

    def corrupt(connection: socket.socket, path: str) -> None:
        body = bytearray(seed.honest(path))
        if not path.endswith("/manifest"):
            body[len(body) // 2] ^= 1
            bad_answers.append(path)
        answer(connection, bytes(body))

    with raw(corrupt) as bad, node(seed.store) as good:
        assert seed.fetch(bad, good) == [bad]
    assert 1 <= len(bad_answers) <= 2  # at most one for each connection


def test_fetch__only_corrupt_sources__is_refused_and_nothing_stays(seed: Seed) -> None:
    def corrupt(connection: socket.socket, path: str) -> None:
        body = seed.honest(path)
        answer(connection, body if path.endswith("/manifest") else b"x" * len(body))

    with raw(corrupt) as bad, pytest.raises(Refused, match="other bytes than chunk") as caught:
        seed.fetch(bad)
    assert caught.value.reason is Reason.SCHEMA
    assert left(seed) == []


def test_fetch__bad_source_and_dead_source__is_unavailable(seed: Seed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with raw(lambda connection, _: answer(connection, b"{}")) as bad, pytest.raises(Unavailable, match="malformed"):
        seed.fetch(bad, dead)


@pytest.mark.parametrize("body", [b"", b"{}", b"\x80\x04garbage", b"[" * 100_000, b"\xff" * 1000])
def test_fetch__garbage_manifest__next_source_is_asked(seed: Seed, body: bytes) -> None:
    with raw(lambda connection, _: answer(connection, body)) as bad, node(seed.store) as good:
        assert seed.fetch(bad, good) == [bad]


def test_fetch__manifest_of_another_artifact__is_a_lie(seed: Seed, tmp_path: Path) -> None:
    other = make_artifact(tmp_path / "other", 1, seed=1).to_json()
    with raw(lambda connection, _: answer(connection, other)) as bad, pytest.raises(Refused, match="another artifact"):
        seed.fetch(bad)
    assert left(seed) == []


def test_fetch__artifact_above_the_limit__is_refused_by_size_before_any_chunk(seed: Seed) -> None:
    with node(seed.store) as uri, pytest.raises(Refused, match="more than the 1000") as caught:
        seed.fetch(uri, limit=1000)
    assert caught.value.reason is Reason.SIZE
    assert left(seed) == []


def test_fetch__many_at_once_into_one_store__all_get_it_and_it_comes_once(seed: Seed) -> None:
    asked: list[str] = []

    def handle(connection: socket.socket, path: str) -> None:
        asked.append(path)
        answer(connection, seed.honest(path))

    with raw(handle) as uri, ThreadPoolExecutor(6) as pool:
        paths = list(
            pool.map(lambda _: fetch(seed.root, [uri], seed.mine, LIMIT, 20, allow_private=True), range(6))
        )  # fmt: skip
    assert set(paths) == {seed.mine.folder(seed.root)}
    assert len(asked) == len(set(asked))


def test_fetch__source_dies_midway__other_one_completes(tmp_path: Path) -> None:
    seed = Seed(tmp_path, 24)
    served = [0]

    def dying(connection: socket.socket, path: str) -> None:
        served[0] += 1
        if served[0] < 6:
            answer(connection, seed.honest(path))

    with raw(dying) as bad, node(seed.store) as good:
        assert seed.fetch(bad, good) == []


def test_fetch__loopback_without_permission__is_refused_without_a_packet(seed: Seed) -> None:
    asked: list[str] = []
    with raw(lambda connection, path: asked.append(path)) as uri:
        with pytest.raises(Refused, match="public") as caught:
            fetch(seed.root, [uri], seed.mine, LIMIT, 5)
        assert caught.value.reason is Reason.MISSING
    assert asked == []


def test_fetch__no_uri__is_unavailable(seed: Seed) -> None:
    with pytest.raises(Unavailable, match="no source"):
        fetch(seed.root, [], seed.mine, LIMIT, 5)


def test_fetch__name_is_resolved_once__connection_goes_to_the_checked_address(seed: Seed) -> None:
    with node(seed.store) as uri:
        port = int(uri.rsplit(":", 1)[1])
        asked: list[str] = []

        def resolver(host: str, _: int) -> list[str]:
            asked.append(host)
            return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

        fetch(
            seed.root, [f"http://node.invalid:{port}"], seed.mine, LIMIT, 10, allow_private=True, resolver=resolver
        )  # fmt: skip
    assert asked == ["node.invalid"]


def test_fetch__manifest_limit__covers_what_a_manifest_may_have(seed: Seed) -> None:
    huge = b" " * (MANIFEST_BYTES + 1)
    with raw(lambda connection, _: answer(connection, huge)) as bad, pytest.raises(Refused, match="at most"):
        seed.fetch(bad)


def test_fetch__sparse_giant__size_is_checked_before_disk_is_used(seed: Seed) -> None:
    files = (replace(seed.manifest.files[0]), replace(seed.manifest.files[1], size=40 * MIB, chunks=(b"\1" * 32,) * 40))
    giant = Manifest("checkpoint", None, files)
    with raw(lambda connection, _: answer(connection, giant.to_json())) as uri, pytest.raises(Refused) as caught:
        fetch(giant.root(), [uri], seed.mine, 10 * MIB, 10, allow_private=True)
    assert caught.value.reason is Reason.SIZE
    assert hex32(giant.root()) in str(caught.value)
