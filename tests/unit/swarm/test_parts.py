"""Updates in parts: the set of parts decides, not their order; and the other pure rules of versions and routes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.artifact.update import Update
from assay.protocol import codec, merge
from assay.swarm import parts, route, versions
from assay.swarm.parts import Part

SIZES = (300, 5, 700, 64)
CUTS = parts.cut(SIZES)
N = sum(SIZES)
SEEDS = st.integers(0, 2**32 - 1)


def update(seed: int) -> Update:
    return Update(*codec.quantise(np.random.default_rng(seed).normal(0, 0.01, N).astype(np.float32)))


def read(part: Part) -> Update:
    return parts.taken(update(part.root[0]), CUTS[part.at])


def line(known: set[Part], last: int) -> list[bytes]:
    """Return every version's weights and momentum as bytes."""
    theta, momentum, found = np.zeros(N, np.float32), None, []
    for into in range(1, last + 1):
        theta, momentum = parts.merged(theta, momentum, CUTS, parts.chosen(known, into), read, 3000, 3000)
        assert momentum is not None
        found.append(theta.tobytes() + momentum.tobytes())
    return found


def drawn(rng: np.random.Generator) -> list[Part]:
    def one() -> Part:
        base, late, seed = int(rng.integers(0, 3)), int(rng.integers(0, 3)), int(rng.integers(0, 9))
        at, units = int(rng.integers(len(CUTS))), int(rng.integers(1, 99))
        return Part(f"t{rng.integers(3)}", 0, base, at, units, base + 1 + late, bytes([seed]))

    return [one() for _ in range(int(rng.integers(1, 16)))]


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_merged__many_nodes_any_order_and_repeats__all_have_the_same_versions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    told = drawn(rng)
    nodes: list[set[Part]] = [set() for _ in range(4)]
    for number in rng.permutation(2 * len(told)):
        nodes[int(rng.integers(4))].add(told[number % len(told)])
    for a, b in rng.integers(0, 4, (8, 2)):
        nodes[int(a)] |= nodes[int(b)]
    union = set().union(*nodes)
    for number in range(4):
        nodes[number] |= union
    assert len({tuple(line(node, 5)) for node in nodes}) == 1
    assert line(set(told), 5) == line(union, 5)


def test_merged__all_parts_in_time__is_the_merge_of_whole_updates() -> None:
    some = [Part(f"t{i}", 0, 0, at, 3 + i, 1, bytes([i])) for i in range(3) for at in range(len(CUTS))]
    theta = np.ones(N, np.float32)
    found = parts.merged(theta, None, CUTS, parts.chosen(some, 1), read, 4096, 0)[0]
    whole = [merge.Part(update(i).q, update(i).scale, 3 + i) for i in range(3)]
    assert found.tobytes() == merge.merge(theta, None, whole, 4096, 0)[0].tobytes()


def test_chosen__two_words_for_one_place_or_too_late__count_for_nothing() -> None:
    good = Part("t", 0, 0, 0, 5, 1, b"\1")
    assert parts.chosen([good], 1) == {0: [good]}
    assert parts.chosen([good, replace(good, root=b"\2")], 1) == {}
    assert parts.chosen([replace(good, into=parts.LATEST + 2)], parts.LATEST + 2) == {}
    assert parts.weight(good) == 2 * parts.weight(replace(good, into=2))


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=9), st.integers(1, 3000))
def test_cut__any_tensors__covers_all_at_whole_blocks(sizes: list[int], least: int) -> None:
    cuts = parts.cut(sizes, least)
    assert [one.start for one in cuts] == [0, *(one.stop for one in cuts[:-1])]
    assert cuts[-1].stop == sum(sizes) and not any(one.start % codec.BLOCK for one in cuts)


def test_choose__newer_appears__the_one_between_is_dropped() -> None:
    assert versions.choose({1}, {2, 3}, 4) == versions.Choice((2, 4), (3,))
    assert versions.choose({1}, {2, 3}, 4, bases={3}) == versions.Choice((2, 3, 4), ())
    assert versions.choose({4}, {2, 3}, 4) == versions.Choice((), (2, 3))
    assert versions.choose({1}, {2}, 4, oldest=3) == versions.Choice((4,), (2,))


@dataclass(frozen=True)
class Offer:
    root: bytes
    artifact: bytes
    base: bytes
    size: int


OFFERS = [
    Offer(b"1", b"1", b"", 100),
    Offer(b"2", b"d2", b"1", 3),
    Offer(b"3", b"d3", b"2", 3),
    Offer(b"2", b"back", b"3", 1),
    Offer(b"3", b"3", b"", 100),
]


@pytest.mark.parametrize(
    ("held", "way"),
    [({b"1"}, [b"d2", b"d3"]), ({b"2"}, [b"d3"]), (set(), [b"3"]), ({b"3"}, [])],
)
def test_route__chain_or_whole__is_the_cheapest(held: set[bytes], way: list[bytes]) -> None:
    assert [offer.artifact for offer in route.route(OFFERS, held, b"3")] == way


def test_route__too_long_a_chain__takes_the_whole() -> None:
    assert [offer.artifact for offer in route.route(OFFERS, {b"1"}, b"3", 1)] == [b"3"]
