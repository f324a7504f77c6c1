"""A round's records as the tally takes them: what it comes to now, and what its settlement must show.

Decides nothing that `protocol` doesn't. The records must have followed the chain to the end of the round's windows to
be complete.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from assay.protocol.entries import Entry
from assay.protocol.pay import PayTerms, Settlement
from assay.protocol.shares import canary_rank, canary_word
from assay.protocol.tally import Extra, Spoken, settle
from assay.protocol.votes import unpack
from assay.store.engine import Store
from assay.store.rows import EnlistmentRow, TaskRow, VoteRow
from assay.types import NO_INDEX, Outcome, Role

GWEI = 10**9


def accepted(store: Store, task: TaskRow, round_: int) -> list[int]:
    """Return the submissions that the votes accept and two thirds hold: what the next checkpoint is made of.

    Canaries and challenges come later and change nothing of it. Raises Refused as `tally_of`.
    """
    outcomes = tally_of(store, task, round_, votes_only=True).outcomes
    return [index for index, outcome in enumerate(outcomes) if outcome is Outcome.PAID]


def tally_of(
    store: Store,
    task: TaskRow,
    round_: int,
    salts: Mapping[int, bytes] | None = None,
    *,
    votes_only: bool = False,
) -> Settlement:
    """Return what a round's settlement comes to by the records. See `protocol.tally.settle` for `salts`.

    With `votes_only`, as if there were no canaries and no challenges.

    Raises:
        Refused: a recorded vote can't be read.
    """
    lots = {row.account: row for row in store.enlistments(task.id, int(Role.VALIDATOR))}
    attesting = winning_attesters(store, task.id, round_)
    reveals = reveals_of(store, task.id, round_)
    checkpoint = store.checkpoint(task.id, round_)
    return settle(
        PayTerms.of(task.terms),
        entries_of(store, task.id, round_),
        [_spoken(row, lots.get(row.validator), row.validator in attesting) for row in reveals],
        [
            Extra(row.validator, unpack(row.votes), _backing(lots.get(row.validator)))
            for row in store.extras(task.id, round_)
        ],
        late_attesters(store, task.id, round_),
        salts,
        disputed=() if votes_only else [c.index for c in store.cases(task.id, round_) if c.index != NO_INDEX],
        opened=None if votes_only else canaries_of(store, task.id, round_),
        root_disputed=checkpoint is not None and (checkpoint.disputed or checkpoint.ruling is not None),
        sealed=store.seal(task.id, round_) is not None,
    )


def entries_of(store: Store, task: int, round_: int) -> list[Entry]:
    """Return the round's submissions as the ledger's running hash binds them."""
    return [Entry(s.trainer, s.units, s.base, s.root, s.mark) for s in store.submissions(task, round_)]


def reveals_of(store: Store, task: int, round_: int) -> list[VoteRow]:
    """Return the round's reveals, ascending by validator."""
    return sorted(store.votes(task, round_), key=lambda row: int(row.validator, 16))


def winning_attesters(store: Store, task: int, round_: int) -> list[str]:
    """Return who attested the winning checkpoint of the round, ascending."""
    checkpoint = store.checkpoint(task, round_)
    if checkpoint is None or not checkpoint.final:
        return []
    return ascending(a.validator for a in store.attests(task, round_) if a.root == checkpoint.root)


def late_attesters(store: Store, task: int, round_: int) -> list[str]:
    """Return who attested the winning checkpoint without having revealed, ascending; nobody in a void round."""
    if store.seal(task, round_) is None:
        return []
    revealed = {vote.validator for vote in store.votes(task, round_)}
    return [who for who in winning_attesters(store, task, round_) if who not in revealed]


def canaries_of(store: Store, task: int, round_: int) -> dict[int, int]:
    """Return the words of the round's opened canaries, by submission."""
    seal = store.seal(task, round_)
    if seal is None:
        return {}
    opened = store.canaries(task, round_)
    return {row.index: canary_word(canary_rank(seal.seed, row.salt), row.leaf, row.check) for row in opened}


def ascending(accounts: Iterable[str]) -> list[str]:
    """Return accounts as the contracts want them, by their numbers."""
    return sorted(accounts, key=lambda account: int(account, 16))


def _spoken(row: VoteRow, lot: EnlistmentRow | None, attests: bool) -> Spoken:
    stake = 0 if lot is None else lot.hi - lot.lo
    return Spoken(row.validator, unpack(row.votes), row.held, stake, _backing(lot), attests)


def _backing(lot: EnlistmentRow | None) -> int:
    return 0 if lot is None else (lot.hi - lot.lo) * GWEI - lot.cut
