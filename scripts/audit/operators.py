"""Mutants of Solidity: small changes to the text of one node, each inside a host that can be switched.

A host is a simple statement, a declaration with a value or the condition of a compound statement. Nothing here
compiles or runs, so some mutants don't compile and some change nothing that a test could see. Loop headers' first
and last part, modifiers' arguments and values of constants where they are declared have no mutants; a constant is
changed where it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise

from audit.solidity import Node, Source, bodies, end_of, parts, span, walk

Change = tuple[int, int, str, str]

BINARY = {
    "<": ["<=", ">="],
    "<=": ["<", ">"],
    ">": [">=", "<="],
    ">=": [">", "<"],
    "==": ["!="],
    "!=": ["=="],
    "+": ["-"],
    "-": ["+"],
    "*": ["+"],
    "/": ["*"],
    "%": ["*"],
    "<<": [">>"],
    ">>": ["<<"],
    "&": ["|"],
    "|": ["&"],
    "^": ["&"],
    "&&": ["||"],
    "||": ["&&"],
}
ASSIGN = {"+=": "-=", "-=": "+=", "*=": "+=", "/=": "*=", "|=": "&=", "&=": "|=", "<<=": ">>=", ">>=": "<<="}
KINDS = {"+": "arith", "-": "arith", "*": "arith", "/": "arith", "%": "arith", "&&": "boolean", "||": "boolean"}
YUL = {
    "add": "sub", "sub": "add", "mul": "add", "div": "mul", "mod": "div", "lt": "gt", "gt": "lt",
    "shl": "shr", "shr": "shl", "and": "or", "or": "and", "eq": "lt",
}  # fmt: skip
SIMPLE = {"ExpressionStatement", "Return", "EmitStatement", "RevertStatement", "InlineAssembly", "Break", "Continue"}


@dataclass(frozen=True)
class Host:
    """What is switched as a whole."""

    kind: str
    start: int
    end: int
    node: int


@dataclass(frozen=True)
class Mutant:
    """`[start, end)` of a file becomes `text`."""

    path: str
    start: int
    end: int
    text: str
    operator: str
    host: Host

    def key(self, source: Source) -> str:
        """Names the mutant by its code, so that moving the code keeps the name."""
        before = source.text.count(source.text[self.host.start : self.host.end], 0, self.host.start)
        code = source.cut(self.host.start, self.host.end)
        at = self.start - self.host.start
        old = source.cut(self.start, self.end)
        return f"{self.path} | {_short(code)} | {_short(old)} -> {_short(self.text)} | {at}.{before}"


def _short(code: str) -> str:
    """On one line; what is long keeps its beginning and a hash."""
    flat = " ".join(code.split())
    return flat if len(flat) <= 110 else f"{flat[:80]}... {sha256(flat.encode()).hexdigest()[:8]}"


def mutants(source: Source, constants: set[int]) -> list[Mutant]:
    """All mutants of a file, in the order of the text, none twice."""
    found: dict[tuple[int, int, str], Mutant] = {}
    for body in bodies(source):
        for host, node in _hosts(source, body["body"]):
            for start, end, text, operator in _changes(source, host, node, constants):
                if text != source.cut(start, end):
                    found.setdefault((start, end, text), Mutant(source.path, start, end, text, operator, host))
    return sorted(found.values(), key=lambda m: (m.start, m.end, m.text))


def constants_of(sources: dict[str, Source]) -> set[int]:
    """The declarations of constant integers, by the compiler's numbers."""
    return {
        node["id"]
        for source in sources.values()
        for node in walk(source.ast)
        if node["nodeType"] == "VariableDeclaration"
        and node.get("constant")
        and node["typeDescriptions"]["typeString"].startswith("uint")
    }


def _hosts(source: Source, statement: Node) -> Iterator[tuple[Host, Node]]:
    kind = statement["nodeType"]
    start = span(statement)[0]
    if kind in SIMPLE:
        yield Host("statement", start, end_of(source, statement), statement["id"]), statement
    elif kind == "VariableDeclarationStatement" and statement.get("initialValue"):
        yield Host("declaration", start, end_of(source, statement), statement["id"]), statement["initialValue"]
    elif statement.get("condition"):
        condition = statement["condition"]
        yield Host("condition" if kind == "IfStatement" else "loop", *span(condition), statement["id"]), condition
    for part in parts(statement):
        yield from _hosts(source, part)


