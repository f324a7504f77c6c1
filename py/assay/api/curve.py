"""Route of a task's curves: what each checkpoint was measured to be worth, and how late each round's work was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request

from assay.api.access import MISSING, Records, Task
from assay.api.models import Curve, CurvePoint, Evaluation, Money
from assay.store import Store
from assay.store.rows import TaskRow

router = APIRouter(tags=["tasks"], responses=MISSING)
Evaluations = Callable[[Store, TaskRow], Mapping[int, Mapping[str, Any]]]


@router.get("/tasks/{task}/curve")
def show_curve(request: Request, store: Records, task: Task) -> Curve:
    """Reward, entropy, response length and speed of each checkpoint, and the staleness of each round's submissions.

    Evaluations are the initiator's word; the chain doesn't know them.
    """
    return curve(store, task, request.app.state.evaluations(store, task))


def noted(store: Store, task: TaskRow) -> dict[int, Mapping[str, Any]]:
    """Return the evaluations that these records hold themselves, by round."""
    return {note.round: note.json for note in store.notes(task.id, "evaluation")}


def curve(store: Store, task: TaskRow, evaluations: Mapping[int, Mapping[str, Any]]) -> Curve:
    """Return a task's curves. An evaluation may lack figures that older software didn't measure."""
    late = store.staleness(task.id)
    units = {number: sum(row.units for row in store.submissions(task.id, number)) for number in late}
    roots = {row.round: row.root for row in store.checkpoints(task.id)}
    points = []
    for number in sorted({*evaluations, *late}):
        measured, settled = evaluations.get(number), store.round(task.id, number)
        points.append(
            CurvePoint(
                round=number,
                checkpoint="0x" + roots[number].hex() if number in roots else None,
                evaluation=None if measured is None else _shaped(measured),
                submissions=sum(late.get(number, [])),
                units=units.get(number, 0),
                staleness=late.get(number, []),
                paid=None if settled is None else Money.of(settled.from_escrow + settled.from_stakes),
            )
        )
    return Curve(task=task.id, points=points)


def _shaped(measured: Mapping[str, Any]) -> Evaluation:
    return Evaluation(**{name: measured[name] for name in Evaluation.model_fields if name in measured})
