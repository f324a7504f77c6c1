"""What happens in a round before it is settled: submissions, seal, commitments, votes, attestations, canaries."""

from __future__ import annotations

from assay.chain.fold.common import Arguments, Step, change_task, raw, task_of
from assay.store import Batch
from assay.store.rows import (
    AttestRow,
    CanaryRow,
    CheckpointRow,
    CommitRow,
    EventRow,
    ExtraRow,
    SealRow,
    SubmissionRow,
    VoteRow,
)
from assay.types import Ruling


def _submitted(batch: Batch, event: EventRow, a: Arguments) -> None:
    earlier = batch.count(SubmissionRow, task=task_of(event), round=a["round"], trainer=a["trainer"])
    batch.put(
        SubmissionRow(
            task=task_of(event),
            round=a["round"],
            index=a["index"],
            trainer=a["trainer"],
            units=a["units"],
            base=a["base"],
            root=raw(a["root"]),
            mark=raw(a["mark"]),
            uri=a["uri"],
            n=earlier,
            outcome=None,
            block=event.block,
        )
    )


def _sealed(batch: Batch, event: EventRow, a: Arguments) -> None:
    batch.put(SealRow(task_of(event), a["round"], raw(a["seed"]), a["line"], a["source"], event.block))


def _committed(batch: Batch, event: EventRow, a: Arguments) -> None:
    order = batch.count(CommitRow, task=task_of(event), round=a["round"])
    batch.put(CommitRow(task_of(event), a["round"], a["validator"], order, event.block))


def _revealed(batch: Batch, event: EventRow, a: Arguments) -> None:
    batch.put(
        VoteRow(
            task=task_of(event),
            round=a["round"],
            validator=a["validator"],
            order=batch.count(VoteRow, task=task_of(event), round=a["round"]),
            votes=raw(a["votes"]),
            held=a["held"],
            evidence=raw(a["evidence"]),
            salt=raw(a["salt"]),
            block=event.block,
        )
    )


def _extra_voted(batch: Batch, event: EventRow, a: Arguments) -> None:
    order = batch.count(ExtraRow, task=task_of(event), round=a["round"])
    what = (order, raw(a["evidence"]), raw(a["votes"]))
    batch.put(ExtraRow(task_of(event), a["round"], a["validator"], *what, event.block))


def _attested(batch: Batch, event: EventRow, a: Arguments) -> None:
    order = batch.count(AttestRow, task=task_of(event), round=a["round"])
    batch.put(AttestRow(task_of(event), a["round"], a["validator"], order, raw(a["root"]), event.block))


def _checkpoint(batch: Batch, event: EventRow, a: Arguments) -> None:
    root = raw(a["root"])
    batch.put(CheckpointRow(task_of(event), a["round"], root, True, event.block))
    change_task(batch, event, head=a["round"], head_root=root)


def _root_disputed(batch: Batch, event: EventRow, a: Arguments) -> None:
    key = {"task": task_of(event), "round": a["round"]}
    batch.change(CheckpointRow, key, disputed=True, block=event.block)


def _root_ruled(batch: Batch, event: EventRow, a: Arguments) -> None:
    key = {"task": task_of(event), "round": a["round"]}
    batch.change(CheckpointRow, key, disputed=False, ruling=int(Ruling(a["ruling"])), block=event.block)


def _canary_opened(batch: Batch, event: EventRow, a: Arguments) -> None:
    what = (a["index"], raw(a["salt"]), a["leaf"], a["check"])
    batch.put(CanaryRow(task_of(event), a["round"], *what, event.block))


STEPS: dict[str, Step] = {
    "Submitted": _submitted,
    "RoundSealed": _sealed,
    "Committed": _committed,
    "Revealed": _revealed,
    "ExtraVoted": _extra_voted,
    "CheckpointAttested": _attested,
    "CheckpointFinal": _checkpoint,
    "RootDisputed": _root_disputed,
    "RootRuled": _root_ruled,
    "CanaryOpened": _canary_opened,
}
