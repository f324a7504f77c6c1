"""What every route needs:

The records, the chain's time, and a task or an address that is there. Raises NotFound or Refused.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, cast

from fastapi import Depends, Path, Request

from assay.api.clock import chain_now
from assay.api.models import Problem
from assay.api.problems import NotFound
from assay.errors import Refused
from assay.store import Store
from assay.store.rows import TaskRow

ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
BIGGEST: Final = 2**62
MISSING: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": Problem, "description": "no such thing on record"},
    422: {"model": Problem, "description": "malformed request"},
}


def _store(request: Request) -> Store:
    return cast(Store, request.app.state.store)


Records = Annotated[Store, Depends(_store)]


def _now(store: Records) -> int:
    return chain_now(store)


def _task(store: Records, task: Annotated[int, Path(ge=1, le=BIGGEST)]) -> TaskRow:
    found = store.task(task)
    if found is None:
        raise NotFound(f"there is no task {task}")
    return found


def _account(account: Annotated[str, Path(description="0x and 40 hex digits")]) -> str:
    if not ADDRESS.fullmatch(account):
        raise Refused(f"{account[:80]!r} isn't an address: an address has 40 hex digits after 0x")
    from eth_utils.address import to_checksum_address

    return str(to_checksum_address(account))


Now = Annotated[int, Depends(_now)]
Task = Annotated[TaskRow, Depends(_task)]
AccountAddress = Annotated[str, Depends(_account)]
RoundNumber = Annotated[int, Path(ge=1, le=65535)]
