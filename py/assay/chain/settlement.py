"""The finalize call of a round, put together from the records of a follower."""

from __future__ import annotations

from assay.chain.contracts import Call, Contracts
from assay.protocol.entries import Entry
from assay.store import Store


def entries_of(store: Store, task: int, round_: int) -> list[Entry]:
    """Return the round's submissions as the ledger's running hash binds them."""
    return [Entry(s.trainer, s.units, s.base, s.root, s.mark) for s in store.submissions(task, round_)]


def late_attesters(store: Store, task: int, round_: int) -> list[str]:
    """Return who attested the winning checkpoint of the round without having revealed, in the order of the events.

    The ledger counts attesters of the root that was attested first only: when another one won, nobody is paid for it.
    """
    checkpoint, attests = store.checkpoint(task, round_), store.attests(task, round_)
    if checkpoint is None or not attests or attests[0].root != checkpoint.root:
        return []
    revealed = {vote.validator for vote in store.votes(task, round_)}
    return [a.validator for a in attests if a.root == checkpoint.root and a.validator not in revealed]


def finalize_call(contracts: Contracts, store: Store, task: int, round_: int) -> Call:
    """Return the call that settles a round.

    The store must have followed the chain to the end of the round's windows.
    """
    reveals = store.votes(task, round_)
    entries = entries_of(store, task, round_)
    return contracts.finalize(task, round_, entries, reveals, late_attesters(store, task, round_))
