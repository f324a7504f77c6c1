"""What settlements change: outcomes, payments, slashes, cuts, and shares that are set aside and settled later."""

from __future__ import annotations

from assay.chain.fold.common import Arguments, Step, raw, task_of
from assay.protocol.pay import exposure, unpack_payments
from assay.store import Batch
from assay.store.rows import (
    AsideRow,
    CutRow,
    EnlistmentRow,
    EventRow,
    PaymentRow,
    RoundRow,
    SlashRow,
    SubmissionRow,
    TaskRow,
)
from assay.types import Role


def _round_final(batch: Batch, event: EventRow, a: Arguments) -> None:
    outcomes = raw(a["outcomes"])
    money = (a["fromEscrow"], a["fromStakes"], a["burned"])
    batch.put(RoundRow(task_of(event), a["round"], outcomes, *money, event.block))
    for index, outcome in enumerate(outcomes):
        _decide(batch, event, a["round"], index, outcome)


def _decide(batch: Batch, event: EventRow, round_: int, index: int, outcome: int) -> None:
    key = {"task": task_of(event), "round": round_, "index": index}
    batch.change(SubmissionRow, key, outcome=outcome)


def _payments(batch: Batch, event: EventRow, a: Arguments) -> None:
    for n, p in enumerate(unpack_payments(raw(a["payments"]))):
        what = (p.account, int(p.role), p.seats, p.agreed, p.amount)
        batch.put(PaymentRow(task_of(event), a["round"], *what, event.block, event.log_index, n))


def _slashed(batch: Batch, event: EventRow, a: Arguments) -> None:
    what = (a["account"], a["index"], a["burned"], a["paid"])
    batch.put(SlashRow(task_of(event), a["round"], *what, event.block, event.log_index))
    aside = batch.get(AsideRow, task=task_of(event), round=a["round"], index=a["index"])
    if aside is None:
        _add_to_trainer(batch, event, a["account"], -a["burned"] - a["paid"])
    else:  # what a share risks was taken off the enlistment when it was set aside; `_resolved` gives the rest back
        lost = (aside.lost or 0) + a["burned"] + a["paid"]
        batch.change(AsideRow, _place(event, a), lost=lost, block=event.block)


def _add_to_trainer(batch: Batch, event: EventRow, account: str, wei: int) -> None:
    """Change what a trainer has enlisted. One that was released has nothing there: the vault gets what comes back."""
    key = {"task": task_of(event), "account": account, "role": int(Role.TRAINER)}
    trainer = batch.get(EnlistmentRow, **key)
    if trainer is None or not trainer.released:
        amount = (trainer.amount if trainer else 0) + wei
        batch.change(EnlistmentRow, key, amount=amount, block=event.block)


def _cut(batch: Batch, event: EventRow, a: Arguments) -> None:
    what = (a["validator"], a["index"], a["reason"], a["burned"], a["paid"])
    batch.put(CutRow(task_of(event), a["round"], *what, event.block, event.log_index))
    key = {"task": task_of(event), "account": a["validator"], "role": int(Role.VALIDATOR)}
    lot = batch.get(EnlistmentRow, **key)
    lost = (lot.cut if lot else 0) + a["burned"] + a["paid"]
    batch.change(EnlistmentRow, key, cut=lost, block=event.block)


def _set_aside(batch: Batch, event: EventRow, a: Arguments) -> None:
    aside = dict(a["aside"])
    batch.put(AsideRow(task_of(event), a["round"], a["index"], aside, event.block))
    _add_to_trainer(batch, event, _trainer(aside), -_exposure(batch, event))


def _resolved(batch: Batch, event: EventRow, a: Arguments) -> None:
    money = {"from_escrow": a["fromEscrow"], "from_stakes": a["fromStakes"], "burned": a["burned"]}
    batch.change(AsideRow, _place(event, a), outcome=a["outcome"], block=event.block, **money)
    _decide(batch, event, a["round"], a["index"], a["outcome"])
    aside = batch.get(AsideRow, **_place(event, a))
    if aside is not None:
        _add_to_trainer(batch, event, _trainer(aside.json), _exposure(batch, event) - (aside.lost or 0))


def _place(event: EventRow, a: Arguments) -> dict[str, int]:
    return {"task": task_of(event), "round": a["round"], "index": a["index"]}


def _trainer(aside: Arguments) -> str:
    return "0x" + (int(aside["who"]) >> 96).to_bytes(20, "big").hex()


def _exposure(batch: Batch, event: EventRow) -> int:
    task = batch.get(TaskRow, id=task_of(event))
    return 0 if task is None else exposure(task.terms)


STEPS: dict[str, Step] = {
    "RoundFinal": _round_final,
    "Payments": _payments,
    "Slashed": _slashed,
    "Cut": _cut,
    "SetAside": _set_aside,
    "Resolved": _resolved,
}
