"""The fold of contract events into rows. Pure in the events: the same events in the same order give the same rows.

Knows no chain: an event's arguments come as stored, bytes as 0x-hex text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assay.store import Batch
from assay.store.rows import (
    AttestRow,
    CheckpointRow,
    ClaimRow,
    CommitRow,
    EnlistmentRow,
    EventRow,
    PaymentRow,
    RoundRow,
    SealRow,
    SlashRow,
    StakeRow,
    SubmissionRow,
    TaskRow,
    VoteRow,
)
from assay.types import Role

GWEI = 10**9


def fold(batch: Batch, event: EventRow) -> None:
    """Apply one event.

    An event without a place in the records (Committed to nothing, RoundPaid twice) can't occur: `Broken`.
    """
    step = _STEPS.get(event.name)
    if step is not None:
        step(batch, event, event.args)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _task(event: EventRow) -> int:
    return int(event.args["task"])


def _published(batch: Batch, event: EventRow, a: dict[str, Any]) -> None:
    terms = dict(a["terms"])
    genesis = _bytes(terms["genesis"])
    batch.put(
        TaskRow(
            id=_task(event),
            initiator=a["initiator"],
            spec_hash=_bytes(a["specHash"]),
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
    batch.put(CheckpointRow(_task(event), 0, genesis, False, event.block))


def _change_task(batch: Batch, event: EventRow, **values: Any) -> None:
    batch.change(TaskRow, {"id": _task(event)}, block=event.block, **values)


def _move_escrow(batch: Batch, event: EventRow, **added: int) -> None:
    row = batch.get(TaskRow, id=_task(event))
    values = {name: getattr(row, name) + amount for name, amount in added.items()} if row else {}
    _change_task(batch, event, **values)


def _funded(batch: Batch, event: EventRow, a: dict[str, Any]) -> None:
    _move_escrow(batch, event, budget=a["amount"], escrow=a["amount"])


def _round_paid(batch: Batch, event: EventRow, a: dict[str, Any]) -> None:
    _move_escrow(batch, event, paid=a["amount"], escrow=-a["amount"])


def _refunded(batch: Batch, event: EventRow, a: dict[str, Any]) -> None:
    _move_escrow(batch, event, refunded=a["amount"], escrow=-a["amount"])
    _change_task(batch, event, state="refunded")


def _started(batch: Batch, event: EventRow, a: dict[str, Any]) -> None:
    _change_task(batch, event, state="running", start=a["start"])
    key = {"task": _task(event), "round": 0}
    batch.change(CheckpointRow, key, final=True, block=event.block)


def _stopped(batch: Batch, event: EventRow, a: dict[str, Any]) -> None:
    _change_task(batch, event, state="cancelled", last_round=a["lastRound"])


def _enlisted(batch: Batch, event: EventRow, a: dict[str, Any]) -> None:
    lo = hi = earlier = 0
    if a["role"] == Role.VALIDATOR:
        lo, hi = _place(batch, event, a["amount"] // GWEI)
    else:  # a trainer may add to what it enlisted
        old = batch.get(EnlistmentRow, task=_task(event), account=a["account"], role=a["role"])
        earlier = 0 if old is None or old.released else old.amount
    batch.put(
        EnlistmentRow(
            task=_task(event),
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
    _change_task(batch, event, line=line, holes=holes)
    return lo, lo + size


def _line(batch: Batch, event: EventRow) -> tuple[int, list[list[int]]]:
    row = batch.get(TaskRow, id=_task(event))
    return (0, []) if row is None else (row.line, [list(hole) for hole in row.holes])


def _left(batch: Batch, event: EventRow, a: dict[str, Any]) -> None:
    key = {"task": _task(event), "account": a["account"], "role": a["role"]}
    batch.change(EnlistmentRow, key, until_round=a["untilRound"], block=event.block)


def _released(batch: Batch, event: EventRow, a: dict[str, Any]) -> None:
    key = {"task": _task(event), "account": a["account"], "role": a["role"]}
    lot = batch.get(EnlistmentRow, **key)
    if lot is not None and a["role"] == Role.VALIDATOR:
        line, holes = _line(batch, event)
        if lot.hi == line:
            line = lot.lo
        else:
            holes.append([lot.lo, lot.hi])
        _change_task(batch, event, line=line, holes=holes)
    batch.change(EnlistmentRow, key, released=True, block=event.block)


def _submitted(batch: Batch, event: EventRow, a: dict[str, Any]) -> None:
    earlier = batch.count(SubmissionRow, task=_task(event), round=a["round"], trainer=a["trainer"])
    batch.put(
        SubmissionRow(
            task=_task(event),
            round=a["round"],
            index=a["index"],
            trainer=a["trainer"],
            units=a["units"],
            base=a["base"],
            root=_bytes(a["root"]),
            mark=_bytes(a["mark"]),
            uri=a["uri"],
            n=earlier,
            outcome=None,
            block=event.block,
        )
    )


def _sealed(batch: Batch, event: EventRow, a: dict[str, Any]) -> None:
    line = a["line"]
    batch.put(SealRow(_task(event), a["round"], _bytes(a["seed"]), line, a["blockNumber"], event.block))


def _committed(batch: Batch, event: EventRow, a: dict[str, Any]) -> None:
    order = batch.count(CommitRow, task=_task(event), round=a["round"])
    batch.put(CommitRow(_task(event), a["round"], a["validator"], order, event.block))


def _revealed(batch: Batch, event: EventRow, a: dict[str, Any]) -> None:
    batch.put(
        VoteRow(
            task=_task(event),
            round=a["round"],
            validator=a["validator"],
            order=batch.count(VoteRow, task=_task(event), round=a["round"]),
            votes=_bytes(a["votes"]),
            held=a["held"],
            evidence=_bytes(a["evidence"]),
            salt=_bytes(a["salt"]),
            block=event.block,
        )
    )


def _attested(batch: Batch, event: EventRow, a: dict[str, Any]) -> None:
    order = batch.count(AttestRow, task=_task(event), round=a["round"])
    batch.put(AttestRow(_task(event), a["round"], a["validator"], order, _bytes(a["root"]), event.block))


def _checkpoint(batch: Batch, event: EventRow, a: dict[str, Any]) -> None:
    root = _bytes(a["root"])
    batch.put(CheckpointRow(_task(event), a["round"], root, True, event.block))
    _change_task(batch, event, head=a["round"], head_root=root)


def _round_final(batch: Batch, event: EventRow, a: dict[str, Any]) -> None:
    outcomes = _bytes(a["outcomes"])
    batch.put(RoundRow(_task(event), a["round"], outcomes, a["fromEscrow"], a["fromBonds"], a["burned"], event.block))
    for index, outcome in enumerate(outcomes):
        key = {"task": _task(event), "round": a["round"], "index": index}
        batch.change(SubmissionRow, key, outcome=outcome)


def _paid(batch: Batch, event: EventRow, a: dict[str, Any]) -> None:
    who = (a["account"], a["role"], a["seats"], a["agreed"], a["amount"])
    batch.put(PaymentRow(_task(event), a["round"], *who, event.block, event.log_index))


def _slashed(batch: Batch, event: EventRow, a: dict[str, Any]) -> None:
    what = (a["account"], a["index"], a["burned"], a["fees"])
    batch.put(SlashRow(_task(event), a["round"], *what, event.block, event.log_index))
    key = {"task": _task(event), "account": a["account"], "role": int(Role.TRAINER)}
    trainer = batch.get(EnlistmentRow, **key)
    left = (trainer.amount if trainer else 0) - a["burned"] - a["fees"]
    batch.change(EnlistmentRow, key, amount=left, block=event.block)


def _claimed(batch: Batch, event: EventRow, a: dict[str, Any]) -> None:
    batch.put(ClaimRow(a["account"], a["payout"], a["amount"], event.block, event.log_index))


def _stake(kind: str) -> Callable[[Batch, EventRow, dict[str, Any]], None]:
    def put(batch: Batch, event: EventRow, a: dict[str, Any]) -> None:
        amount, ready, payout = a.get("amount", 0), a.get("readyAt"), a.get("payout")
        batch.put(StakeRow(a["account"], kind, amount, ready, payout, event.block, event.log_index))

    return put


_STEPS: dict[str, Callable[[Batch, EventRow, dict[str, Any]], None]] = {
    "TaskPublished": _published,
    "TaskFunded": _funded,
    "RoundPaid": _round_paid,
    "TaskRefunded": _refunded,
    "TaskStarted": _started,
    "TaskStopped": _stopped,
    "Enlisted": _enlisted,
    "Left": _left,
    "Released": _released,
    "Submitted": _submitted,
    "RoundSealed": _sealed,
    "Committed": _committed,
    "Revealed": _revealed,
    "CheckpointAttested": _attested,
    "CheckpointFinal": _checkpoint,
    "RoundFinal": _round_final,
    "Paid": _paid,
    "Slashed": _slashed,
    "Claimed": _claimed,
    "Staked": _stake("staked"),
    "Unbonding": _stake("unbonding"),
    "Withdrawn": _stake("withdrawn"),
    "Burned": _stake("burned"),
    "PayoutSet": _stake("payout"),
}
