"""What belongs to accounts and to no task: the vault's movements, and the gateway's nonces. One row per event."""

from __future__ import annotations

from assay.chain.fold.common import Arguments, Step
from assay.store import Batch
from assay.store.rows import ClaimRow, EventRow, NonceRow, StakeRow


def _claimed(batch: Batch, event: EventRow, a: Arguments) -> None:
    batch.put(ClaimRow(a["account"], a["payout"], a["amount"], event.block, event.log_index))


def _stake(kind: str) -> Step:
    def put(batch: Batch, event: EventRow, a: Arguments) -> None:
        amount, ready, payout = a.get("amount", 0), a.get("readyAt"), a.get("payout")
        batch.put(StakeRow(a["account"], kind, amount, ready, payout, event.block, event.log_index))

    return put


def _taken(batch: Batch, event: EventRow, a: Arguments) -> None:
    amount = a["burned"] + a["paid"]
    place = (event.block, event.log_index, a["unbonding"])
    batch.put(StakeRow(a["account"], "taken", amount, None, None, *place))


def _relayed(batch: Batch, event: EventRow, a: Arguments) -> None:
    batch.put(NonceRow(a["account"], a["nonce"], a["relayer"], event.block, event.log_index))


def _cancelled(batch: Batch, event: EventRow, a: Arguments) -> None:
    batch.put(NonceRow(a["account"], a["nonce"], None, event.block, event.log_index))


STEPS: dict[str, Step] = {
    "Claimed": _claimed,
    "Staked": _stake("staked"),
    "Unbonding": _stake("unbonding"),
    "Rebonded": _stake("rebonded"),
    "Withdrawn": _stake("withdrawn"),
    "PayoutSet": _stake("payout"),
    "Taken": _taken,
    "Relayed": _relayed,
    "NonceCancelled": _cancelled,
}
