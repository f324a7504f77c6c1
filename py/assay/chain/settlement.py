"""The calls that settle what a round, a share or a dispute comes to, put together from the records of a follower.

The store must have followed the chain to the end of the windows in question.
"""

from __future__ import annotations

from collections.abc import Mapping

from assay.chain.contracts import Call, Contracts, LeafProof
from assay.errors import Refused
from assay.store import Store
from assay.store.settled import ascending, entries_of, late_attesters, reveals_of, winning_attesters
from assay.types import ClaimKind

NO_SALT = bytes(32)

__all__ = [
    "challenge_call", "close_call", "entries_of", "finalize_call", "late_attesters", "open_canary_call", "resolve_call",
]  # fmt: skip


def finalize_call(
    contracts: Contracts, store: Store, task: int, round_: int, salts: Mapping[int, bytes] | None = None
) -> Call:
    """Return the call that settles a round; `salts` by submission, as far as they are known to show that it is work."""
    entries, known = entries_of(store, task, round_), salts or {}
    return contracts.finalize(
        task,
        round_,
        entries,
        reveals_of(store, task, round_),
        store.extras(task, round_),
        late_attesters(store, task, round_),
        [known.get(index, NO_SALT) for index in range(len(entries))],
    )


def resolve_call(contracts: Contracts, store: Store, task: int, round_: int, index: int, salt: bytes = NO_SALT) -> Call:
    """Return the call that settles a share that was set aside. Refused when none waits there."""
    waiting = [row for row in store.asides(task, round_) if row.index == index and row.outcome is None]
    if not waiting:
        raise Refused(f"no share of submission {index} of round {round_} of task {task} waits")
    return contracts.resolve(task, round_, waiting[0].json, salt)


def open_canary_call(
    contracts: Contracts, store: Store, task: int, round_: int, index: int, salt: bytes, leaf: int, check: int
) -> Call:
    """Return the call that shows a submission to be a canary."""
    return contracts.open_canary(task, round_, entries_of(store, task, round_), index, salt, leaf, check)


def challenge_call(
    contracts: Contracts,
    store: Store,
    task: int,
    round_: int,
    index: int,
    claim: int,
    check: int,
    leaf: int,
    proof: LeafProof,
    uri: str,
) -> Call:
    """Return the call that challenges the outcome of a submission at one leaf."""
    entries = entries_of(store, task, round_)
    return contracts.challenge(task, round_, entries, index, claim, check, leaf, proof, uri)


def close_call(contracts: Contracts, store: Store, case: int) -> Call:
    """Return the call that ends a dispute. Refused when there is no such case."""
    row = store.case(case)
    if row is None:
        raise Refused(f"there is no case {case}")
    jurors = ascending(juror.juror for juror in store.jurors(case) if juror.vote is not None)
    of_root = row.claim == ClaimKind.ROOT
    return contracts.close_case(case, jurors, winning_attesters(store, row.task, row.round) if of_root else [])
