"""Routes of pay: one line per task, round, role and account, and the reason wherever nothing was earned."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from assay.api import shapes
from assay.api.access import BIGGEST, MISSING, AccountAddress, Now, Records
from assay.api.earnings import lines
from assay.api.models import Page, Payout
from assay.api.paging import Limit, Offset, page
from assay.api.problems import NotFound

router = APIRouter(tags=["payouts"], responses=MISSING)
TaskFilter = Annotated[int | None, Query(ge=1, le=BIGGEST)]


@router.get("/payouts")
def list_payouts(
    store: Records, now: Now, task: TaskFilter = None, limit: Limit = 100, offset: Offset = 0
) -> Page[Payout]:
    """The pay of all accounts, oldest round first."""
    if task is not None and store.task(task) is None:
        raise NotFound(f"there is no task {task}")
    return page(lines(store, now, None, task), limit, offset, lambda line: shapes.payout(line, now))


@router.get("/accounts/{account}/payouts")
def account_payouts(
    store: Records, now: Now, account: AccountAddress, task: TaskFilter = None, limit: Limit = 100, offset: Offset = 0
) -> Page[Payout]:
    """The pay of one account, oldest round first."""
    if task is not None and store.task(task) is None:
        raise NotFound(f"there is no task {task}")
    return page(lines(store, now, account, task), limit, offset, lambda line: shapes.payout(line, now))
