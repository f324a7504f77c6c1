"""The chain's time as the records know it.

Block times decide every window; the wall clock only bridges the gap to the next block.
"""

from __future__ import annotations

import time

from assay.store import Store

NEWEST = 2**62
# Records older than this aren't followed by anyone: their last block's time is then shown as it is.
FOLLOWED_SECONDS = 30


def newest_block(store: Store) -> tuple[int, int]:
    """Return number and time of the newest block on record, zeros if there is none."""
    found = store.blocks_down(NEWEST, 1)
    return (found[0].number, found[0].time) if found else (0, 0)


def chain_now(store: Store) -> int:
    """Return the unix second that the windows are judged by:

    The wall clock when the records are fresh, else the newest block's time.
    """
    _, seen = newest_block(store)
    wall = int(time.time())
    return wall if 0 <= wall - seen <= FOLLOWED_SECONDS else seen
