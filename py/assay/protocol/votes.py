"""A validator's verdicts of one round, packed as the round ledger reads them.

    8 bytes a vote, big-endian, strictly ascending by index:
    index 16 | seats 16 (bit j = seat j) | verdict 8 | reason 8 | leaf 16

Knows nothing of whether the seats were drawn or the verdicts are right.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from assay.errors import Refused
from assay.types import Reason, Verdict

_VOTE = struct.Struct(">HHBBH")


@dataclass(frozen=True, slots=True)
class Vote:
    """One verdict on the round's submission `index`, for the seats in the bit mask.

    `reason` is a number because a stranger's vote may carry one that isn't in `Reason`; `leaf` is where the fault is.
    """

    index: int
    seats: int
    verdict: Verdict
    reason: int = Reason.NONE
    leaf: int = 0

    @property
    def reason_name(self) -> str:
        """What screens show: the reason's name in lower case, or its number."""
        known = self.reason in Reason.__members__.values()
        return Reason(self.reason).name.lower() if known else str(self.reason)


def pack(votes: Sequence[Vote]) -> bytes:
    """Return 8 bytes per vote. Votes out of order, without seats or out of range are Refused."""
    _check(votes)
    try:
        return b"".join(_VOTE.pack(v.index, v.seats, v.verdict, v.reason, v.leaf) for v in votes)
    except struct.error as error:
        raise Refused(f"a vote's field is out of range: {error}") from None


def unpack(data: bytes) -> list[Vote]:
    """Read what `pack` writes and nothing else. Raises Refused."""
    if len(data) % _VOTE.size:
        raise Refused(f"votes come as {_VOTE.size} bytes each, not as {len(data)} bytes")
    try:
        votes = [
            Vote(index, seats, Verdict(word), why, leaf) for index, seats, word, why, leaf in _VOTE.iter_unpack(data)
        ]
    except ValueError as error:
        raise Refused(f"a vote carries no verdict: {error}") from None
    _check(votes)
    return votes


def _check(votes: Sequence[Vote]) -> None:
    for before, vote in zip([None, *votes], votes, strict=False):
        if before is not None and before.index >= vote.index:
            raise Refused(f"votes must ascend by index: {vote.index} comes after {before.index}")
        if not vote.seats:
            raise Refused(f"the vote on submission {vote.index} is for no seat")
