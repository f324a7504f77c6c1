"""A close look at a deployment: is each contract's code this program's, and do the contracts name one another?

Compares what a chain serves with this build: code by its hash (immutable values and libraries' addresses masked), the
masked values themselves, what each contract says of the others, and the token. Doesn't protect against an endpoint that
lies: ask one that you trust.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assay.chain.abi import Interface
from assay.chain.client import Client, Reverted
from assay.chain.compiled import abi_hash, compiled
from assay.chain.deployment import NAMES, Deployment
from assay.errors import Unavailable
from assay.protocol.hashing import keccak
from assay.protocol.typed_data import GATEWAY, INVITES, domain_separator

WIRING: dict[str, tuple[str, ...]] = {
    "vault": ("token", "ledger", "court", "gateway"),
    "market": ("token", "vault", "ledger", "gateway"),
    "invites": ("market",),
    "ledger": ("vault", "market", "beacon", "tally", "court", "invites", "gateway"),
    "court": ("vault", "ledger", "beacon", "gateway"),
    "lens": ("ledger", "court"),
}
"""Whom each contract names, by the view that tells it. All of these are immutable."""

TARGETS = ("vault", "market", "ledger", "court")
"""Whom the gateway speaks to."""

DOMAINS = {"gateway": GATEWAY, "invites": INVITES}
"""The names of the contracts' EIP-712 domains, where they lie in immutable values."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One comparison; `expected` and `found` are text for people."""

    contract: str
    address: str
    what: str
    expected: str
    found: str
    ok: bool


def inspect(client: Client, deployment: Deployment) -> list[Finding]:
    """Return everything that was compared, contract by contract.

    A token that isn't this program's is looked at as an ERC-20 only. Raises Unavailable when the chain is away.
    """
    return list(_Inspection(client, deployment).findings())


class _Inspection:
    def __init__(self, client: Client, deployment: Deployment) -> None:
        self._client = client
        self._deployment = deployment
        self._places = {**deployment.libraries, **{kind: getattr(deployment, kind) for kind in NAMES}}
        self._codes = {kind: client.code(address) for kind, address in self._places.items()}

    def findings(self) -> Iterator[Finding]:
        recorded, here = self._deployment.abi_hash, "0x" + abi_hash().hex()
        yield Finding("record", "", "ABI", _short(here), _short(recorded), here == recorded)
        for kind in self._places:
            if kind != "token":
                yield self._code(kind)
                yield from self._links(kind)
                yield from self._immutables(kind)
        for kind, others in WIRING.items():
            for other in others:
                yield self._names(kind, other)
        for target in TARGETS:
            yield self._view("gateway", f"speaks to {target}", "isTarget", True, self._places[target])
        yield self._view("beacon", "is live", "live", True)
        yield from self._token()

    # --- code

    def _name(self, kind: str) -> str:
        return self._deployment.beacon_kind if kind == "beacon" else NAMES.get(kind, kind)

    def _code(self, kind: str) -> Finding:
        built, code = compiled(self._name(kind)), self._codes[kind]
        found = "0x" + built.hash_of(code).hex() if code else "no code"
        expected = "0x" + built.code_hash.hex()
        return self._finding(kind, "code", _short(expected), _short(found), built.matches(code))

    def _links(self, kind: str) -> Iterator[Finding]:
        for library, found in compiled(self._name(kind)).linked_to(self._codes[kind]).items():
            expected, values = self._places.get(library, "not recorded"), {"0x" + value.hex() for value in found}
            ok = values == {expected.lower()}
            yield self._finding(kind, f"library {library}", expected, ", ".join(sorted(values)), ok)

    def _immutables(self, kind: str) -> Iterator[Finding]:
        """Every immutable value in the code must be one that the views below explain."""
        built, code = compiled(self._name(kind)), self._codes[kind]
        if not built.holes or not built.matches(code):
            return
        known = {int(address, 16) for address in self._places.values()} | self._numbers(kind) | self._domain(kind)
        strange = sorted({value for value in built.immutables(code) if int.from_bytes(value, "big") not in known})
        found = "all explained" if not strange else ", ".join("0x" + value.hex() for value in strange)
        yield self._finding(kind, "immutables", "all explained", found, not strange)

    def _numbers(self, kind: str) -> set[int]:
        """Return the contract's immutable numbers as its views tell them: views without arguments, one number each."""
        views = [
            item
            for item in compiled(self._name(kind)).abi
            if item["type"] == "function" and not item["inputs"] and item["stateMutability"] in {"view", "pure"}
        ]
        found = (self._read(kind, view["name"]) for view in views if len(view["outputs"]) == 1)
        return {
            int.from_bytes(v, "big") if isinstance(v, bytes) else int(v) for v in found if isinstance(v, int | bytes)
        }

    def _domain(self, kind: str) -> set[int]:
        """Return what a contract keeps of its EIP-712 domain: hash, chain, name and version, and their hashes."""
        if kind not in DOMAINS:
            return set()
        name, chain_id = DOMAINS[kind], self._client.chain_id
        words = [domain_separator(chain_id, self._places[kind], name), keccak(name.encode()), keccak(b"1")]
        words += [text.ljust(31, b"\0") + bytes([len(text)]) for text in (name.encode(), b"1")]
        return {chain_id} | {int.from_bytes(word, "big") for word in words}

    # --- wiring

    def _names(self, kind: str, other: str) -> Finding:
        return self._view(kind, f"names {other}", other, self._places[other])

    def _view(self, kind: str, what: str, function: str, expected: Any, *arguments: Any) -> Finding:
        found = self._read(kind, function, *arguments)
        return self._finding(kind, what, _text(expected), _text(found), found == expected)

    def _token(self) -> Iterator[Finding]:
        """The token may be anybody's: it must be there and answer as an ERC-20."""
        built, code = compiled(NAMES["token"]), self._codes["token"]
        kind = "this program's token" if built.matches(code) else "another ERC-20" if code else "no code"
        yield self._finding("token", "code", "an ERC-20", kind, bool(code))
        checks: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
            "totalSupply": ("more than 0", lambda value: isinstance(value, int) and value > 0),
            "decimals": ("18", lambda value: value == 18),
        }
        for function, (expected, holds) in checks.items():
            found = self._read("token", function)
            yield self._finding("token", function, expected, _text(found), holds(found))

    def _read(self, kind: str, function: str, *arguments: Any) -> Any:
        """Return what a view answers, or None where it gives no answer of its type."""
        found = Interface(compiled(self._name(kind)).abi).functions[function]
        if not self._codes[kind]:
            return None
        try:
            return found.result(self._client.call(self._places[kind], found.data(*arguments)))[0]
        except Reverted:
            return None
        except Unavailable as error:
            if "is the contract there" not in str(error):
                raise
            return None

    def _finding(self, kind: str, what: str, expected: str, found: str, ok: bool) -> Finding:
        return Finding(self._name(kind), self._places[kind], what, expected, found, ok)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "no answer" if value is None else str(value)


def _short(hash_: str) -> str:
    return hash_ if len(hash_) < 20 else hash_[:18] + "…"
