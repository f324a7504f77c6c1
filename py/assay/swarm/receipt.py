"""Receipts: the receiver signs for all bytes of an artifact that a server has brought it so far.

A receipt names a total, not a transfer. Of a (server, receiver, artifact) the one of the highest sequence replaces all
before it, so a copy adds nothing, and a server needs to keep only the last. What a server may claim of a receiver is at
most the artifact's size: nobody needs a byte twice.

Doesn't prove that bytes flowed: two who are one can sign for each other what they like. Whoever pays by receipts counts
receivers with a stake only, and sets a price below what a stake for a second self costs. Knows no key and no price.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from assay.artifact import strict
from assay.artifact.strict import MAX_SAFE
from assay.errors import Refused
from assay.protocol.hashing import hex32
from assay.protocol.typed_data import receipt_digest
from assay.swarm.signed import Network, Sign, Stale, check_signer, hex65, signature
from assay.types import Reason

RECEIPT_BYTES = 1 << 10
KEPT = 65_536
"""Receipts that a server keeps; the one that was renewed least lately goes first."""
_FIELDS = ("artifact", "receiver", "sequence", "server", "signature", "total")
Key = tuple[str, str, bytes]
"""Server, receiver, artifact."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """`receiver` has got `total` bytes of `artifact` from `server`, all in all. Accounts in lower case."""

    server: str
    receiver: str
    artifact: bytes
    total: int
    sequence: int
    signature: bytes = b""

    @property
    def key(self) -> Key:
        """What it is a total of."""
        return self.server, self.receiver, self.artifact

    def digest(self, network: Network) -> bytes:
        """Return the 32 bytes (EIP-712) that the receiver signs."""
        words = (self.server, self.receiver, self.artifact, self.total, self.sequence)
        return receipt_digest(network.chain_id, network.ledger, *words)

    def check(self, network: Network) -> None:
        """Raise Refused unless the receiver signed it, for another than himself."""
        if self.server == self.receiver:
            strict.refuse("a receipt for oneself is worth nothing", Reason.BINDING)
        check_signer(self.digest(network), self.signature, self.receiver, "the receipt")

    def plain(self) -> dict[str, Any]:
        """Return it as the JSON object that `parse` takes."""
        return {
            "artifact": hex32(self.artifact),
            "receiver": self.receiver,
            "sequence": self.sequence,
            "server": self.server,
            "signature": hex65(self.signature),
            "total": self.total,
        }

    def to_json(self) -> bytes:
        """Return it as canonical JSON, at most 1 KiB."""
        return strict.dump(self.plain(), "the receipt")


def parse(data: bytes) -> Receipt:
    """Read a stranger's bytes, at most 1 KiB of JSON; the signature is still to be checked. Raises Refused."""
    what = "the receipt"
    found = strict.fields(strict.load(data, RECEIPT_BYTES, what), _FIELDS, what)
    return Receipt(
        server=strict.address(found["server"], f"{what}'s server"),
        receiver=strict.address(found["receiver"], f"{what}'s receiver"),
        artifact=strict.bytes32(found["artifact"], f"{what}'s artifact"),
        total=strict.integer(found["total"], f"{what}'s total", 1),
        sequence=strict.integer(found["sequence"], f"{what}'s sequence"),
        signature=signature(found["signature"], f"{what}'s signature"),
    )


class Issued:
    """What this node has signed for. Safe to share between threads."""

    def __init__(self, network: Network, account: str, signer: Sign, before: Mapping[Key, Receipt]) -> None:
        """`before`: the last receipts of an earlier life, from this node's records."""
        self._network, self._account, self._signer = network, account.lower(), signer
        self._last = dict(before)
        self._guard = threading.Lock()

    def add(self, server: str, artifact: bytes, size: int) -> Receipt:
        """Sign for `size` further bytes of an artifact, verified ones only. Raises Refused: the total is too large."""
        strict.integer(size, "the size", 1)
        server = server.lower()
        with self._guard:
            last = self._last.get((server, self._account, artifact))
            total, sequence = (size, 1) if last is None else (last.total + size, last.sequence + 1)
            strict.integer(total, "the total", 1, MAX_SAFE)
            bare = Receipt(server, self._account, artifact, total, sequence)
            made = Receipt(server, self._account, artifact, total, sequence, self._signer(bare.digest(self._network)))
            self._last[made.key] = made
        return made


class Received:
    """The newest receipt of each receiver and artifact that this node, the server, was given. Bounded; safe to share
    between threads.
    """

    def __init__(self, network: Network, account: str, counts: Callable[[str], bool]) -> None:
        """`counts`: whether a receiver's word counts, one with a stake; others' receipts aren't kept."""
        self._network, self._account, self._counts = network, account.lower(), counts
        self._newest: OrderedDict[Key, Receipt] = OrderedDict()
        self._guard = threading.Lock()

    def take(self, receipt: Receipt) -> int:
        """Keep a receipt and return by how many bytes it raises the total.

        Raises:
            Refused: forged, for another server, or a total that falls. Stale: a copy, older than the newest, or of a
                receiver whose word doesn't count.
        """
        if receipt.server != self._account:
            raise Refused("the receipt is for another server", Reason.BINDING)
        if not self._counts(receipt.receiver):
            raise Stale("the receiver's word doesn't count here")
        with self._guard:
            self._rise(receipt)
        receipt.check(self._network)
        with self._guard:
            gained = self._rise(receipt)
            self._newest[receipt.key] = receipt
            self._newest.move_to_end(receipt.key)
            if len(self._newest) > KEPT:
                self._newest.popitem(last=False)
        return gained

    def newest(self) -> list[Receipt]:
        """Return the newest receipts, to keep or to claim by."""
        with self._guard:
            return list(self._newest.values())

    def _rise(self, receipt: Receipt) -> int:
        last = self._newest.get(receipt.key)
        if last is None:
            return receipt.total
        if receipt.sequence <= last.sequence:
            raise Stale("a newer receipt is known")
        if receipt.total < last.total:
            raise Refused("the receipt's total is below that of an earlier one", Reason.BOUNDS)
        return receipt.total - last.total


def claimable(receipts: list[Receipt], sizes: Mapping[bytes, int], counts: Callable[[str], bool]) -> dict[str, int]:
    """Return the bytes that each server may claim by receipts whose signatures were checked.

    Args:
        sizes: bytes of each artifact that counts; a total counts up to the artifact's size.
        counts: whether a receiver's word counts: one with a stake.
    """
    newest: dict[Key, Receipt] = {}
    for receipt in receipts:
        if receipt.key not in newest or receipt.sequence > newest[receipt.key].sequence:
            newest[receipt.key] = receipt
    totals: dict[str, int] = {}
    for receipt in newest.values():
        if receipt.artifact in sizes and counts(receipt.receiver):
            due = min(receipt.total, sizes[receipt.artifact])
            totals[receipt.server] = totals.get(receipt.server, 0) + due
    return totals
