"""Hold tests/solidity/README.md to the tests that it names.

    python scripts/checklist.py      exit 1 and say what is wrong

Fails when a row of the security checklist that is shown in Solidity (1 to 38 but 24) has no test whose comment says
`checklist N`, when the table's row for N names a test without that comment, or when any table names a test that isn't
there. Tests are named `File.test_name` there, and `File` alone where a whole file is meant.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests" / "solidity"
SHOWN = frozenset(range(1, 39)) - {24}  # 24 is Python's: salts are drawn there
_COMMENT = re.compile(r"checklist ((?:\d+(?:, )?)+)")
_BLOCK = re.compile(r"((?:^ *///.*\n)+) *(?:abstract )?(?:contract|function) (\w+)", re.MULTILINE)
_NAME = re.compile(r"`(\w+)(?:\.(\w+))?`")
_ROW = re.compile(r"^\| (\d+) \|")


def read_tests() -> tuple[dict[str, set[str]], dict[int, set[str]]]:
    """Return the functions of each file, and for each row of the checklist what carries its number: File.name."""
    functions: dict[str, set[str]] = {}
    shown: dict[int, set[str]] = {}
    for path in sorted(TESTS.glob("*.t.sol")):
        name, text = path.name.removesuffix(".t.sol"), path.read_text()
        functions[name] = set(re.findall(r"function ((?:test|invariant)\w*)", text))
        for comment, what in _BLOCK.findall(text):
            place = f"{name}.{what}" if what in functions[name] else name  # a contract's comment is for the whole file
            for numbers in _COMMENT.findall(re.sub(r"\n *///", "", comment)):
                for number in numbers.rstrip(", ").split(", "):
                    shown.setdefault(int(number), set()).add(place)
    return functions, shown


def problems() -> list[str]:
    functions, shown = read_tests()
    found = [f"checklist {n} has no test" for n in sorted(SHOWN - shown.keys())]
    listed = set()
    for line in (TESTS / "README.md").read_text().splitlines():
        row = _ROW.match(line)
        for file, test in _NAME.findall(line) if line.startswith("|") else []:
            if file not in functions or (test and test not in functions[file]):
                found.append(f"there is no {file}.{test}".rstrip("."))
            elif row and not {file, f"{file}.{test}"} & shown.get(int(row[1]), set()):
                found.append(f"{file}.{test} doesn't say checklist {row[1]}")
        if row:
            listed.add(int(row[1]))
    return found + [f"the README has no row {n}" for n in sorted(SHOWN - listed)]


if __name__ == "__main__":
    found = problems()
    sys.exit("\n".join(found) if found else 0)
