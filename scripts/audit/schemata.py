"""All mutants in one compilation: each host becomes a choice among itself and its mutants, made when the code runs.

Which mutant is active is read from the block's coinbase, which forge takes from the environment; so a mutant costs a
run of the tests and no compilation. A mutant that doesn't compile is found by type-checking alone and left out.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from audit.operators import Host, Mutant
from audit.solidity import CompilerError, Node, Source, analyse, span, walk, with_import

BASE = 0xC0FFEE00000000

RUNTIME = f"""// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev Whether a mutant is the active one. Pure by a cast, so that it fits everywhere.
library Mutant_ {{
    function on(uint256 number) internal pure returns (bool) {{
        return _pure(_active)() == number;
    }}

    function _active() private view returns (uint256) {{
        return uint160(address(block.coinbase)) - {BASE};
    }}

    function _pure(function() view returns (uint256) f) private pure returns (function() pure returns (uint256) g) {{
        assembly ("memory-safe") {{
            g := f
        }}
    }}
}}
"""


@dataclass(frozen=True)
class Placed:
    """Where a mutant's text lies in the rewritten file."""

    number: int
    start: int
    end: int


def coinbase(number: int) -> str:
    """The address that makes a mutant the active one; 0 is none of them."""
    return f"0x{BASE + number:040x}"


def build(root: Path, sources: dict[str, Source], mutants: dict[int, Mutant]) -> dict[int, Mutant]:
    """Writes the mutants that compile into a copy of the tree; returns them."""
    left = dict(mutants)
    for _ in range(12):
        texts, placed = _rewrite(sources, left)
        _, troubles = analyse(
            root, {path: text.decode() for path, text in texts.items()} | {"contracts/Mutant_.sol": RUNTIME}
        )
        if not troubles:
            for path, text in texts.items():
                (root / path).write_bytes(text)
            (root / "contracts/Mutant_.sol").write_text(RUNTIME)
            return left
        bad = {p.number for t in troubles for p in placed.get(t.path, []) if p.start <= t.start < p.end}
        if not bad:
            raise CompilerError("\n".join(f"{t.path}: {t.message}" for t in troubles))
        left = {number: m for number, m in left.items() if number not in bad}
    raise CompilerError("mutants that don't compile keep turning up")


def _rewrite(
    sources: dict[str, Source], mutants: dict[int, Mutant]
) -> tuple[dict[str, bytes], dict[str, list[Placed]]]:
    by_host: dict[str, dict[Host, dict[int, Mutant]]] = defaultdict(lambda: defaultdict(dict))
    for number, mutant in mutants.items():
        by_host[mutant.path][mutant.host][number] = mutant
    texts: dict[str, bytes] = {}
    placed: dict[str, list[Placed]] = {}
    for path, hosts in by_host.items():
        writer = _Writer(sources[path])
        writer.copy(writer.header[0])
        writer.add(writer.header[1])
        for host in sorted(hosts, key=lambda h: h.start):
            writer.copy(host.start)
            writer.switch(host, hosts[host])
        writer.copy(len(sources[path].text))
        texts[path], placed[path] = bytes(writer.out), writer.placed
    return texts, placed


class _Writer:
    """The rewritten text of one file, so far."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.out = bytearray()
        self.at = 0
        self.placed: list[Placed] = []
        self.header = with_import(source, "Mutant_")
        self.nodes = {n["id"]: n for n in walk(source.ast) if "id" in n and "src" in n}

    def add(self, text: str) -> None:
        self.out += text.encode()

    def copy(self, until: int) -> None:
        self.out += self.source.text[self.at : until]
        self.at = until

    def switch(self, host: Host, mutants: dict[int, Mutant]) -> None:
        if host.kind == "statement":
            self._statement(host, host.start, "", ";", mutants)
        elif host.kind == "declaration":
            declared, assigned = _split(self.source, self.nodes[host.node])
            self.add(declared)
            start, end = span(self.nodes[host.node]["initialValue"])
            self._statement(Host("statement", start, end, host.node), start, assigned, ";", mutants)
        else:
            self._condition(host, mutants)
        self.at = host.end

    def _statement(self, host: Host, start: int, before: str, after: str, mutants: dict[int, Mutant]) -> None:
        closing = after if before else ""
        self.add("{ ")
        for number, mutant in mutants.items():
            self.add(f"if (Mutant_.on({number})) {{ ")
            self._mutated(number, mutant, host, before, closing)
            self.add(" } else ")
        self.add("{ " + before + self.source.cut(start, host.end) + closing + " } }")

    def _condition(self, host: Host, mutants: dict[int, Mutant]) -> None:
        self.add("(")
        for number, mutant in mutants.items():
            self.add(f"Mutant_.on({number}) ? (")
            self._mutated(number, mutant, host, "", "")
            self.add(") : ")
        self.add("(" + self.source.cut(host.start, host.end) + "))")

    def _mutated(self, number: int, mutant: Mutant, host: Host, before: str, after: str) -> None:
        start = len(self.out)
        source = self.source
        self.add(before + source.cut(host.start, mutant.start) + mutant.text + source.cut(mutant.end, host.end) + after)
        self.placed.append(Placed(number, start, len(self.out)))


def _split(source: Source, statement: Node) -> tuple[str, str]:
    """A declaration without its value, and the left side of the assignment that gives it."""
    declarations = statement["declarations"]
    declared = " ".join(source.of(d) + ";" for d in declarations if d)
    names = ", ".join(d["name"] if d else "" for d in declarations)
    return declared + " ", f"({names}) = " if len(declarations) > 1 else f"{names} = "
