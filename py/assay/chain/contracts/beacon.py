"""The beacon: one random word for each second of the schedule."""

from __future__ import annotations

from eth_abi.abi import encode

from assay.chain.client import Reverted
from assay.chain.contracts.base import Bound


class BeaconPart(Bound):
    """Part of `Contracts`."""

    def word_proof(self, when: int) -> bytes | None:
        """Return the proof of the word of second `when` for `seal` and `summon`, or None while there is none."""
        if self.deployment.beacon_kind != "HeaderBeacon":
            return self._stored(when)
        pair = self.client.header_pair(when)
        return None if pair is None else header_proof(pair[0], pair[1])

    def _stored(self, when: int) -> bytes | None:
        """A beacon that keeps its words needs no proof: nothing shows a word that it doesn't have."""
        try:
            self._beacon.read("wordAt", when, b"")
        except Reverted:
            return None
        return b""

    def beacon_is_live(self) -> bool:
        return bool(self._beacon.one("live"))


def header_proof(header: bytes, parent: bytes) -> bytes:
    """Return the proof for a header beacon: the RLP of the first block at or after the time, and its parent's."""
    return encode(["bytes", "bytes"], [header, parent])
