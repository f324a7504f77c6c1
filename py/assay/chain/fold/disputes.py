"""The events of the dispute court. Only the first one of a case names its task."""

from __future__ import annotations

from dataclasses import replace

from assay.chain.fold.common import Arguments, Step, raw, task_of
from assay.errors import Broken
from assay.store import Batch
from assay.store.rows import AppealVoteRow, BlockRow, CaseRow, EventRow, JurorRow

_OF_CASE = ("JurySummoned", "JurorCommitted", "JurorRevealed", "Appealed", "AppealVoted", "CaseClosed")


def task_of_case(batch: Batch, event: EventRow) -> EventRow:
    """Return the event with the task of its case, where it only names the case; else as it is."""
    if event.name not in _OF_CASE:
        return event
    case = batch.get(CaseRow, id=event.args["id"])
    if case is None:
        raise Broken(f"The records hold no case {event.args['id']}, and the chain has its {event.name}.")
    return replace(event, task=case.task)


def _challenged(batch: Batch, event: EventRow, a: Arguments) -> None:
    block = batch.get(BlockRow, number=event.block)
    if block is None:
        raise Broken(f"The records don't hold block {event.block}, in which a case was opened.")
    batch.put(
        CaseRow(
            id=a["id"],
            task=task_of(event),
            round=a["round"],
            index=a["index"],
            claim=a["claim"],
            check=a["check"],
            leaf=a["leaf"],
            challenger=a["challenger"],
            digest=raw(a["digest"]),
            bond=a["bond"],
            uri=a["uri"],
            opened_at=block.time,
            block=event.block,
        )
    )


def _summoned(batch: Batch, event: EventRow, a: Arguments) -> None:
    values = {"seed": raw(a["seed"]), "line": a["line"], "source": a["source"]}
    batch.change(CaseRow, {"id": a["id"]}, block=event.block, **values)


def _committed(batch: Batch, event: EventRow, a: Arguments) -> None:
    batch.put(JurorRow(a["id"], a["juror"], task_of(event), event.block))


def _revealed(batch: Batch, event: EventRow, a: Arguments) -> None:
    values = {"seats": a["seats"], "vote": a["vote"], "evidence": raw(a["evidence"])}
    batch.change(JurorRow, {"case": a["id"], "juror": a["juror"]}, block=event.block, **values)


def _appealed(batch: Batch, event: EventRow, a: Arguments) -> None:
    batch.change(CaseRow, {"id": a["id"]}, block=event.block, appellant=a["appellant"], appeal_bond=a["bond"])


def _appeal_voted(batch: Batch, event: EventRow, a: Arguments) -> None:
    batch.put(AppealVoteRow(a["id"], a["account"], task_of(event), a["vote"], a["weight"], event.block))


def _closed(batch: Batch, event: EventRow, a: Arguments) -> None:
    batch.change(CaseRow, {"id": a["id"]}, block=event.block, ruling=a["ruling"], burned=a["burned"])


STEPS: dict[str, Step] = {
    "Challenged": _challenged,
    "JurySummoned": _summoned,
    "JurorCommitted": _committed,
    "JurorRevealed": _revealed,
    "Appealed": _appealed,
    "AppealVoted": _appeal_voted,
    "CaseClosed": _closed,
}
