"""What the records show of a trainer's past in a task, as it stood when a round was sealed.

Every node that followed the chain to the seal counts the same, whenever it asks. Judges nothing.
"""

from __future__ import annotations

from assay.protocol.plan import History
from assay.protocol.shares import REFUSED
from assay.store.engine import Store
from assay.store.rows import SealRow
from assay.types import Outcome

_ACCEPTED = frozenset({Outcome.PAID, Outcome.NOT_HELD})
_REFUSED = REFUSED | {Outcome.FALSE_CANARY}


def history_of(store: Store, seal: SealRow, trainer: str) -> History:
    """Return the submissions of `trainer` accepted since its last refusal, by what was final before the seal's block.

    Canaries, shares that wait and what found no quorum count for nothing.
    """
    accepted, rounds = 0, set[int]()
    ended = {row.round: row for row in store.rounds(seal.task) if row.block < seal.block}
    late = {(row.round, row.index): row for row in store.asides(seal.task) if row.block < seal.block}
    for row in store.submissions_of(trainer, seal.task):
        if row.round not in ended:
            continue
        outcome = ended[row.round].outcomes[row.index]
        if outcome == Outcome.ASIDE:
            aside = late.get((row.round, row.index))
            outcome = outcome if aside is None or aside.outcome is None else aside.outcome
        if outcome in _REFUSED:
            accepted, rounds = 0, set()
        elif outcome in _ACCEPTED:
            accepted += 1
            rounds.add(row.round)
    return History(accepted, len(rounds))
