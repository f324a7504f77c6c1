"""Merkle trees: one root for a list of byte strings, and proofs that one of them stands at one place.

    leaf   keccak(0x00 ‖ leaf)
    inner  keccak(0x01 ‖ left ‖ right); a node without a sibling moves up unchanged
    root   keccak(0x02 ‖ uint64 count ‖ top)

The three prefixes keep a leaf from being read as a node, and the count in the root keeps a promoted node from being
read as a shorter list. Knows nothing of what the leaves mean.
"""

from __future__ import annotations

from collections.abc import Sequence

from assay.errors import Refused
from assay.protocol.hashing import keccak


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the 32-byte root of at least one leaf, each of any length. An empty list is Refused."""
    return _seal(len(leaves), _levels(leaves)[-1][0])


def prove(leaves: Sequence[bytes], i: int) -> list[bytes]:
    """Return the siblings of leaf i from the bottom up; levels at which its node has none are left out."""
    if not 0 <= i < len(leaves):
        raise Refused(f"there is no leaf {i} in a tree of {len(leaves)}")
    proof = []
    for level in _levels(leaves)[:-1]:
        if (i ^ 1) < len(level):
            proof.append(level[i ^ 1])
        i //= 2
    return proof


def verify(root: bytes, leaf: bytes, i: int, count: int, proof: Sequence[bytes]) -> bool:
    """Tell whether `leaf` is the i-th of the `count` leaves under `root`. Never raises on a wrong proof."""
    if not 0 <= i < count < 1 << 64 or any(len(node) != 32 for node in proof):
        return False
    node, siblings, width = keccak(b"\x00" + leaf), iter(proof), count
    while width > 1:
        if (i ^ 1) < width:
            sibling = next(siblings, None)
            if sibling is None:
                return False
            node = _inner(sibling, node) if i & 1 else _inner(node, sibling)
        i, width = i // 2, (width + 1) // 2
    return next(siblings, None) is None and _seal(count, node) == root


def _levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    if not leaves:
        raise Refused("a Merkle tree needs at least one leaf")
    levels = [[keccak(b"\x00" + leaf) for leaf in leaves]]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = [_inner(below[k], below[k + 1]) for k in range(0, len(below) - 1, 2)]
        levels.append(pairs + below[len(pairs) * 2 :])
    return levels


def _inner(left: bytes, right: bytes) -> bytes:
    return keccak(b"\x01" + left + right)


def _seal(count: int, top: bytes) -> bytes:
    return keccak(b"\x02" + count.to_bytes(8, "big") + top)
