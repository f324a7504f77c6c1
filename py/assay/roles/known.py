"""What a node knows beside its records, and how it names what it does. Knows no rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from assay.protocol.sortition import Lot
from assay.protocol.spec import TaskSpec
from assay.protocol.windows import Schedule
from assay.store.engine import Store
from assay.store.rows import TaskRow
from assay.types import Role


@dataclass(frozen=True, slots=True)
class Known:
    """What a node knows beside the store: its account and role, what it holds on disk, its jobs and its
    transactions.

    `challenges`: it challenges outcomes that it knows to be wrong. `lazy_from`: the round from which a validator votes
    without looking, for demonstrations. `time_of` returns a block's unix second; without it, nothing is settled late or
    corrected.
    """

    account: str
    role: Role | None
    has: Callable[[bytes], bool]
    jobs: frozenset[str]
    sent: Callable[[str], bool]
    challenges: bool = True
    lazy_from: int | None = None
    time_of: Callable[[int], int] | None = None


def key(task: int, round_: int, what: str) -> str:
    """Name a job or a transaction of a round, for the outbox and for `Jobs`."""
    return f"{task}:{round_}:{what}"


def schedule_of(task: TaskRow, spec: TaskSpec) -> Schedule | None:
    """Return the task's windows, or None before it has started."""
    return Schedule.from_spec(spec, task.start) if task.start else None


def lots(store: Store, task: int) -> dict[str, Lot]:
    """Return the validators' lots on the task's line, in gwei."""
    return {
        row.account: Lot(row.account, row.lo, row.hi, row.from_round, row.until_round)
        for row in store.enlistments(task, Role.VALIDATOR)
    }


def turn(store: Store, known: Known, task: int, number: int) -> int:
    """Return how many others go first when one is enough: a rank that moves on with each round. Others come last."""
    order = sorted(account for account, lot in lots(store, task).items() if lot.counts_in(number))
    return (order.index(known.account) - number) % len(order) if known.account in order else len(order)
