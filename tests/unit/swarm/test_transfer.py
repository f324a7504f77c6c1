"""Who fetches which chunk."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from assay.artifact.manifest import Chunk
from assay.protocol.hashing import sha256
from assay.swarm import choice, transfer
from assay.swarm.choice import Mask
from assay.swarm.transfer import Transfer

SIZE = 1000
BODIES = [bytes([k]) * SIZE for k in range(12)]
CHUNKS = [Chunk("weights.safetensors", k * SIZE, SIZE, sha256(body)) for k, body in enumerate(BODIES)]


class Kept:
    """A shelf in memory, or a disk that is full."""

    def __init__(self, full: bool = False) -> None:
        self.full = full
        self.chunks: dict[int, bytes] = {}

    def put(self, i: int, data: memoryview) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        assert i not in self.chunks
        self.chunks[i] = bytes(data)


def bits(*held: int) -> Mask:
    mask = np.zeros(len(CHUNKS), dtype=np.bool_)
    mask[list(held)] = True
    return mask


def start(here: Mask | None = None, *, shared: bool = False, me: str = "", full: bool = False) -> Transfer:
    draw = np.random.default_rng(1) if shared else None
    return Transfer(Kept(full), CHUNKS, bits() if here is None else here, draw, me)


def put(task: Transfer, i: int, uri: str, seconds: float = 0.001) -> bool:
    return task.put(i, uri, memoryview(BODIES[i]), seconds)


def taken(task: Transfer, uri: str, seconds: float = 0.05) -> list[int]:
    """What a source is given when it brings all of it, until it has to wait."""
    found: list[int] = []
    ends = threading.Timer(seconds, task.stop)
    ends.start()
    while (i := task.take(uri)) is not None:
        found.append(i)
        put(task, i, uri)
    ends.cancel()
    return found


def test_take__nobody_beside_us__goes_in_order_and_skips_what_is_here() -> None:
    task = start(bits(0, 1, 5))
    task.join("a", [0], origin=True)
    assert taken(task, "a", 5.0) == [2, 3, 4, 6, 7, 8, 9, 10, 11]
    assert task.complete
    assert task.missing_bytes == 0


def test_take__part_holder__is_asked_only_for_what_it_holds() -> None:
    task = start()
    task.join("part", [0], origin=False, have=bits(3, 7))
    assert sorted(taken(task, "part")) == [3, 7]


def test_take__what_a_peer_holds__is_left_to_it_by_the_origin() -> None:
    task = start(shared=True)
    task.join("origin", [0], origin=True)
    task.join("peer", [0], origin=False, have=bits(*range(8)))
    first = [task.take("peer"), task.take("origin")]
    for i, uri in zip(first, ("peer", "origin"), strict=True):
        assert i is not None
        assert put(task, i, uri)
    assert sorted([*taken(task, "origin"), *(i for i in first[1:] if i is not None)]) == [8, 9, 10, 11]


def test_take__peer_falls_silent__origin_is_asked_for_its_chunks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "_LATELY", 0.0)
    task = start(shared=True)
    task.join("origin", [0], origin=True)
    task.join("peer", [0], origin=False, have=bits(*range(12)[:11]))
    assert sorted(taken(task, "origin", 5.0)) == list(range(12))


def test_take__peer_learned_of_more__who_waits_wakes_up() -> None:
    task = start()
    task.join("peer", [0], origin=False, have=bits())
    threading.Timer(0.05, task.know, args=("peer", bits(4))).start()
    before = time.monotonic()
    assert task.take("peer") == 4
    assert time.monotonic() - before < 0.4


def test_take__more_sources__fewer_workers_ask_each() -> None:
    task = start()
    task.join("a", [0, 1, 2, 3], origin=True)
    assert task.take("a", 3) == 0
    for name in ("b", "c", "d"):
        task.join(name, [0], origin=True)
    threading.Timer(0.05, task.stop).start()
    assert task.take("a", 3) is None


def test_retire__one_worker_of_two__the_other_goes_on_and_the_last_leaves() -> None:
    task = start()
    task.join("a", [0, 1], origin=True)
    task.retire("a", 0)
    assert task.take("a", 1) == 0
    task.retire("a", 1)
    assert task.take("a", 1) is None
    assert not task.going("a")


def test_extend__quick_source__takes_the_chunks_that_follow_but_leaves_some_to_others() -> None:
    task = start()
    task.join("a", [0, 1], origin=True)
    assert task.take("a") == 0
    assert task.extend(0, "a") == [0]
    assert put(task, 0, "a", 1e-9)
    assert task.take("a") == 1
    run = task.extend(1, "a")
    assert run == list(range(1, 1 + len(run)))
    assert 2 <= len(run) <= 4
    task.give_back(run, "a")
    assert task.take("a") == 1


def test_extend__part_holder__is_asked_for_one_chunk_at_a_time() -> None:
    task = start()
    task.join("peer", [0], origin=False, have=bits(0, 1, 2, 3))
    assert put(task, 5, "peer", 1e-9)
    assert task.take("peer") == 0
    assert task.extend(0, "peer") == [0]


def test_put__other_bytes__is_a_lie_and_the_chunk_is_given_to_another() -> None:
    task = start()
    task.join("liar", [0], origin=True)
    task.join("good", [0], origin=True)
    i = task.take("liar")
    assert i == 0
    assert not task.put(i, "liar", memoryview(BODIES[1]), 0.1)
    assert not task.put(i, "liar", memoryview(BODIES[0][:-1]), 0.1)
    assert task.bar("liar")
    assert not task.bar("liar")
    task.give_back([i], "liar")
    assert task.take("liar") is None
    assert taken(task, "good", 5.0) == list(range(12))


def test_put__disk_is_full__ends_the_transfer_with_the_error() -> None:
    task = start(full=True)
    task.join("a", [0], origin=True)
    assert put(task, 0, "a")
    assert task.failure is not None
    assert task.take("a") is None


def test_take__last_chunk_is_sat_on__a_second_source_gets_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "DOUBLE_SECONDS", 0.0)
    task = start(~bits(5))
    task.join("slow", [0], origin=True)
    task.join("idle", [0], origin=True)
    assert task.take("slow") == 5
    assert task.take("idle") == 5
    assert put(task, 5, "idle")
    assert put(task, 5, "slow")
    assert task.complete


def test_take__young_last_chunk__is_fetched_once() -> None:
    task = start(~bits(5))
    task.join("slow", [0], origin=True)
    task.join("idle", [0], origin=True)
    assert task.take("slow") == 5
    threading.Timer(0.05, task.stop).start()
    assert task.take("idle") is None


def test_take__nodes_that_fetch_the_same__start_with_different_chunks() -> None:
    names = [f"http://node{k}" for k in range(3)]
    taken_first: list[int] = []
    for me in names:
        task = start(shared=True, me=me)
        task.join("origin", [0], origin=True)
        task.meet(names)
        for _ in range(2):
            i = task.take("origin")
            assert i is not None
            put(task, i, "origin")
            taken_first.append(i)
    assert len(set(taken_first)) == 6


def test_take__others_never_fetch_their_part__origin_is_asked_for_it_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choice, "_GRACE", 0.01)
    monkeypatch.setattr(transfer, "_TICK", 0.01)
    task = start(shared=True, me="me")
    task.join("origin", [0], origin=True)
    task.meet(["me", "dead", "gone"])
    assert sorted(taken(task, "origin", 5.0)) == list(range(12))


def test_wait__no_source_is_left__ends_at_once() -> None:
    task = start()
    task.join("a", [0], origin=True)
    threading.Timer(0.05, task.leave, args=("a",)).start()
    before = time.monotonic()
    task.wait(before + 10, None, len(CHUNKS) * SIZE)
    assert time.monotonic() - before < 1.0


def test_wait__progress__is_told_bytes_here_and_in_all() -> None:
    seen: list[tuple[int, int]] = []
    task = start(~bits(2))
    task.join("a", [0], origin=True)
    threading.Timer(0.05, put, args=(task, 2, "a")).start()
    total = len(CHUNKS) * SIZE
    task.wait(time.monotonic() + 10, lambda here, of: seen.append((here, of)), total)
    assert seen == [(total - SIZE, total), (total, total)]
