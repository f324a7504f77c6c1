"""Which prompts and which sampling noise a trainer's groups have.

A group's seed follows from the round's beacon and the trainer, so nobody chooses prompts or retries samples. Knows
nothing of environments or of how noise is drawn from a key. Doesn't protect against a trainer who picks its address
after the beacon: for that, enlistment must be older than the beacon.
"""

from __future__ import annotations

from eth_abi.abi import encode
from eth_utils.address import to_canonical_address

from assay.errors import Refused
from assay.protocol.hashing import keccak


def group_seed(beacon: bytes, task: int, round_: int, trainer: str, i: int) -> bytes:
    """Return the 32-byte seed of a trainer's i-th group (from 0) of a round, over all its submissions.

    keccak(abi.encode(bytes32 beacon, uint256 task, uint256 round, address trainer, uint256 i)).
    """
    if len(beacon) != 32:
        raise Refused(f"a beacon has 32 bytes, this one has {len(beacon)}")
    types = ["bytes32", "uint256", "uint256", "address", "uint256"]
    return keccak(encode(types, [beacon, task, round_, to_canonical_address(trainer), i]))


def prompt_seed(seed: bytes, seed_count: int) -> int:
    """Return the environment seed in [0, seed_count) of a group: the group's seed as uint256, modulo."""
    if seed_count < 1:
        raise Refused(f"an environment needs at least one seed, not {seed_count}")
    return int.from_bytes(seed, "big") % seed_count


def noise_key(seed: bytes, member: int) -> int:
    """Return the 64-bit noise key of one rollout: the first 8 bytes of keccak(seed ‖ uint64 member).

    `member` is the rollout's index inside its group, so that rollouts of one prompt differ.
    """
    return int.from_bytes(keccak(seed + member.to_bytes(8, "big"))[:8], "big")
