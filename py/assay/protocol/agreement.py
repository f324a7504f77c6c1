"""When a submission of labels passes: enough of the drawn ones agree with what a validator says without seeing them.

No computation can show that an answer is better; somebody else can only be asked. A validator labels the drawn items
itself and votes by `judged`; the quorum of seats decides as for any work. Pure: knows nothing of files or people. It
can't tell an honest minority from a careless trainer, so a refusal is statistical: unpaid, slashed only by a jury.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from assay.errors import Refused

PARTS: Final = 10_000
LABELS: Final = "ab"


@dataclass(frozen=True, slots=True)
class Judged:
    """What a validator found: of `decided` drawn items that it could label, `agreed` had its label; `needed` must.

    `passes` is None where it decided too few to say anything: it then doesn't vote.
    """

    agreed: int
    decided: int
    needed: int
    passes: bool | None
    first_other: int | None
    """The first drawn item on which the two differ."""


def judged(theirs: str, own: Mapping[int, str], drawn: Sequence[int], share: int) -> Judged:
    """Compare a submission's labels, a letter an item, with a validator's own of the drawn items.

    `share` of PARTS must agree. Items that `own` lacks are those it couldn't decide; more than half of them missing
    says nothing. Refused if an item was drawn that the submission doesn't have, or a label isn't one.
    """
    if any(not 0 <= item < len(theirs) for item in drawn):
        raise Refused("an item was drawn that the submission doesn't have")
    if set(theirs) - set(LABELS) or any(label not in LABELS or len(label) != 1 for label in own.values()):
        raise Refused(f"a label is one of the letters {LABELS}")
    decided = [item for item in drawn if item in own]
    same = [item for item in decided if own[item] == theirs[item]]
    others = [item for item in decided if own[item] != theirs[item]]
    least = needed(len(decided), share)
    enough = 2 * len(decided) >= len(drawn) > 0
    return Judged(len(same), len(decided), least, len(same) >= least if enough else None, min(others, default=None))


def needed(decided: int, share: int) -> int:
    """Return how many of the decided items must agree: the share, rounded up."""
    if not 0 < share <= PARTS:
        raise Refused(f"the share of labels that must agree is a whole number from 1 to {PARTS}")
    return -(-decided * share // PARTS)


def odds(decided: int, share: int, agreement: float) -> float:
    """Return the chance that a submission passes one seat, if each label agrees with chance `agreement` by itself.

    Guessing agrees with 0.5. What a task's share should be lies between that and how often honest people agree.
    """
    chance = Fraction(agreement)
    return float(
        sum(
            math.comb(decided, k) * chance**k * (1 - chance) ** (decided - k)
            for k in range(needed(decided, share), decided + 1)
        )
    )


def majority(votes: Sequence[str]) -> str | None:
    """Return the label that most of the passed submissions gave an item; None where they are even."""
    ahead = votes.count("a") - votes.count("b")
    return None if ahead == 0 else "a" if ahead > 0 else "b"
