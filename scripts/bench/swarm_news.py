"""How long a new version takes to be seen over three hops: four nodes, each a process that knows the next one only.

    python scripts/bench/swarm_news.py '{"number": 1, "next": "http://…"}'      one node: JSON lines in and out

Every node checks the release, its anchor and all records before it passes it on. Times are of one machine's clock.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from statistics import median
from typing import Any

HOPS, TIMES = 3, 20


def measure(quick: bool) -> dict[str, Any]:
    """Return announce_s: the seconds from `announce` at the first node until the last one has the release in its book,
    the worst of several versions; the median beside it.
    """
    times = 3 if quick else TIMES
    with ExitStack() as stack:
        nodes: list[subprocess.Popen[str]] = []
        following = ""
        for number in range(HOPS, -1, -1):
            settings = json.dumps({"number": number, "next": following})
            node = subprocess.Popen(
                [sys.executable, __file__, settings], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            stack.callback(_end, node)
            following = _hear(node)["uri"]
            nodes.insert(0, node)
        found = [_once(nodes, version) for version in range(1, times + 1)]
    return {"announce_s": max(found), "announce": {"hops": HOPS, "versions": times, "median_s": median(found)}}


def _once(nodes: list[subprocess.Popen[str]], version: int) -> float:
    """Announce a version at the first node and wait until the last one tells when it took it."""
    assert nodes[0].stdin is not None
    nodes[0].stdin.write(f"{version}\n")
    nodes[0].stdin.flush()
    began = float(_hear(nodes[0])["announced"])
    for node in nodes[1:]:
        ended = float(_hear(node)["taken"])
    return ended - began


def _hear(node: subprocess.Popen[str]) -> dict[str, Any]:
    assert node.stdout is not None
    line = node.stdout.readline()
    if not line:
        raise RuntimeError(f"a node ended with {node.wait()}")
    found: dict[str, Any] = json.loads(line)
    return found


def _end(node: subprocess.Popen[str]) -> None:
    node.kill()
    node.wait()


def main(settings: dict[str, Any]) -> None:
    from eth_keys.datatypes import PrivateKey

    from assay.protocol.hashing import keccak
    from assay.roles.serving import Pulse, Server, node_app
    from assay.swarm import news, release
    from assay.swarm.gossip import Gossip
    from assay.swarm.record import Own
    from assay.swarm.releases import Chain
    from assay.swarm.signed import Network

    network, secret = Network(31337, "0x" + "c0" * 20), PrivateKey(bytes(31) + bytes([settings["number"] + 1]))
    account = str(secret.public_key.to_address())

    def sign(digest: bytes) -> bytes:
        made = secret.sign_msg_hash(digest)
        return made.to_bytes()[:64] + bytes([27 + made.v])

    def root(task: int, version: int) -> bytes:
        return keccak(b"%d/%d" % (task, version))

    chain = Chain(root=root, admits=lambda task, seeder: True, limit=lambda task: 1 << 40)
    uri: list[str] = [""]
    enlisted = [settings["next"]] if settings["next"] else []
    gossip = Gossip(network, chain, Own(network, account, sign, lambda: uri[0]), lambda: enlisted, allow_private=True)
    desk = news.Desk()
    server = Server(node_app("bench", Pulse("bench"), news.router(gossip, desk)), "127.0.0.1", 0)
    server.start()
    uri[0] = server.url
    gossip.newest()  # signs this node's record before the clock runs
    _say(uri=server.url)
    if settings["number"]:
        threading.Thread(target=_watch, args=(gossip,), daemon=True).start()
    for line in sys.stdin:
        version, expires = int(line), int(time.time()) + 3600
        named = root(1, version)
        bare = release.Release(1, version, named, named, bytes(32), "whole", 1 << 20, expires, account)
        made = release.sign(network, sign, bare)
        began = time.time()
        gossip.announce(made)
        _say(announced=began)
    os._exit(0)


def _watch(gossip: Any) -> None:
    """Say when each version arrives; looks every millisecond."""
    newest = 0
    while True:
        if gossip.releases.newest(1) > newest:
            newest = gossip.releases.newest(1)
            _say(taken=time.time())
        time.sleep(0.001)


def _say(**told: Any) -> None:
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
