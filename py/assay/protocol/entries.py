"""A submission as the round ledger's running hash binds it.

who    trainer 160 bits | units 32 | base 16 | zero 48, from the top
"""

from __future__ import annotations

from dataclasses import dataclass

from eth_utils.address import to_canonical_address, to_checksum_address

from assay.errors import Refused


@dataclass(frozen=True, slots=True)
class Entry:
    """One submission of a round: who, how many units, on which checkpoint, and the roots of artifact and mark."""

    trainer: str
    units: int
    base: int
    root: bytes
    mark: bytes

    @property
    def who(self) -> int:
        """The packed first word."""
        if not (0 <= self.units < 1 << 32 and 0 <= self.base < 1 << 16):
            raise Refused(f"units {self.units} and base {self.base} don't fit 32 and 16 bits")
        return int.from_bytes(to_canonical_address(self.trainer), "big") << 96 | self.units << 64 | self.base << 48

    @classmethod
    def from_words(cls, who: int, root: bytes, mark: bytes) -> Entry:
        """Read the three words back. A word with bits where none belong is Refused."""
        if not 0 <= who < 1 << 256 or who & ((1 << 48) - 1):
            raise Refused("the first word of an entry isn't trainer, units and base")
        trainer = to_checksum_address((who >> 96).to_bytes(20, "big"))
        return cls(trainer, who >> 64 & 0xFFFFFFFF, who >> 48 & 0xFFFF, root, mark)

    def words(self) -> tuple[int, bytes, bytes]:
        """Return (who, root, mark), the ledger's `Entry`."""
        return self.who, self.root, self.mark
