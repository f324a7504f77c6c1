"""Fetching from nodes that hold a part, from plain file servers, from busy ones, and from those that others name."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.errors import Unavailable
from assay.swarm import transfer
from assay.swarm.client import fetch
from assay.swarm.peers import PeerBook
from assay.swarm.rate import Rate
from assay.swarm.sources import Sharing
from integration.swarm.nodes import MIB, Handler, answer, raw
from integration.swarm.seeds import LIMIT, Seed
from integration.swarm.speaking import Part, plain

pytestmark = pytest.mark.integration


def get(seed: Seed, *uris: str, seconds: float = 20, **more: Any) -> Path:
    return fetch(seed.root, uris, seed.mine, LIMIT, seconds, allow_private=True, **more)


def test_fetch__two_halves__come_together_with_one_question_each(seed: Seed) -> None:
    n = len(seed.manifest.chunks())
    one, two = Part(seed, range(n // 2)), Part(seed, range(n // 2, n))
    with raw(one) as a, raw(two) as b:
        assert seed.fetch(a, b) == []
    assert sorted(one.sent + two.sent) == list(range(n))


def test_fetch__part_holder_gets_the_rest_meanwhile__fetch_waits_for_it(seed: Seed) -> None:
    n = len(seed.manifest.chunks())
    part = Part(seed, [0, 1])
    timer = threading.Timer(0.5, lambda: part.held.update(range(n)))
    timer.start()
    with raw(part) as uri:
        get(seed, uri)
    assert sorted(part.sent) == list(range(n))


def test_fetch__source_that_holds_nothing__is_left_and_named_as_no_liar(seed: Seed) -> None:
    def nothing(connection: Any, path: str) -> None:
        answer(connection, b"", status="404 Not Found")

    with raw(nothing) as uri, pytest.raises(Unavailable, match="404"):
        get(seed, uri, seconds=10)


@pytest.mark.parametrize("prefix", ["", "/files"])
def test_fetch__plain_file_server__is_asked_by_range(seed: Seed, prefix: str) -> None:
    spans: list[tuple[int, int]] = []
    with raw(plain(seed, prefix, spans), whole=True) as uri:
        get(seed, uri)
    assert sum(last - first + 1 for first, last in spans) == seed.manifest.size


def test_fetch__node_and_plain_mirror__both_bring_chunks(tmp_path: Path) -> None:
    seed = Seed(tmp_path, 24)
    spans: list[tuple[int, int]] = []
    node = Part(seed, range(len(seed.manifest.chunks())))
    with raw(node) as one, raw(plain(seed, "/files", spans), whole=True) as two:
        get(seed, one, two)
    assert spans
    assert node.sent


def test_fetch__plain_server_without_ranges__is_no_liar(seed: Seed) -> None:
    folder = seed.store.folder(seed.root)

    def handle(connection: Any, path: str) -> None:
        name = path.rsplit("/", 1)[1]
        known = path.startswith(f"/{seed.root.hex()}/")
        answer(connection, (folder / name).read_bytes()) if known else answer(connection, b"", status="404 No")

    with raw(handle) as uri, pytest.raises(Unavailable, match="200"):
        get(seed, uri, seconds=10)


def test_fetch__busy_source__is_asked_again_and_not_blamed(seed: Seed) -> None:
    part, book = Part(seed, range(len(seed.manifest.chunks()))), PeerBook()
    part.busy = 5
    with raw(part) as uri:
        get(seed, uri, book=book)
    (row,) = book.snapshot()
    assert (row["busy"], row["failures"], row["banned"]) == (5, 0, "")
    assert row["received"] == seed.manifest.size


def test_fetch__liar_in_the_book__is_not_asked(seed: Seed) -> None:
    part, book = Part(seed, range(len(seed.manifest.chunks()))), PeerBook()
    with raw(part) as uri:
        book.ban(uri, "sent other bytes")
        with pytest.raises(Unavailable, match="was left before: sent other bytes"):
            get(seed, uri, book=book)
    assert part.asked == []


def test_fetch__corrupt_chunk_from_one_of_two__costs_one_chunk_and_bans(tmp_path: Path) -> None:
    seed, book = Seed(tmp_path, 24), PeerBook()
    sent: list[str] = []

    def count(corrupt: int) -> Handler:
        def handle(connection: Any, path: str) -> None:
            body = bytearray(seed.honest(path))
            if not path.endswith("/manifest"):
                sent.append(path)
                if path.endswith(seed.manifest.chunks()[corrupt].digest.hex() if corrupt >= 0 else "none"):
                    body[77] ^= 1
            answer(connection, bytes(body))

        return handle

    with raw(count(4)) as bad, raw(count(-1)) as good:
        liars: list[str] = []
        get(seed, bad, good, book=book, on_fault=lambda uri, _: liars.append(uri))
    assert len(sent) - len(set(sent)) <= 1
    assert liars in ([bad], [])  # nobody noticed when the good one was asked for that chunk
    assert bool(book.banned(bad)) == bool(liars)
    assert not book.banned(good)


def test_fetch__sharing__announces_and_fetches_from_those_that_are_named(seed: Seed) -> None:
    n = len(seed.manifest.chunks())
    peer = Part(seed, range(2, n))
    with raw(peer) as other:
        origin = Part(seed, range(2), peers=[other, "http://127.0.0.1:1", "http://me"])
        sharing = Sharing(lambda record: str(record["uri"]), "http://me", b'{"uri":"http://me"}')
        with raw(origin) as uri:
            get(seed, uri, sharing=sharing)
    assert sorted(origin.sent + peer.sent) == list(range(n))
    assert sum(path.endswith("/peers") for path in origin.asked) >= 2
    assert any("/have" in path for path in peer.asked)


def test_fetch__named_peer_brings_other_bytes__is_banned_and_the_origin_completes(seed: Seed) -> None:
    n, book = len(seed.manifest.chunks()), PeerBook()

    def corrupt(connection: Any, path: str) -> None:
        if "/have" in path:
            answer(connection, np.packbits(np.ones(n, dtype=bool)).tobytes())
        else:
            answer(connection, b"x" * MIB)

    slow = Part(seed, range(n))

    def origin(connection: Any, path: str) -> None:
        time.sleep(0.0 if path.endswith(("/manifest", "/peers")) else 0.4)
        slow(connection, path)

    with raw(corrupt) as bad, raw(origin) as uri:
        slow.peers = [bad]
        get(seed, uri, book=book, sharing=Sharing(lambda record: str(record["uri"])))
    assert "other bytes" in book.banned(bad) or "at most" in book.banned(bad)


def test_fetch__corrupt_chunk_within_a_run__costs_that_chunk_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "_RUN_SECONDS", 1e6)
    seed, spans = Seed(tmp_path, 48), list[tuple[int, int]]()
    good: list[tuple[int, int]] = []
    honest = plain(seed, "", good)
    weights = seed.manifest.entry("weights.safetensors")
    bad_at, at = 20 * MIB + 5, threading.Lock()

    def corrupt(connection: Any, request: str) -> None:
        path = request.split(" ")[1]
        match = re.search(r"bytes=(\d+)-(\d+)", request)
        if match is None or not path.endswith(weights.name):
            honest(connection, request)
            return
        first, last = int(match[1]), int(match[2])
        with at:
            spans.append((first, last))
        body = bytearray((seed.store.folder(seed.root) / weights.name).read_bytes()[first : last + 1])
        if first <= bad_at <= last:
            body[bad_at - first] ^= 1
        span = f"Content-Range: bytes {first}-{last}/{weights.size}"
        answer(connection, bytes(body), span, status="206 Partial Content")

    book = PeerBook()
    with raw(corrupt, whole=True) as bad, raw(honest, whole=True) as other:
        get(seed, bad, other, book=book)
    assert any(last - first > MIB for first, last in spans + good)
    brought = sum(last - first + 1 for first, last in spans + good)
    assert brought - seed.manifest.size <= MIB


def test_fetch__limit_on_bandwidth__is_kept(seed: Seed) -> None:
    part = Part(seed, range(len(seed.manifest.chunks())))
    with raw(part) as uri:
        start = time.monotonic()
        get(seed, uri, rate=Rate(8 * MIB, 2 * MIB))
    assert time.monotonic() - start > 0.3
