"""What one wrong byte, a killed fetch and a killed source cost, in bytes and in time."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import swarm_stock as stock
from swarm_node import Node
from swarm_room import MEGA, Made, Room, room

SIZE = 200 * MEGA
CAPPED = 20 * MEGA
MET = 3


def measure(quick: bool) -> dict[str, Any]:
    """Return bytes beyond the artifact's own, as shares of it, and time ratios."""
    size = 20 * MEGA if quick else SIZE
    with room() as here:
        made = here.make(size)
        return _corrupt(here, made) | _killed(here, made) | _relay_killed(here, made, quick)


def _corrupt(here: Room, made: Made) -> dict[str, Any]:
    """A source with one flipped byte and a good one, until the bad chunk was asked of the bad source three times."""
    bad, good = here.node(made, own_copy=True), here.node(made)
    flip(bad.folder / made.root.hex() / "weights.bin", made.size // 2)
    runs = []
    while sum(one["met"] for one in runs) < MET and len(runs) < 8 * MET:
        runs.append(_from_bad(here, made, bad, good))
    with stock.origin(here.fresh("shardcast"), made.file) as (server, data):
        flip(data / "v1" / "shard_00001.bin", 1000)
        theirs = stock.client(here.fresh("stock"), [server])
    met = [one for one in runs if one["met"]]
    return {
        "extra_bytes_corrupt": max((one["extra"] for one in met), default=None),
        "corrupt_culprit_named": bool(met) and all(one["named"] for one in met),
        "corrupt_completed": not any(one["failed"] for one in runs),
        "corrupt": {"runs": runs, "chunk": 1 << 20, "shardcast": theirs},
    }


def _from_bad(here: Room, made: Made, bad: Node, good: Node) -> dict[str, Any]:
    before = bad.sent() + good.sent()
    mine = here.node()
    told = mine.ask(do="fetch", root=made.root.hex(), uris=[bad.uri, good.uri])
    extra = bad.sent() + good.sent() - before - made.size
    mine.close()
    shutil.rmtree(mine.folder)
    named = told["faults"] == [bad.uri]
    return {"extra": extra, "met": bool(told["faults"]) or extra > made.size // 500, "named": named, **told}


def _killed(here: Room, made: Made) -> dict[str, Any]:
    """The fetching process ends at half by SIGKILL and is started again."""
    source, mine = here.node(made), here.node()
    mine.tell(do="fetch", root=made.root.hex(), uris=[source.uri], stop_at=made.size // 2)
    mine.process.wait()
    before = source.sent()
    mine.restart()
    told = mine.ask(do="fetch", root=made.root.hex(), uris=[source.uri])
    after = source.sent()
    return {
        "resume_bytes": (after - before) / made.size,
        "resume": {"before": before, "after": after - before, "failed": told["failed"]},
    }


def _relay_killed(here: Room, made: Made, quick: bool) -> dict[str, Any]:
    """Two sources, each with enough for the fetch's own limit; one is killed at half."""
    seconds = [_from_two(here, made, kill) for kill in (False, True)]
    return {"relay_killed_ratio": seconds[1] / seconds[0], "relay": {"seconds": seconds}}


def _from_two(here: Room, made: Made, kill: bool) -> float:
    first, second, mine = here.node(made), here.node(made), here.node(download=CAPPED)
    mine.tell(do="fetch", root=made.root.hex(), uris=[first.uri, second.uri])
    if kill:
        wait_for_half(mine, made)
        second.kill()
    told = mine.hear()
    if told["failed"]:
        raise RuntimeError(told["failed"])
    return float(told["seconds"])


def wait_for_half(mine: Node, made: Made) -> None:
    """Wait until half of the bytes lie in the fetching node's folder."""
    import time

    path = mine.folder / "partial" / made.root.hex() / "weights.bin"
    while not path.exists() or path.stat().st_blocks * 512 < made.size // 2:
        time.sleep(0.02)


def flip(path: Path, offset: int) -> None:
    """Change one byte of a file."""
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 1]))
