"""Puts probes into a copy of the contracts: one per statement and function, two per branch.

A probe makes a directory through a cheatcode of forge. Unlike storage or an event, a directory outlives a revert, so
that a call that reverts counts for the statements that it reached. Branches are the two outcomes of `if`, loops'
conditions, `? :`, `require`, `assert` and the left side of `&&` and `||`; and the clauses of `try`. Branches inside
assembly get no probe; they are counted apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from audit.solidity import Node, Source, bodies, children, end_of, parts, span, statements, walk, with_import

RUNTIME = """// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev Leaves a mark outside of the chain. Pure by a cast, so that it fits everywhere.
library Probe_ {
    function at(bytes32 path) internal pure {
        _pure(_mark)(path);
    }

    /// @dev `path` ends with an even digit; the false outcome has the next.
    function branch(bool outcome, bytes32 path) internal pure returns (bool) {
        _pure(_mark)(outcome ? path : path | bytes32(uint256(1) << 176));
        return outcome;
    }

    /// @dev createDir(path, true), encoded beyond the free pointer. A path has 10 bytes.
    function _mark(bytes32 path) private view {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, shl(224, 0x168b64d3))
            mstore(add(free, 0x04), 0x40)
            mstore(add(free, 0x24), 1)
            mstore(add(free, 0x44), 10)
            mstore(add(free, 0x64), path)
            if iszero(staticcall(gas(), 0x7109709ECfa91a80626fF3989D68f67F5b1DD12D, free, 0x84, 0, 0)) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }

    function _pure(function(bytes32) view f) private pure returns (function(bytes32) pure g) {
        assembly ("memory-safe") {
            g := f
        }
    }
}
"""


@dataclass(frozen=True)
class Probe:
    """A place that must be reached. `branch` says which way, or is empty for a statement."""

    path: str
    line: int
    branch: str
    code: str

    @property
    def is_branch(self) -> bool:
        return bool(self.branch)


@dataclass
class Instrumented:
    """Texts with probes, the probes by their number, and per file the branches in assembly that have none."""

    texts: dict[str, str] = field(default_factory=dict)
    probes: dict[int, Probe] = field(default_factory=dict)
    unseen: dict[str, int] = field(default_factory=dict)


def instrument(sources: dict[str, Source]) -> Instrumented:
    result = Instrumented()
    for source in sources.values():
        if any(True for _ in bodies(source)):
            result.texts[source.path] = _File(source, result).rewrite()
    result.texts["contracts/Probe_.sol"] = RUNTIME
    return result


def mark_name(number: int) -> str:
    return f"hits/{number:05d}"


class _File:
    """The insertions of one file: at an offset first what closes, inner first, then what opens, outer first."""

    def __init__(self, source: Source, result: Instrumented) -> None:
        self.source = source
        self.result = result
        self.inserts: list[tuple[int, int, int, str]] = []

    def rewrite(self) -> str:
        for body in bodies(self.source):
            self._function(body)
        offset, text = with_import(self.source, "Probe_")
        self._insert(offset, 1, 0, text)
        out, at = [], 0
        for offset, _, _, text in sorted(self.inserts, key=lambda i: i[:3]):
            out += [self.source.cut(at, offset), text]
            at = offset
        return "".join([*out, self.source.cut(at, len(self.source.text))])

    def _insert(self, offset: int, opens: int, depth: int, text: str) -> None:
        self.inserts.append((offset, opens, depth if opens else -depth, text))

    def _function(self, function: Node) -> None:
        start, _ = span(function["body"])
        name = function.get("name") or function.get("kind", "")
        self._insert(start + 1, 1, 0, self._at(span(function)[0], f"{name}: never called", ""))
        for statement in statements(function["body"]):
            self._statement(statement, 1)

    def _statement(self, statement: Node, depth: int) -> None:
        kind = statement["nodeType"]
        if kind in {"Block", "UncheckedBlock"}:
            for inner in statements(statement):
                self._statement(inner, depth + 1)
            return
        self._insert(span(statement)[0], 1, depth, self._at(span(statement)[0], self._first_line(statement), ""))
        if kind == "InlineAssembly":
            branching = sum(n["nodeType"] in {"YulIf", "YulForLoop", "YulSwitch"} for n in walk(statement))
            self.result.unseen[self.source.path] = self.result.unseen.get(self.source.path, 0) + branching
            return
        if kind == "TryStatement":
            for number, clause in enumerate(statement["clauses"]):
                start, _ = span(clause["block"])
                label = "catch" if number else "success"
                self._insert(start + 1, 1, depth, self._at(start, self._first_line(statement), label))
        for part in parts(statement):
            self._part(part, depth + 1)
        self._conditions(statement, depth + 1)

    def _part(self, part: Node, depth: int) -> None:
        """A branch or a loop's body gets braces, so that a probe fits before it."""
        bare = part["nodeType"] not in {"Block", "UncheckedBlock"}
        if bare:
            self._insert(span(part)[0], 1, depth, "{ ")
            self._insert(end_of(self.source, part), 0, depth, " }")
        self._statement(part, depth + 1)

    def _conditions(self, statement: Node, depth: int) -> None:
        """The conditions in a statement's own expressions, not in the statements that it holds."""
        if statement.get("condition"):
            self._branch(statement["condition"], depth)
        held = {id(part) for part in parts(statement)}
        stack = [(statement, depth)]
        while stack:
            node, level = stack.pop()
            self._expression(node, level)
            for child in children(node):
                if id(child) not in held and child["nodeType"] != "TryCatchClause":
                    stack.append((child, level + 2))

    def _expression(self, node: Node, depth: int) -> None:
        kind = node["nodeType"]
        if kind == "Conditional":
            self._branch(node["condition"], depth + 1)
        elif kind == "BinaryOperation" and node["operator"] in {"&&", "||"}:
            self._branch(node["leftExpression"], depth + 1)
        elif kind == "FunctionCall" and node["expression"].get("name") in {"require", "assert"}:
            self._branch(node["arguments"][0], depth + 1)

    def _branch(self, condition: Node, depth: int) -> None:
        start, end = span(condition)
        number = self._number(start, self.source.of(condition), "never true")
        self.result.probes[number + 1] = Probe(
            self.source.path, self.source.line(start), "never false", self._short(self.source.of(condition))
        )
        self._insert(start, 1, depth, "Probe_.branch(")
        self._insert(end, 0, depth, f', "{mark_name(number)}")')

    def _at(self, offset: int, code: str, branch: str) -> str:
        return f'Probe_.at("{mark_name(self._number(offset, code, branch))}"); '

    def _number(self, offset: int, code: str, branch: str) -> int:
        number = max(self.result.probes, default=-2) // 2 * 2 + 2
        self.result.probes[number] = Probe(self.source.path, self.source.line(offset), branch, self._short(code))
        return number

    def _first_line(self, statement: Node) -> str:
        return self._short(self.source.of(statement).split("\n")[0])

    @staticmethod
    def _short(code: str) -> str:
        flat = " ".join(code.split())
        return flat if len(flat) <= 70 else flat[:67] + "..."
