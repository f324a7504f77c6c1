"""Many peers fetch at once from an origin with a limit: what it sends, how long the last one takes, with deaths too."""

from __future__ import annotations

import time
from random import Random
from typing import Any

from swarm_node import Node
from swarm_room import MEGA, Made, Room, room

SIZE, CAP = 200 * MEGA, 20 * MEGA
DEAD_SHARE = 0.1


def measure(quick: bool) -> dict[str, Any]:
    """Return the origin's bytes over the artifact's, and the last peer's time over that of one peer alone."""
    size, cap = (20 * MEGA, 5 * MEGA) if quick else (SIZE, CAP)
    counts = (4,) if quick else (8, 32)
    found: dict[str, Any] = {"peers": {"bytes": size, "cap": cap, "runs": {}}}
    with room() as here:
        made = here.make(size)
        alone = _run(here, made, 1, cap, 0)
        found["peers"]["alone"] = alone
        for count in counts:
            dead = round(count * DEAD_SHARE) if count > 8 else 0
            told = _run(here, made, count, cap, dead)
            found["peers"]["runs"][str(count)] = told
            name = "" if count == 8 else f"_{count}"
            found[f"origin_egress{name}"] = told["origin"] / size
            found[f"makespan_ratio{name}"] = told["makespan"] / alone["makespan"]
            found[f"completed{name}"] = told["completed"]
    return found


def _run(here: Room, made: Made, count: int, cap: int, dead: int) -> dict[str, Any]:
    """All begin together; `dead` of them are killed once at a random moment and started again a second later."""
    origin = here.node(made, upload=cap)
    peers = [here.node(download=cap) for _ in range(count)]
    uris = [origin.uri, *(peer.uri for peer in peers)]
    start = time.time() + 1.0
    for peer in peers:
        peer.tell(do="fetch", root=made.root.hex(), uris=uris, start=start)
    chance = Random(count)  # noqa: S311
    length = made.size / cap
    deaths = sorted((start + chance.uniform(0.1, 0.9) * length, peer) for peer in chance.sample(range(count), dead))
    for when, number in deaths:
        time.sleep(max(0.0, when - time.time()))
        _die(peers[number], made, uris)
    told = [peer.hear() for peer in peers]
    found = {
        "makespan": max(one["ended"] for one in told) - start,
        "origin": origin.sent(),
        "completed": sum(not one["failed"] for one in told),
        "dead": dead,
        "failed": [one["failed"] for one in told if one["failed"]],
    }
    for node in (origin, *peers):
        node.close()
    return found


def _die(peer: Node, made: Made, uris: list[str]) -> None:
    peer.kill()
    time.sleep(1.0)
    peer.restart()
    peer.tell(do="fetch", root=made.root.hex(), uris=uris)
