"""Proof of looking: of which layer a validator's fingerprints are, and what binds them to it.

    leaf        keccak(domain ‖ chain id ‖ ledger ‖ task ‖ round ‖ submission's root ‖ validator ‖ fingerprint)
    submission  Merkle root over its leaves, drawn prompts first, then drawn rollouts, chunk by chunk
    round       Merkle root over (uint16 index ‖ submission's root) of every vote, in the order of the votes: what a
                commitment binds and a reveal shows

The layer is drawn by the audit seed among those whose states the trainer doesn't publish. A leaf names who looked, so
another's leaves open under no other address, and equal hardware doesn't look like copying. Knows nothing of models.
Doesn't protect against validators who hand each other their fingerprints before they commit, and a low layer costs less
than a whole prefill: on average half of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from eth_abi.abi import encode
from eth_utils.address import to_canonical_address

from assay.protocol import merkle
from assay.protocol.hashing import keccak
from assay.protocol.sortition import draw
from assay.types import Reason, Verdict

NONE: Final = bytes(32)
"""Stands for the root of a submission that was refused before a prefill was needed."""
_LEAF = keccak(b"assay.evidence")
_AFTER_PREFILL = frozenset({Reason.ACTIVATION, Reason.SAMPLING})


@dataclass(frozen=True, slots=True)
class Place:
    """What a leaf is bound to: the submission's place and its 32-byte root, and the address of who looked."""

    chain_id: int
    ledger: str
    task: int
    round: int
    submission: bytes
    validator: str


def layer_of(seed: bytes, trainer: str, n: int, layers: int) -> int:
    """Return which decoder layer's output, counted from 0, the evidence of a trainer's n-th submission is made of.

    `seed` is the round's audit seed. All but the last of a model's `layers` are equally likely: the last one's output
    is what is published, before its norm. A model of one layer has nothing else.
    """
    return draw(seed, f"evidence/{trainer.lower()}/{n}", 1, max(1, layers - 1))[0]


def leaves(place: Place, fingerprints: Iterable[bytes]) -> list[bytes]:
    """Return the 32-byte leaves of a submission's fingerprints under one address."""
    types = ["bytes32", "uint256", "address", "uint256", "uint256", "bytes32", "address"]
    ledger, validator = to_canonical_address(place.ledger), to_canonical_address(place.validator)
    bound = [_LEAF, place.chain_id, ledger, place.task, place.round, place.submission, validator]
    prefix = encode(types, bound)
    return [keccak(prefix + fingerprint) for fingerprint in fingerprints]


def submission_root(place: Place, fingerprints: Sequence[bytes]) -> bytes:
    """Return the 32-byte evidence root of a submission; NONE if there is no fingerprint."""
    return merkle.root(leaves(place, fingerprints)) if fingerprints else NONE


def round_leaf(index: int, root: bytes) -> bytes:
    """Return the leaf of a submission's evidence root in the round's tree."""
    return index.to_bytes(2, "big") + root


def round_root(roots: Sequence[tuple[int, bytes]]) -> bytes:
    """Return the 32 bytes that a commitment binds, from (index, evidence root) of each vote; NONE of no vote."""
    return merkle.root([round_leaf(index, root) for index, root in roots]) if roots else NONE


def is_due(verdict: Verdict, reason: int) -> bool:
    """Tell whether nobody can have come to this verdict without a prefill."""
    return verdict is Verdict.VALID or (verdict is Verdict.INVALID and reason in _AFTER_PREFILL)
