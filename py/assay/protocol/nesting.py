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


def depth(data: bytes) -> int:
    """Return how deep brackets nest outside of double-quoted strings."""
    marks = np.frombuffer(_STRING.sub(b"", data), dtype=np.uint8) | 0x20  # turns [ ] into { }
    steps = (marks == ord("{")).astype(np.int8) - (marks == ord("}"))
    return int(steps.cumsum(dtype=np.int32).max(initial=0))
