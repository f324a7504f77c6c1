"""Routes of tasks."""

from __future__ import annotations

from fastapi import APIRouter

from assay.api import shapes
from assay.api.access import MISSING, Now, Records, Task
from assay.api.models import Page, TaskDetail, TaskSummary
from assay.api.paging import Limit, Offset, page

router = APIRouter(tags=["tasks"], responses=MISSING)


@router.get("/tasks")
def list_tasks(
    store: Records, now: Now, limit: Limit = 50, offset: Offset = 0, state: str | None = None
) -> Page[TaskSummary]:
    """All tasks, oldest first; `state` keeps those that are published, running, cancelled or refunded."""
    rows = [row for row in store.tasks() if state in {None, row.state}]
    return page(rows, limit, offset, lambda row: shapes.summary(row, now))


@router.get("/tasks/{task}")
def show_task(store: Records, now: Now, task: Task) -> TaskDetail:
    """One task with its terms, its genesis and who serves it."""
    return shapes.detail(store, task, now)
