"""How deep a text nests, found out before a parser that recurses sees it.

Python's JSON and TOML parsers recurse and stop at the interpreter's limit only, which libraries raise (py_ecc, which
comes with web3, to 100,000): then deep brackets overflow the C stack and kill the process. Knows nothing of what the
text means.
"""

from __future__ import annotations

import re

import numpy as np

MAX_DEPTH = 32
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
"""Always matches from a quotation mark on, so that it reads hostile bytes once."""
_SOME = re.compile(rb'(?:[^"]++|"(?:[^"\\]|\\.)*+(?:"|\\?\Z)){1,4096}+', re.DOTALL)
"""A few thousand strings and what is between them: taking out millions at once would need 60 bytes for each."""


def depth(data: bytes) -> int:
    """Return how deep brackets nest outside of double-quoted strings."""
    return brackets(data)[0]


def brackets(data: bytes) -> tuple[int, int]:
    """Return how deep brackets nest outside of double-quoted strings, and how many open."""
    deepest = level = count = at = 0
    while some := _SOME.match(data, at):
        marks = np.frombuffer(_STRING.sub(b"", some[0]), dtype=np.uint8) | 0x20  # turns [ ] into { }
        opens = marks == ord("{")
        levels = (opens.astype(np.int8) - (marks == ord("}"))).cumsum(dtype=np.int32)
        deepest = max(deepest, level + int(levels.max(initial=0)))
        level += int(levels[-1]) if levels.size else 0
        count += int(opens.sum())
        at = some.end()
    return deepest, count
