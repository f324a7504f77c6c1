"""Accounts by name: the keystores of the home folder. Keys stay encrypted; only names and addresses are read here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from assay.errors import Refused

ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
PEER: Final = re.compile(r"peer-\d+")
SERVICE: Final = "deployer"


class Names:
    """Names and addresses of the local accounts, both ways."""

    def __init__(self, keys: Path) -> None:
        from assay.chain.keys import listing

        self._address: dict[str, str] = {entry.name: entry.address for entry in listing(keys)}
        self._name = {address.lower(): name for name, address in self._address.items()}

    def all(self) -> dict[str, str]:
        """Return every local account: name → checksummed address."""
        return dict(self._address)

    def people(self) -> list[str]:
        """Return the names without peers and the deployer, which the software keeps for itself."""
        return [name for name in self._address if name != SERVICE and not PEER.fullmatch(name)]

    def of(self, address: str) -> str:
        """Return the name of an address, or the address shortened."""
        return self._name.get(address.lower(), f"{address[:6]}…{address[-4:]}")

    def require(self, name: str) -> str:
        """Return the name if there is such a local account. Refused otherwise."""
        if name in self._address:
            return name
        known = ", ".join(self._address) or "none yet"
        raise Refused(f"there is no local account {name!r}; known: {known}; make one with `assay account new {name}`")

    def address(self, name_or_address: str) -> str:
        """Return the address of a local account's name, or an address as it stands. Refused if it is neither."""
        if name_or_address in self._address:
            return self._address[name_or_address]
        if ADDRESS.fullmatch(name_or_address):
            from eth_utils.address import to_checksum_address

            return str(to_checksum_address(name_or_address))
        if name_or_address.lower().startswith("0x"):
            raise Refused(f"{name_or_address!r} isn't an address: an address has 40 hex digits after 0x")
        return self._address[self.require(name_or_address)]
