"""Merkle roots and proofs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Refused
from assay.protocol.hashing import keccak
from assay.protocol.merkle import prove, root, verify

LEAVES = st.lists(st.binary(max_size=40), min_size=1, max_size=40)


def test_root__three_leaves__promotes_the_odd_one() -> None:
    a, b, c = (keccak(b"\0" + leaf) for leaf in (b"a", b"b", b"c"))
    top = keccak(b"\1" + keccak(b"\1" + a + b) + c)

    assert root([b"a", b"b", b"c"]) == keccak(b"\2" + (3).to_bytes(8, "big") + top)


def test_root__no_leaves__is_refused() -> None:
    with pytest.raises(Refused):
        root([])


def test_root__promoted_node_as_a_leaf__differs() -> None:
    inner = b"\1" + keccak(b"\0a") + keccak(b"\0b")

    assert root([inner]) != root([b"a", b"b"])


@given(LEAVES)
def test_verify__every_proof__holds_only_at_its_place(leaves: list[bytes]) -> None:
    top, count = root(leaves), len(leaves)
    for i, leaf in enumerate(leaves):
        proof = prove(leaves, i)

        assert verify(top, leaf, i, count, proof)
        assert not verify(top, leaf + b"x", i, count, proof)
        assert not verify(top, leaf, i, count + 1, proof)
        assert not verify(top, leaf, i, count, [*proof, keccak(b"")])
        assert not proof or not verify(top, leaf, i, count, proof[:-1])
        assert all(leaves[j] == leaf or not verify(top, leaf, j, count, proof) for j in range(count))


@pytest.mark.parametrize(
    ("i", "count", "proof"), [(-1, 1, []), (1, 1, []), (0, 0, []), (0, 2, [b"short"]), (0, 1 << 65, [])]
)
def test_verify__nonsense__is_false(i: int, count: int, proof: list[bytes]) -> None:
    assert not verify(root([b"a"]), b"a", i, count, proof)


@pytest.mark.parametrize("i", [-1, 2])
def test_prove__no_such_leaf__is_refused(i: int) -> None:
    with pytest.raises(Refused):
        prove([b"a", b"b"], i)
