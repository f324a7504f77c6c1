"""Routes of submissions."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import APIRouter, Path

from assay.api import shapes
from assay.api.access import MISSING, Records, Task
from assay.api.models import Page, Submission
from assay.api.paging import Limit, Offset, page
from assay.api.problems import NotFound
from assay.errors import Refused

router = APIRouter(tags=["submissions"], responses=MISSING)
PREFIX: Final = re.compile(r"0x(?:[0-9a-fA-F]{2}){2,32}")


@router.get("/tasks/{task}/submissions")
def list_submissions(store: Records, task: Task, limit: Limit = 50, offset: Offset = 0) -> Page[Submission]:
    """The submissions of a task, in the order of the chain."""
    return page(store.submissions(task.id), limit, offset, lambda row: shapes.submission(store, task, row))


@router.get("/submissions/{root}")
def show_submission(
    store: Records, root: Annotated[str, Path(description="artifact root, or its first bytes in hex")]
) -> Submission:
    """One submission by its root, or by the first 2 or more bytes of it where they are unique."""
    if not PREFIX.fullmatch(root):
        raise Refused(f"{root[:80]!r} isn't a root: write 0x and 4 to 64 hex digits, whole bytes")
    found = store.submissions_with_root(bytes.fromhex(root[2:]))
    if not found:
        raise NotFound(f"there is no submission whose root starts with {root}")
    if len({row.root for row in found}) > 1:
        raise Refused(f"{root} fits {len(found)} submissions: write more digits")
    task = store.task(found[-1].task)
    if task is None:
        raise NotFound(f"task {found[-1].task} isn't on record")
    return shapes.submission(store, task, found[-1])
