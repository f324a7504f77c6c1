"""Solidity sources with the compiler's syntax tree: where each node starts and ends.

Knows the compiler's answer and nothing of tests, coverage or mutants. Offsets are in bytes.
"""

from __future__ import annotations

import json
import posixpath
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Node = dict[str, Any]
IMPORT = re.compile(r'\b(?:import|from)\s+"([^"]+)"')


@dataclass(frozen=True)
class Source:
    """One file and its syntax tree."""

    path: str
    text: bytes
    ast: Node

    def cut(self, start: int, end: int) -> str:
        return self.text[start:end].decode()

    def of(self, node: Node) -> str:
        return self.cut(*span(node))

    def line(self, offset: int) -> int:
        return self.text.count(b"\n", 0, offset) + 1


@dataclass(frozen=True)
class Trouble:
    """An error of the compiler, with its place when it has one."""

    path: str
    start: int
    message: str


class CompilerError(Exception):
    """The sources don't compile."""


def span(node: Node) -> tuple[int, int]:
    start, length, _ = (int(x) for x in node["src"].split(":"))
    return start, start + length


def children(node: Node) -> Iterator[Node]:
    """The nodes right below, in no promised order."""
    for value in node.values():
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, dict) and "nodeType" in item:
                yield item


def walk(node: Node) -> Iterator[Node]:
    yield node
    for child in children(node):
        yield from walk(child)


def bodies(source: Source) -> Iterator[Node]:
    """Functions and modifiers that have a body."""
    for node in walk(source.ast):
        if node["nodeType"] in {"FunctionDefinition", "ModifierDefinition"} and node.get("body"):
            yield node


def statements(block: Node) -> list[Node]:
    """The statements of a block, or the one statement that stands where a block could."""
    if block["nodeType"] in {"Block", "UncheckedBlock"}:
        return list(block["statements"] or [])
    return [block]


def parts(statement: Node) -> list[Node]:
    """The statements or blocks that a compound statement holds."""
    match statement["nodeType"]:
        case "Block" | "UncheckedBlock":
            return statements(statement)
        case "IfStatement":
            return [x for x in (statement["trueBody"], statement.get("falseBody")) if x]
        case "ForStatement" | "WhileStatement" | "DoWhileStatement":
            return [statement["body"]]
        case "TryStatement":
            return [clause["block"] for clause in statement["clauses"]]
    return []


def end_of(source: Source, statement: Node) -> int:
    """Where a statement ends, its semicolon included (the compiler mostly leaves it out)."""
    kind = statement["nodeType"]
    inner = parts(statement)
    if kind in {"Block", "UncheckedBlock", "InlineAssembly"}:
        return span(statement)[1]
    if inner and kind != "DoWhileStatement":
        return end_of(source, inner[-1])
    end = span(statement)[1]
    return end if source.text[end - 1 : end] == b";" else source.text.index(b";", end) + 1


def with_import(source: Source, library: str) -> tuple[int, str]:
    """Where, and as what text, to import a library of the copy's `contracts/`; no line moves."""
    directive = next(n for n in source.ast["nodes"] if n["nodeType"] == "PragmaDirective")
    up = "../" * (source.path.count("/") - 1) or "./"
    return span(directive)[1], f' import {{{library}}} from "{up}{library}.sol";'


def sources_of(root: Path) -> dict[str, str]:
    """The contracts and what they may import, by the name that the compiler knows them by."""
    contracts = {str(p.relative_to(root)): p.read_text() for p in sorted((root / "contracts").rglob("*.sol"))}
    lib = root / "node_modules/@openzeppelin/contracts"
    return contracts | {f"@openzeppelin/contracts/{p.relative_to(lib)}": p.read_text() for p in lib.rglob("*.sol")}


def analyse(root: Path, changed: dict[str, str] | None = None) -> tuple[dict[str, Source], list[Trouble]]:
    """Parses and type-checks `contracts/` of a tree; generates no code. `changed` replaces files by their path."""
    texts = sources_of(root) | (changed or {})
    wanted = {name: {"content": text} for name, text in texts.items() if name.startswith("contracts/")}
    request = {
        "language": "Solidity",
        "sources": {name: {"content": texts[name]} for name in reached(wanted, texts)},
        "settings": {"evmVersion": "cancun", "outputSelection": {"*": {"": ["ast"]}}},
    }
    answer = json.loads(
        subprocess.run(
            [str(root / "scripts/solc"), "--standard-json"],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
    troubles = [_trouble(e) for e in answer.get("errors", []) if e["severity"] == "error"]
    found = {
        name: Source(name, texts[name].encode(), unit["ast"])
        for name, unit in answer.get("sources", {}).items()
        if name in wanted and "ast" in unit
    }
    return found, troubles


def parse(root: Path) -> dict[str, Source]:
    """The contracts of a tree that compiles."""
    sources, troubles = analyse(root)
    if troubles:
        raise CompilerError("\n".join(f"{t.path}: {t.message}" for t in troubles))
    return sources


def reached(names: Iterable[str], texts: dict[str, str]) -> list[str]:
    """Those files and all of `texts` that they import, directly or not."""
    seen = list(names)
    for name in seen:  # grows while it is walked
        for imported in IMPORT.findall(texts[name]):
            target = imported
            if imported.startswith("."):
                target = posixpath.normpath(posixpath.join(posixpath.dirname(name), imported))
            if target in texts and target not in seen:
                seen.append(target)
    return seen


def _trouble(error: dict[str, Any]) -> Trouble:
    place = error.get("sourceLocation") or {}
    return Trouble(place.get("file", ""), int(place.get("start", -1)), error["message"])
