"""Tasks, their escrow, and who enlists: the events of the market, the invites, and the ledger's enlistments."""

from __future__ import annotations

from assay.chain.fold.common import GWEI, Arguments, Step, change_task, raw, task_of
from assay.store import Batch
from assay.store.rows import CheckpointRow, EnlistmentRow, EventRow, InviteRow, TaskRow
from assay.types import Role


def _published(batch: Batch, event: EventRow, a: Arguments) -> None:
    terms = dict(a["terms"])
    genesis = raw(terms["genesis"])
    batch.put(
        TaskRow(
            id=task_of(event),
            initiator=a["initiator"],
            spec_hash=raw(a["specHash"]),
            terms=terms,
            budget=a["budget"],
            escrow=a["budget"],
            paid=0,
            refunded=0,
            uri=a["uri"],
            start=0,
            last_round=terms["rounds"],
            head=0,
            head_root=genesis,
            state="published",
            line=0,
            holes=[],
            block=event.block,
        )
    )
    batch.put(CheckpointRow(task_of(event), 0, genesis, False, event.block))


def _move_escrow(batch: Batch, event: EventRow, **added: int) -> None:
    row = batch.get(TaskRow, id=task_of(event))
    values = {name: getattr(row, name) + amount for name, amount in added.items()} if row else {}
    change_task(batch, event, **values)


def _funded(batch: Batch, event: EventRow, a: Arguments) -> None:
    _move_escrow(batch, event, budget=a["amount"], escrow=a["amount"])


def _round_paid(batch: Batch, event: EventRow, a: Arguments) -> None:
    _move_escrow(batch, event, paid=a["amount"], escrow=-a["amount"])


def _refunded(batch: Batch, event: EventRow, a: Arguments) -> None:
    _move_escrow(batch, event, refunded=a["amount"], escrow=-a["amount"])
    change_task(batch, event, state="refunded")


def _started(batch: Batch, event: EventRow, a: Arguments) -> None:
    change_task(batch, event, state="running", start=a["start"])
    batch.change(CheckpointRow, {"task": task_of(event), "round": 0}, final=True, block=event.block)


def _stopped(batch: Batch, event: EventRow, a: Arguments) -> None:
    change_task(batch, event, state="cancelled", last_round=a["lastRound"])


def _enlisted(batch: Batch, event: EventRow, a: Arguments) -> None:
    lo = hi = earlier = 0
    if a["role"] == Role.VALIDATOR:
        lo, hi = _place(batch, event, a["amount"] // GWEI)
    else:  # a trainer may add to what it enlisted
        old = batch.get(EnlistmentRow, task=task_of(event), account=a["account"], role=a["role"])
        earlier = 0 if old is None or old.released else old.amount
    batch.put(
        EnlistmentRow(
            task=task_of(event),
            account=a["account"],
            role=a["role"],
            amount=earlier + a["amount"],
            from_round=a["fromRound"],
            until_round=None,
            released=False,
            uri=a["uri"],
            lo=lo,
            hi=hi,
            block=event.block,
        )
    )


def _place(batch: Batch, event: EventRow, size: int) -> tuple[int, int]:
    """Lay a lot as the ledger's stake line does: into the newest hole if it fits, else at the end."""
    line, holes = _line(batch, event)
    if holes and holes[-1][1] - holes[-1][0] >= size:
        lo, end = holes.pop()
        if lo + size < end:
            holes.append([lo + size, end])
    else:
        lo = line
        line += size
    change_task(batch, event, line=line, holes=holes)
    return lo, lo + size


def _line(batch: Batch, event: EventRow) -> tuple[int, list[list[int]]]:
    row = batch.get(TaskRow, id=task_of(event))
    return (0, []) if row is None else (row.line, [list(hole) for hole in row.holes])


def _left(batch: Batch, event: EventRow, a: Arguments) -> None:
    key = {"task": task_of(event), "account": a["account"], "role": a["role"]}
    batch.change(EnlistmentRow, key, until_round=a["untilRound"], block=event.block)


def _released(batch: Batch, event: EventRow, a: Arguments) -> None:
    key = {"task": task_of(event), "account": a["account"], "role": a["role"]}
    lot = batch.get(EnlistmentRow, **key)
    if lot is not None and a["role"] == Role.VALIDATOR:
        line, holes = _line(batch, event)
        if lot.hi == line:
            line = lot.lo
        else:
            holes.append([lot.lo, lot.hi])
        change_task(batch, event, line=line, holes=holes)
    batch.change(EnlistmentRow, key, released=True, block=event.block)


def _admitted(batch: Batch, event: EventRow, a: Arguments) -> None:
    batch.put(InviteRow(task_of(event), a["nonce"], a["account"], event.block))


def _revoked(batch: Batch, event: EventRow, a: Arguments) -> None:
    batch.put(InviteRow(task_of(event), a["nonce"], None, event.block))


STEPS: dict[str, Step] = {
    "TaskPublished": _published,
    "TaskFunded": _funded,
    "RoundPaid": _round_paid,
    "TaskRefunded": _refunded,
    "TaskStarted": _started,
    "TaskStopped": _stopped,
    "Enlisted": _enlisted,
    "Left": _left,
    "Released": _released,
    "Admitted": _admitted,
    "InviteRevoked": _revoked,
}
