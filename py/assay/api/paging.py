"""Pages of bounded size. Knows nothing of what is listed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Final, TypeVar

from fastapi import Query

from assay.api.models import Page

MAX_LIMIT: Final = 500
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="most items to return")]
Offset = Annotated[int, Query(ge=0, le=10**9, description="items to skip")]

Row = TypeVar("Row")
Item = TypeVar("Item")


def page(rows: Sequence[Row], limit: int, offset: int, shape: Callable[[Row], Item]) -> Page[Item]:
    """Return `limit` items from `offset`, each shaped by `shape`."""
    end = offset + limit
    return Page(
        items=[shape(row) for row in rows[offset:end]], total=len(rows), next_offset=end if end < len(rows) else None
    )
