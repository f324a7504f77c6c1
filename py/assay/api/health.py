"""The route that tells whether the records are followed."""

from __future__ import annotations

import time

from fastapi import APIRouter, Response

from assay import __version__
from assay.api.access import Records
from assay.api.clock import newest_block
from assay.api.models import Health

router = APIRouter(tags=["health"])


@router.get("/health")
def health(store: Records, response: Response) -> Health:
    """Newest block on record; `ok` is false, with status 503, before the first one."""
    number, seen = newest_block(store)
    response.status_code = 200 if seen else 503
    behind = max(0, int(time.time()) - seen) if seen else None
    return Health(ok=bool(seen), version=__version__, block=number, block_time=seen, seconds_behind=behind)