def _changes(source: Source, host: Host, node: Node, constants: set[int]) -> Iterator[Change]:
    if host.kind == "statement" and not _gives_pointer(node):
        called = node.get("expression") or {}
        is_require = called.get("nodeType") == "FunctionCall" and called["expression"].get("name") in {
            "require",
            "assert",
        }
        yield host.start, host.end, "", "delete-require" if is_require else "delete-statement"
    elif host.kind == "condition":
        yield host.start, host.end, "true", "condition"
    if host.kind in {"condition", "loop"}:
        yield host.start, host.end, "false", "condition"
    if node["nodeType"] == "InlineAssembly":
        for inner in walk(node["AST"]):
            yield from _yul(source, inner)
        return
    for inner in walk(node):
        yield from _expression(source, inner, constants)


def _gives_pointer(statement: Node) -> bool:
    """Without this statement a storage or calldata pointer might have no value, which the compiler refuses."""
    given = statement.get("expression") or {}
    if given.get("nodeType") == "Assignment":
        given = given["leftHandSide"]
    elif statement["nodeType"] != "Return":
        return False
    kind = given.get("typeDescriptions", {}).get("typeString", "")
    return "storage pointer" in kind or "calldata" in kind


def _expression(source: Source, node: Node, constants: set[int]) -> Iterator[Change]:
    kind = node["nodeType"]
    start, end = span(node)
    if kind == "BinaryOperation":
        yield from _binary(source, node)
    elif kind == "Assignment" and node["operator"] in ASSIGN:
        left, right = span(node["leftHandSide"])[1], span(node["rightHandSide"])[0]
        between = source.cut(left, right).replace(node["operator"], ASSIGN[node["operator"]])
        yield left, right, between, "arith"
    elif kind == "UnaryOperation":
        yield from _unary(source, node)
    elif kind == "Literal":
        if node["kind"] == "number" and len(source.of(node)) < 42:
            yield start, end, f"({source.of(node)} + 1)", "constant"
        elif node["kind"] == "bool":
            yield start, end, "false" if source.of(node) == "true" else "true", "constant"
    elif kind in {"Identifier", "MemberAccess"} and node.get("referencedDeclaration") in constants:
        yield start, end, f"({source.of(node)} + 1)", "constant"
    elif kind == "Conditional":
        a, b = span(node["condition"])
        yield a, b, f"!({source.cut(a, b)})", "boolean"
    elif kind == "FunctionCall" and not node.get("names"):
        yield from _swap(source, node)


def _binary(source: Source, node: Node) -> Iterator[Change]:
    operator = node["operator"]
    left, right = span(node["leftExpression"])[1], span(node["rightExpression"])[0]
    for other in BINARY.get(operator, []):
        kind = KINDS.get(operator, "bits" if operator in {"<<", ">>", "&", "|", "^"} else "relational")
        yield left, right, source.cut(left, right).replace(operator, other, 1), kind


def _unary(source: Source, node: Node) -> Iterator[Change]:
    start, end = span(node)
    operator = node["operator"]
    if operator in {"!", "~", "-"}:
        yield start, end, source.of(node["subExpression"]), "boolean" if operator == "!" else "arith"
    elif operator in {"++", "--"}:
        yield start, end, source.of(node).replace(operator, "--" if operator == "++" else "++"), "arith"


def _swap(source: Source, node: Node) -> Iterator[Change]:
    """Two neighbouring arguments of one type change places."""
    arguments = node["arguments"]
    for a, b in pairwise(arguments):
        same = a["typeDescriptions"].get("typeString") == b["typeDescriptions"].get("typeString")
        if same and node["expression"].get("name") not in {"require", "assert"}:
            between = source.cut(span(a)[1], span(b)[0])
            yield span(a)[0], span(b)[1], source.of(b) + between + source.of(a), "swap-arguments"


def _yul(source: Source, node: Node) -> Iterator[Change]:
    kind = node["nodeType"]
    start, end = span(node)
    if kind == "YulFunctionCall":
        name = node["functionName"]
        if name["name"] in YUL:
            yield *span(name), YUL[name["name"]], "assembly"
        elif name["name"] == "iszero":
            yield start, end, source.of(node["arguments"][0]), "assembly"
    elif kind == "YulExpressionStatement":
        yield start, end, "", "delete-statement"
    elif kind == "YulLiteral" and node["kind"] == "number" and len(source.of(node)) < 42:
        yield start, end, str(int(source.of(node), 0) + 1), "constant"
