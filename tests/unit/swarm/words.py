"""Keys, and signed words made with them, for the tests of news."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from eth_keys.datatypes import PrivateKey

from assay.protocol.hashing import keccak
from assay.swarm import record, release
from assay.swarm.record import Record
from assay.swarm.release import DELTA, NOTHING, WHOLE, Release
from assay.swarm.releases import Chain
from assay.swarm.signed import Network

HERE = Network(31337, "0x" + "c0" * 20)
NOW = 1_800_000_000.0


class Key:
    """A key of a test, by its number."""

    def __init__(self, number: int) -> None:
        self._key = PrivateKey(keccak(b"key" + number.to_bytes(4, "big")))
        self.account = str(self._key.public_key.to_address())

    def sign(self, digest: bytes) -> bytes:
        made = self._key.sign_msg_hash(digest)
        return made.to_bytes()[:64] + bytes([27 + made.v])


@cache
def key(number: int) -> Key:
    return Key(number)


def root_of(task: int, version: int) -> bytes:
    """What the tests' chain says of a version."""
    return keccak(b"root%d/%d" % (task, version))


def a_record(number: int = 1, uri: str = "http://node.example:80", sequence: int = 1, life: int = 3600) -> Record:
    made = key(number)
    return record.sign(HERE, made.sign, made.account, uri, sequence, int(NOW) + life)


def a_release(version: int = 5, number: int = 1, **more: Any) -> Release:
    """A release of a whole checkpoint of task 1."""
    root, made = root_of(more.get("task", 1), version), key(number)
    fields = {"task": 1, "root": root, "artifact": root, "base": NOTHING, "codec": WHOLE, "size": 1000} | more
    fields = {"version": version, "seeder": made.account, "expires": int(NOW) + 3600} | fields
    return release.sign(HERE, made.sign, Release(**fields))


def a_delta(version: int = 5, base: int = 4, number: int = 1, salt: bytes = b"", **more: Any) -> Release:
    """A release of a delta between two checkpoints of task 1."""
    artifact = keccak(b"delta%d/%d" % (base, version) + salt)
    return a_release(version, number, artifact=artifact, base=root_of(1, base), codec=DELTA, **more)


def resigned(bare: Release, number: int = 1, **changed: Any) -> Release:
    """The same release with fields changed and the seeder's signature over them."""
    return release.sign(HERE, key(number).sign, replace(bare, **changed))


def a_chain(newest: int = 5, **more: Any) -> Chain:
    """A chain that knows versions 0 … newest of task 1 and admits everyone."""
    known: dict[str, Any] = {
        "root": lambda task, version: root_of(task, version) if version <= newest else None,
        "admits": lambda task, account: True,
        "limit": lambda task: 10_000 if task == 1 else None,
    }
    return Chain(**known | more)
