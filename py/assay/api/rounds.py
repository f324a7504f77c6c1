"""Routes of rounds."""

from __future__ import annotations

from fastapi import APIRouter

from assay.api import shapes
from assay.api.access import MISSING, Now, Records, RoundNumber, Task
from assay.api.models import Page, RoundDetail, RoundSummary
from assay.api.paging import Limit, Offset, page
from assay.api.problems import NotFound
from assay.api.terms import rounds_open

router = APIRouter(tags=["rounds"], responses=MISSING)


@router.get("/tasks/{task}/rounds")
def list_rounds(store: Records, now: Now, task: Task, limit: Limit = 50, offset: Offset = 0) -> Page[RoundSummary]:
    """The rounds that have opened, oldest first."""
    numbers = range(1, rounds_open(task, now) + 1)
    return page(numbers, limit, offset, lambda number: shapes.round_summary(store, task, number, now))


@router.get("/tasks/{task}/rounds/{round_number}")
def show_round(store: Records, now: Now, task: Task, round_number: RoundNumber) -> RoundDetail:
    """One round: windows, seal, submissions with their votes, pay."""
    if round_number > rounds_open(task, now):
        opened = rounds_open(task, now)
        raise NotFound(f"round {round_number} of task {task.id} hasn't opened; {opened} of {task.last_round} have")
    return shapes.round_detail(store, task, round_number, now)
