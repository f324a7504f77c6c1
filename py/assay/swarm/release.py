"""A release: a seeder signs what to fetch for the checkpoint of a round, and until when that is good.

    task, version   the round whose checkpoint it is; the chain knows this checkpoint's root
    root            of the checkpoint, as the chain has it
    artifact        root of what is to be fetched: the checkpoint itself, or a delta that gives it
    base            root of the checkpoint that the delta starts from; zero for a whole one
    codec           "whole" or "delta"
    size            bytes of the artifact's files, without its manifest

It adds to the chain's root only how to come by it, so a false one costs a transfer and never a wrong byte. Knows
nothing of the chain: `releases` compares. Doesn't prove that the seeder has what it offers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from assay.artifact import strict
from assay.protocol.hashing import hex32
from assay.protocol.typed_data import release_digest
from assay.swarm.signed import Network, Sign, check_signer, check_time, hex65, signature

LIFE_SECONDS = 7 * 86_400
LONGEST_SECONDS = 30 * 86_400
WHOLE, DELTA = "whole", "delta"
NOTHING = bytes(32)
MAX_ROUND = (1 << 32) - 1
_FIELDS = ("artifact", "base", "codec", "expires", "root", "seeder", "signature", "size", "task", "version")


@dataclass(frozen=True, slots=True)
class Release:
    """What to fetch for one checkpoint. Making one whose fields contradict each other raises Refused."""

    task: int
    version: int
    root: bytes
    artifact: bytes
    base: bytes
    codec: str
    size: int
    expires: int
    seeder: str
    signature: bytes = b""

    def __post_init__(self) -> None:
        if self.codec not in (WHOLE, DELTA):
            strict.refuse("the release has an unknown codec")
        if self.codec == WHOLE and (self.artifact != self.root or self.base != NOTHING):
            strict.refuse("the release of a whole checkpoint names another artifact or a base")
        if self.codec == DELTA and (self.base in (NOTHING, self.root) or self.artifact in (self.root, self.base)):
            strict.refuse("the release of a delta must name a base and an artifact of its own")

    def digest(self, network: Network) -> bytes:
        """Return the 32 bytes (EIP-712) that the seeder signs."""
        words = (self.task, self.version, self.root, self.artifact, self.base, self.codec, self.size, self.expires)
        return release_digest(network.chain_id, network.ledger, *words, self.seeder)

    def check(self, network: Network, now: float) -> None:
        """Raise Refused unless its seeder signed it and its time is right; Stale when it has expired."""
        self.check_time(now)
        check_signer(self.digest(network), self.signature, self.seeder, "the release")

    def check_time(self, now: float) -> None:
        """Raise Stale when it has expired, Refused when it is good for longer than 30 days."""
        check_time(self.expires, now, LONGEST_SECONDS, "the release")

    def plain(self) -> dict[str, Any]:
        """Return it as the JSON object that `read` takes."""
        return {
            "artifact": hex32(self.artifact),
            "base": hex32(self.base),
            "codec": self.codec,
            "expires": self.expires,
            "root": hex32(self.root),
            "seeder": self.seeder,
            "signature": hex65(self.signature),
            "size": self.size,
            "task": self.task,
            "version": self.version,
        }


def sign(network: Network, signer: Sign, bare: Release) -> Release:
    """Return the release with the signature of its seeder."""
    bare = replace(bare, seeder=bare.seeder.lower())
    return replace(bare, signature=signer(bare.digest(network)))


def read(value: Any) -> Release:
    """Read a stranger's JSON value. Its form is right then; `check` is still to come. Raises Refused."""
    what = "the release"
    found = strict.fields(value, _FIELDS, what)
    if not isinstance(found["codec"], str):
        strict.refuse(f"{what} has no codec")
    return Release(
        task=strict.integer(found["task"], f"{what}'s task"),
        version=strict.integer(found["version"], f"{what}'s version", 0, MAX_ROUND),
        root=strict.bytes32(found["root"], f"{what}'s root"),
        artifact=strict.bytes32(found["artifact"], f"{what}'s artifact"),
        base=strict.bytes32(found["base"], f"{what}'s base"),
        codec=found["codec"],
        size=strict.integer(found["size"], f"{what}'s size", 1),
        expires=strict.integer(found["expires"], f"{what}'s expiry"),
        seeder=strict.address(found["seeder"], f"{what}'s seeder"),
        signature=signature(found["signature"], f"{what}'s signature"),
    )
