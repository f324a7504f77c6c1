"""Compiled contracts: ABI, bytecode, and the hash that names the ABI of a deployment.

Reads what set-up bundled into `build/abi`, or forge's own output. Knows no chain.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

from assay.errors import Broken, Refused

CONTRACTS = (
    "AssayToken",
    "StakeVault",
    "TaskMarket",
    "HeaderBeacon",
    "Tally",
    "Invites",
    "Gateway",
    "RoundLedger",
    "DisputeCourt",
    "Lens",
    "CommitRevealBeacon",
)
"""The contracts of a deployment in the order in which they are deployed; the last stands in for the header beacon."""

LIBRARIES = ("Enlisting", "Discipline", "Disputing", "Settling")
"""Libraries that are linked into contracts, and deployed before them."""

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Compiled:
    """One compiled contract.

    holes: the (start, length) of immutable values inside the deployed code. links, deployed_links: by library, where
    its address belongs in the code, which has zeros there.
    """

    name: str
    abi: list[dict[str, Any]]
    bytecode: bytes
    deployed: bytes
    holes: tuple[tuple[int, int], ...]
    links: Mapping[str, tuple[int, ...]]
    deployed_links: Mapping[str, tuple[int, ...]]

    def linked(self, libraries: Mapping[str, str]) -> bytes:
        """Return the creation code with the addresses of its libraries, by their names."""
        code = bytearray(self.bytecode)
        for name, starts in self.links.items():
            for start in starts:
                code[start : start + 20] = _hex(libraries[name])
        return bytes(code)

    def linked_to(self, code: bytes) -> dict[str, set[bytes]]:
        """Return the addresses that lie in `code`, read from a chain, where each library's belongs."""
        return {name: {code[start : start + 20] for start in starts} for name, starts in self.deployed_links.items()}

    @property
    def code_hash(self) -> bytes:
        """keccak of the deployed code with zeros in place of immutable values and of libraries' addresses."""
        return self.hash_of(self.deployed)

    def hash_of(self, code: bytes) -> bytes:
        """Return keccak of `code`, read from a chain, with zeros where this contract's may differ."""
        return keccak(self._masked(code))

    def immutables(self, code: bytes) -> list[bytes]:
        """Return the 32-byte values that lie in `code` where this contract has immutable values, by place."""
        return [code[start : start + length] for start, length in self.holes]

    def matches(self, code: bytes) -> bool:
        """Tell whether `code`, read from a chain, is this contract, whatever its immutable values and libraries are."""
        return len(code) == len(self.deployed) and self._masked(code) == self._masked(self.deployed)

    def _masked(self, code: bytes) -> bytes:
        masked = bytearray(code)
        linked = [(start, 20) for starts in self.deployed_links.values() for start in starts]
        for start, length in (*self.holes, *linked):
            masked[start : start + length] = bytes(length)
        return bytes(masked)


def _bundle(name: str) -> dict[str, Any]:
    bundled = ROOT / "build" / "abi" / f"{name}.json"
    forged = ROOT / "build" / "forge" / "out" / f"{name}.sol" / f"{name}.json"
    for path in (bundled, forged):
        if path.is_file():
            try:
                loaded: dict[str, Any] = json.loads(path.read_text())
            except ValueError as error:
                raise Broken(f"{path} isn't JSON: run scripts/setup again.") from error
            return loaded
    raise Refused(f"The contract {name} isn't compiled ({bundled} is missing): run scripts/setup first.")


@lru_cache(maxsize=32)
def compiled(name: str) -> Compiled:
    """Return a compiled contract.

    Raises:
        Refused: it isn't there; set-up hasn't run.
        Broken: the file is damaged.
    """
    bundle = _bundle(name)
    try:
        code, deployed = bundle["bytecode"], bundle["deployedBytecode"]
        references = deployed.get("immutableReferences", {})
        holes = sorted((hole["start"], hole["length"]) for list_ in references.values() for hole in list_)
        codes = (_unlinked(code["object"]), _unlinked(deployed["object"]))
        return Compiled(name, bundle["abi"], *codes, tuple(holes), _links(code), _links(deployed))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Broken(f"The compiled contract {name} is damaged ({error}): run scripts/setup again.") from error


def abi_hash() -> bytes:
    """Return sha256 over all ABIs: two programs with the same hash can talk to the same deployment."""
    whole = {name: compiled(name).abi for name in CONTRACTS}
    return hashlib.sha256(json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()).digest()


def _unlinked(text: str) -> bytes:
    """Return the code with zeros where the compiler left `__$…$__` for a library's address."""
    return _hex(re.sub(r"__\$[0-9a-f]{34}\$__", "0" * 40, text))


def _links(part: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    files = part.get("linkReferences", {}).values()
    return {name: tuple(place["start"] for place in places) for file in files for name, places in file.items()}


def _hex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
