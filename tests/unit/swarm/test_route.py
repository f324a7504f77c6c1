"""A version over a chain of deltas, and the whole where a delta is bad or its base is gone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from assay.artifact.folder import write_artifact
from assay.errors import Refused, Unavailable
from assay.swarm import delta
from assay.swarm.chunks import ChunkStore
from assay.swarm.route import bring


@dataclass(frozen=True)
class Offer:
    root: bytes
    artifact: bytes
    base: bytes
    size: int


class Swarm:
    """Three versions, the deltas between them, and a fetch that notes what was asked for."""

    def __init__(self, room: Path) -> None:
        self.far, self.near, self.asked = ChunkStore(room / "far"), ChunkStore(room / "near"), list[bytes]()
        values, self.roots, self.offers = np.zeros(60_000, np.uint8), list[bytes](), list[Offer]()
        for number in range(3):
            values[number::997] += 1
            write_artifact(room / str(number), "weights", None, {"weights.bin": values.tobytes()})
            self.roots.append(self.far.add(room / str(number)))
        for number in (1, 2):
            made = delta.make(room / str(number - 1), room / str(number), room / "d")
            root = self.far.add(room / "d")
            self.offers.append(Offer(self.roots[number], root, self.roots[number - 1], made.size))

    def fetch(self, root: bytes, max_bytes: int) -> Path:
        self.asked.append(root)
        if not self.far.has(root):
            raise Unavailable("nobody has it")
        self.near.add(self.far.folder(root))
        return self.near.folder(root)


@pytest.fixture
def swarm(tmp_path: Path) -> Swarm:
    return Swarm(tmp_path)


def test_bring__base_is_held__comes_over_the_chain(swarm: Swarm) -> None:
    swarm.near.add(swarm.far.folder(swarm.roots[0]))
    bring(swarm.roots[2], swarm.offers, swarm.near, swarm.fetch, 1 << 20)
    assert swarm.near.has(swarm.roots[2]) and swarm.asked == [offer.artifact for offer in swarm.offers]


def test_bring__nothing_is_held_or_no_delta_comes__fetches_the_whole(swarm: Swarm) -> None:
    bring(swarm.roots[2], swarm.offers, swarm.near, swarm.fetch, 1 << 20)
    assert swarm.asked == [swarm.roots[2]]
    swarm.far.remove(swarm.offers[0].artifact)
    swarm.near.add(swarm.far.folder(swarm.roots[0]))
    bring(swarm.roots[1], swarm.offers[:1], swarm.near, swarm.fetch, 1 << 20)
    assert swarm.asked[1:] == [swarm.offers[0].artifact, swarm.roots[1]]


def test_bring__delta_that_gives_something_else__is_refused_and_the_whole_fetched(swarm: Swarm) -> None:
    swarm.near.add(swarm.far.folder(swarm.roots[0]))
    lie = Offer(swarm.roots[2], swarm.offers[0].artifact, swarm.roots[0], 9)
    bring(swarm.roots[2], [lie], swarm.near, swarm.fetch, 1 << 20)
    assert swarm.asked == [lie.artifact, swarm.roots[2]] and swarm.near.has(swarm.roots[2])


def test_apply__base_damaged_on_disk__is_unavailable_not_the_deltas_fault(swarm: Swarm) -> None:
    base = swarm.far.folder(swarm.roots[0])
    (base / "weights.bin").write_bytes(b"\1" * 60_000)
    found = swarm.far.folder(swarm.offers[0].artifact)
    with pytest.raises(Unavailable):
        delta.apply(found, base, base.with_name("out"), swarm.roots[1], 1 << 20)
    with pytest.raises(Refused):
        delta.apply(swarm.far.folder(swarm.roots[1]), base, base.with_name("out"), swarm.roots[1], 1 << 20)
