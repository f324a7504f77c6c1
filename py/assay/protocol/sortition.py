"""Who looks at what: the seeds of a round, seats on the stake line, and the leaves that are drawn.

Mirrors the round ledger and the dispute court.
Doesn't protect against a proposer who withholds blocks: each consecutive slot it owns before
the scheduled block gives it one bit of choice.
"""

from __future__ import annotations

from dataclasses import dataclass

from eth_abi.abi import encode
from eth_utils.address import to_canonical_address

from assay.errors import Refused
from assay.protocol.hashing import keccak

JURY_SEATS = 9
JURY_QUORUM = 6

_AUDIT = keccak(b"assay.audit")
_DATA = keccak(b"assay.data")
_JURY = keccak(b"assay.jury")


@dataclass(frozen=True, slots=True)
class Lot:
    """The stretch [lo, hi) in gwei of a task's stake line that a validator's stake covers.

    It counts in rounds from `from_round` up to, without, `until_round`; None means that nobody asked to leave.
    """

    account: str
    lo: int
    hi: int
    from_round: int
    until_round: int | None = None

    def counts_in(self, round_: int) -> bool:
        """Tell whether the lot may hold seats of a round."""
        return self.from_round <= round_ and (self.until_round is None or round_ < self.until_round)


def audit_seed(chain_id: int, ledger: str, task: int, round_: int, word: bytes) -> bytes:
    """Return the 16-byte seed that draws a round's seats and leaves, from the beacon's word of its scheduled seal."""
    return _seed(_AUDIT, chain_id, ledger, task, round_, word)[:16]


def beacon(chain_id: int, ledger: str, task: int, round_: int, prevrandao: bytes) -> bytes:
    """Return the 32-byte beacon that fixes a round's prompts and noise, from the block at its opening."""
    return _seed(_DATA, chain_id, ledger, task, round_, prevrandao)


def jury_seed(chain_id: int, court: str, case: int, word: bytes) -> bytes:
    """Return the 16-byte seed that draws the jury of a case, from the beacon's word of its scheduled second."""
    types = ["bytes32", "uint256", "address", "uint256", "bytes32"]
    return keccak(encode(types, [_JURY, chain_id, to_canonical_address(court), case, _word(word)]))[:16]


def seat_point(seed: bytes, index: int, seat: int, line: int) -> int:
    """Return the point in [0, line) gwei that one seat of the round's submission `index` fell on."""
    if len(seed) != 16 or line < 1:
        raise Refused("a seat is drawn by a 16-byte seed on a line of at least 1 gwei")
    return int.from_bytes(keccak(seed + index.to_bytes(2, "big") + seat.to_bytes(1, "big")), "big") % line


def seats_of(seed: bytes, index: int, seats: int, line: int, lot: Lot) -> list[int]:
    """Return which of a submission's seats 0 … seats − 1 fell into a lot; whether it counts is the caller's to ask."""
    return [seat for seat in range(seats) if lot.lo <= seat_point(seed, index, seat, line) < lot.hi]


def extra_seats_of(seed: bytes, index: int, seats: int, line: int, lot: Lot) -> list[int]:
    """Return which seats of a submission's extra draw fell into a lot, counted from 0 as in a vote: seat j is drawn as
    seat `seats` + j."""
    return [seat for seat in range(seats) if lot.lo <= seat_point(seed, index, seats + seat, line) < lot.hi]


def jury_seats_of(seed: bytes, line: int, lot: Lot) -> list[int]:
    """Return which of a case's jury seats 0 … 8 fell into a lot."""
    return seats_of(seed, 0, JURY_SEATS, line, lot)


def draw(seed: bytes, tag: str, count: int, n: int) -> list[int]:
    """Draw min(count, n) distinct numbers of 0 … n − 1, ascending; every subset is equally likely.

    The k-th step of a Fisher-Yates shuffle takes keccak(seed ‖ keccak(tag) ‖ uint64 k) mod (n − k), so the same seed
    and another tag draw independently.
    """
    prefix, moved, drawn = seed + keccak(tag.encode()), dict[int, int](), []
    for k in range(min(count, n)):
        pick = k + int.from_bytes(keccak(prefix + k.to_bytes(8, "big")), "big") % (n - k)
        drawn.append(moved.get(pick, pick))
        moved[pick] = moved.get(k, k)
    return sorted(drawn)


def quorum(seats: int) -> int:
    """Return how many of a submission's seats a verdict needs: ⌈2·seats/3⌉."""
    return (2 * seats + 2) // 3


def _seed(domain: bytes, chain_id: int, ledger: str, task: int, round_: int, word: bytes) -> bytes:
    types = ["bytes32", "uint256", "address", "uint256", "uint256", "bytes32"]
    return keccak(encode(types, [domain, chain_id, to_canonical_address(ledger), task, round_, _word(word)]))


def _word(word: bytes) -> bytes:
    if len(word) != 32:
        raise Refused(f"a beacon's word has 32 bytes, this one has {len(word)}")
    return word
