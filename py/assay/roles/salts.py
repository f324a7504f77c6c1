"""The salts that show a submission to be work: served by its trainer when the votes are in, asked for by whoever
settles the round.

Before that a salt would tell validators that a submission isn't a canary. A salt that nobody sends loses nothing for
good: the share is set aside, and its trainer settles it itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from fastapi import APIRouter, HTTPException, Response

from assay.errors import Refused, Unavailable
from assay.protocol.hashing import hex32
from assay.protocol.typed_data import mark
from assay.protocol.windows import Schedule
from assay.store.engine import Store
from assay.store.rows import SubmissionRow, TaskRow
from assay.store.settled import accepted
from assay.swarm.addresses import locate
from assay.swarm.link import Link, Patience
from assay.types import MarkKind

FETCH_SECONDS = 8.0
ONE_SECONDS = 2.0
HEX_BYTES = 66
Own = Callable[[int, int, int], bytes | None]


def router(own: Own) -> APIRouter:
    """Serve `/salts/TASK/ROUND/INDEX` as 0x-hex; `own` returns a salt, or None while or where there is none to tell."""
    routes = APIRouter(tags=["salts"])

    @routes.get("/salts/{task}/{round_}/{index}")
    def salt(task: int, round_: int, index: int) -> Response:
        found = own(task, round_, index)
        if found is None:
            raise HTTPException(404, "no salt to tell, or not yet")
        return Response(hex32(found), media_type="text/plain")

    return routes


def may_tell(schedule: Schedule | None, round_: int, now: int) -> bool:
    """Tell whether the votes of a round are in: from then on a salt helps nobody to vote."""
    return schedule is not None and now >= schedule.votes_end(round_)


def is_work(row: SubmissionRow, salt: bytes) -> bool:
    """Tell whether a salt opens a submission's mark as work."""
    return mark(MarkKind.WORK, salt, 0, 0) == row.mark


def wanted(store: Store, task: TaskRow, round_: int) -> list[SubmissionRow]:
    """Return the submissions of a sealed round whose salts its settlement wants: those that the votes accept."""
    paid = set(accepted(store, task, round_))
    return [row for row in store.submissions(task.id, round_) if row.index in paid]


def gather(rows: list[SubmissionRow], known: dict[int, bytes], *, allow_private: bool) -> dict[int, bytes]:
    """Return the salts of submissions by index: those `known`, and those that their trainers tell within seconds."""
    found, deadline = dict(known), time.monotonic() + FETCH_SECONDS
    for row in rows:
        if row.index in found or not row.uri or time.monotonic() >= deadline:
            continue
        salt = _ask(row, min(deadline, time.monotonic() + ONE_SECONDS), allow_private)
        if salt is not None and is_work(row, salt):
            found[row.index] = salt
    return found


def _ask(row: SubmissionRow, deadline: float, allow_private: bool) -> bytes | None:
    try:
        link = Link(locate(row.uri, allow_private=allow_private), Patience(), deadline)
        try:
            text = link.get(f"/salts/{row.task}/{row.round}/{row.index}", HEX_BYTES)
        finally:
            link.close()
        salt = bytes.fromhex(text.decode("ascii").removeprefix("0x"))
    except (Refused, Unavailable, ValueError):
        return None
    return salt if len(salt) == 32 else None
