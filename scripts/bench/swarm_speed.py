"""One node to one node, 200 MB, verified: beside curl from the same server, curl from shardcast's, and shardcast."""

from __future__ import annotations

import shutil
from statistics import median
from typing import Any

import swarm_stock as stock
from swarm_room import MEGA, Made, Room, room

SIZE, RUNS = 200 * MEGA, 5


def measure(quick: bool) -> dict[str, Any]:
    """Return MB/s (10⁶ bytes) as medians of interleaved runs, and the ratios to shardcast and to curl.

    shardcast's time is that of its client, which first measures its servers, and its download; the latter also alone.
    """
    size, runs = (20 * MEGA, 1) if quick else (SIZE, RUNS)
    with room() as here:
        made = here.make(size)
        node = here.node(made, stock=str(made.file))
        with stock.origin(here.fresh("shardcast"), made.file) as (server, _):
            found: dict[str, list[float]] = {
                name: [] for name in ("fetch", "cpu", "curl", "curl_shards", "curl_stock", "stock", "stock_download")
            }
            for _ in range(runs):
                _once(here, made, node, server, found)
    middle = {name: median(seconds) for name, seconds in found.items()}
    speed = {name: size / MEGA / seconds for name, seconds in middle.items()}
    return {
        "mb_per_s": speed["fetch"],
        "curl_mb_s": speed["curl"],
        "curl_from_shardcast_mb_s": speed["curl_stock"],
        "shardcast_mb_s": speed["stock"],
        "shardcast_download_mb_s": speed["stock_download"],
        "ratio_vs_curl": speed["fetch"] / speed["curl"],
        "ratio_vs_shardcast": speed["fetch"] / speed["stock"],
        "speed": {"bytes": size, "runs": runs, "seconds": found, "curl_gateway_mb_s": speed["curl_shards"]},
    }


def _once(here: Room, made: Made, node: Any, server: str, found: dict[str, list[float]]) -> None:
    whole = f"{node.uri}/files/{made.root.hex()}/weights.bin"
    for name, urls in (
        ("curl", [whole]),
        ("curl_shards", stock.shards(node.uri, made.size)),
        ("curl_stock", stock.shards(f"http://{server}", made.size)),
    ):
        folder = here.fresh("curl")
        found[name].append(stock.curl(urls, folder))
        shutil.rmtree(folder)
    mine = here.node()
    told = mine.ask(do="fetch", root=made.root.hex(), uris=[node.uri])
    if told["failed"]:
        raise RuntimeError(told["failed"])
    found["fetch"].append(told["seconds"])
    found["cpu"].append(told["cpu"])
    mine.close()
    shutil.rmtree(mine.folder)
    folder = here.fresh("stock")
    told = stock.client(folder, [server])
    found["stock"].append(told["seconds"] or stock.GIVEN_UP_SECONDS)
    found["stock_download"].append(told.get("download_seconds") or stock.GIVEN_UP_SECONDS)
    shutil.rmtree(folder)
