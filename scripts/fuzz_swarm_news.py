"""The news that the fuzz attacks a node with: releases that are signed and wrong, or right and then changed.

The chain is a function that knows five versions of task 1; the node follows nothing else. Times are the machine's.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

from eth_keys.datatypes import PrivateKey
from fastapi import APIRouter

from assay.protocol.hashing import keccak
from assay.swarm import news
from assay.swarm.announcement import Announcement
from assay.swarm.gate import Limits
from assay.swarm.gossip import Gossip
from assay.swarm.record import Own
from assay.swarm.release import NOTHING, WHOLE, Release
from assay.swarm.releases import Chain
from assay.swarm.signed import Network

HERE = Network(31337, "0x" + "c0" * 20)
NEWEST, MOST = 5, 8 << 20
OPEN = Limits(*[1e12] * 6, lies=1e12)
"""The gate is wide open here: what is attacked lies behind it."""


@cache
def _key(number: int) -> PrivateKey:
    return PrivateKey(keccak(b"fuzz" + bytes([number])))


def _account(number: int) -> str:
    return str(_key(number).public_key.to_address())


def _sign(number: int, digest: bytes) -> bytes:
    made = _key(number).sign_msg_hash(digest)
    return made.to_bytes()[:64] + bytes([27 + made.v])


def root_of(version: int) -> bytes:
    """The chain's root of a version of task 1."""
    return keccak(b"version%d" % version)


def attacked() -> tuple[Gossip, tuple[APIRouter, ...]]:
    """A node's news and its routes; accounts 0 and 1 are admitted, the others are strangers."""

    def root(task: int, version: int) -> bytes | None:
        return root_of(version) if task == 1 and 0 <= version <= NEWEST else None

    chain = Chain(
        root,
        lambda task, account: account in {_account(0), _account(1)},
        lambda task: MOST if task == 1 else None,
        lambda task: NEWEST - 1,
    )
    own = Own(HERE, _account(9), lambda digest: _sign(9, digest), lambda: "")
    gossip = Gossip(HERE, chain, own, lambda: [])
    desk = news.Desk(OPEN)
    return gossip, (news.router(gossip, desk), news.peers_router(gossip, desk))


def wrong(chance: Random) -> bytes:
    """An announcement that nobody may believe."""
    now = int(time.time())
    fields: dict[str, Any] = {
        "task": 1, "version": NEWEST, "root": root_of(NEWEST), "artifact": root_of(NEWEST), "base": NOTHING,
        "codec": WHOLE, "size": 1000, "expires": now + 3600, "seeder": _account(0),
    }  # fmt: skip
    other = keccak(chance.randbytes(8))
    kind = chance.randrange(8)
    signer = 0
    if kind == 0:
        fields |= {"root": other, "artifact": other}  # not the chain's
    elif kind == 1:
        fields["expires"] = now - chance.randrange(1, 10**6)
    elif kind == 2:
        version = chance.randrange(NEWEST - 1)
        fields |= {"version": version, "root": root_of(version), "artifact": root_of(version)}  # rolled back
    elif kind == 3:
        fields["size"] = MOST + chance.randrange(1, 1 << 40)
    elif kind == 4:
        signer = 1  # another's name
    elif kind == 5:
        signer = chance.randrange(2, 8)
        fields["seeder"] = _account(signer)  # nobody admitted him
    elif kind == 6:
        fields["task"] = chance.randrange(2, 1 << 40)
    else:
        fields["expires"] = now + 10**8
    made = Release(**fields)
    made = replace(made, signature=_sign(signer, made.digest(HERE)))
    data = Announcement(made).to_json()
    return _changed(data, chance) if chance.random() < 0.2 else data


def _changed(data: bytes, chance: Random) -> bytes:
    plain = json.loads(data)
    plain["release"][chance.choice(sorted(plain["release"]))] = chance.choice([None, -1, "", [], 1 << 70, "0x00", {}])
    return json.dumps(plain).encode()
