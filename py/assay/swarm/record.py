"""A node record: an account signs where its node serves, until when, with a sequence that lets a newer one replace it.

A node that can't be reached from outside (behind a router, without a port) signs the URI "". It is nobody's source: it
downloads, hears of news by long poll, and what it made itself reaches others through a seeder that fetches the same
artifact from wherever the chain's URI points (a bucket, a friend's node) and then serves it under its own record.

Knows nothing of who has a stake. Doesn't prove that the URI is the account's own, or that anything answers there:
whoever connects must bear that it doesn't, and `addresses` keeps him from networks that aren't a stranger's to name.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from assay.artifact import strict
from assay.protocol.typed_data import node_digest
from assay.swarm.addresses import check_form
from assay.swarm.signed import Network, Sign, check_signer, check_time, hex65, signature

RECORD_BYTES = 4 << 10
LIFE_SECONDS = 86_400
"""How long a record of this node is good for; it is signed anew after half of it."""
LONGEST_SECONDS = 7 * 86_400
_FIELDS = ("account", "expires", "sequence", "signature", "uri")


@dataclass(frozen=True, slots=True)
class Record:
    """Where the node of `account` serves until `expires` (unix seconds). A higher sequence replaces a lower one."""

    account: str
    uri: str
    sequence: int
    expires: int
    signature: bytes

    def digest(self, network: Network) -> bytes:
        """Return the 32 bytes (EIP-712) that the account signs."""
        return node_digest(network.chain_id, network.ledger, self.account, self.uri, self.sequence, self.expires)

    def check(self, network: Network, now: float) -> None:
        """Raise Refused unless its account signed it and its time is right; Stale when it has expired."""
        check_time(self.expires, now, LONGEST_SECONDS, "the node record")
        check_signer(self.digest(network), self.signature, self.account, "the node record")

    def plain(self) -> dict[str, Any]:
        """Return it as the JSON object that `read` takes."""
        return {
            "account": self.account,
            "expires": self.expires,
            "sequence": self.sequence,
            "signature": hex65(self.signature),
            "uri": self.uri,
        }

    def to_json(self) -> bytes:
        """Return it as canonical JSON, at most 4 KiB."""
        return strict.dump(self.plain(), "the node record")


def sign(network: Network, signer: Sign, account: str, uri: str, sequence: int, expires: int) -> Record:
    """Return a signed record. Raises Refused: the URI has no allowed form."""
    if uri:
        check_form(uri)
    bare = Record(account.lower(), uri, sequence, expires, b"")
    return Record(bare.account, uri, sequence, expires, signer(bare.digest(network)))


def read(value: Any) -> Record:
    """Read a stranger's JSON value. Its form is right then; `check` is still to come. Raises Refused."""
    what = "the node record"
    found = strict.fields(value, _FIELDS, what)
    if not isinstance(found["uri"], str):
        strict.refuse(f"{what} has no URI")
    if found["uri"]:
        check_form(found["uri"])
    return Record(
        account=strict.address(found["account"], f"{what}'s account"),
        uri=found["uri"],
        sequence=strict.integer(found["sequence"], f"{what}'s sequence"),
        expires=strict.integer(found["expires"], f"{what}'s expiry"),
        signature=signature(found["signature"], f"{what}'s signature"),
    )


def parse(data: bytes) -> Record:
    """Read a stranger's bytes, at most 4 KiB of JSON. Raises Refused."""
    return read(strict.load(data, RECORD_BYTES, "the node record"))


class Own:
    """This node's record, kept fresh. Safe to share between threads."""

    def __init__(
        self,
        network: Network,
        account: str,
        signer: Sign,
        uri: Callable[[], str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`uri` says where the node serves now; "" when it can't be reached."""
        self._network, self._account, self._signer = network, account.lower(), signer
        self._uri, self._clock = uri, clock
        self._kept: Record | None = None
        self._guard = threading.Lock()

    def record(self) -> Record:
        """Return a record that names the present URI and is good for half a day at least. Raises Refused: its URI has
        no allowed form.
        """
        now, uri = self._clock(), self._uri()
        with self._guard:
            kept = self._kept
            if kept is None or kept.uri != uri or kept.expires - now < LIFE_SECONDS / 2:
                sequence = max(int(now * 1000), kept.sequence + 1 if kept else 0)
                kept = sign(self._network, self._signer, self._account, uri, sequence, int(now) + LIFE_SECONDS)
                self._kept = kept
            return kept
