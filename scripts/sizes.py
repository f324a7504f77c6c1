"""Hold files to the lengths that one can still read: 400 lines of Python, 350 of a contract.

    python scripts/sizes.py      exit 1 and name the files that are longer

Python is what ends with .py or names it in its first line, in py, scripts and tests. Tests in Solidity may be longer.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON, CONTRACT = 400, 350


def limited() -> Iterator[tuple[Path, int]]:
    """Give each file that has a limit, with its limit."""
    for folder in ("py", "scripts", "tests"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix == ".py" or (not path.suffix and path.is_file() and _is_script(path)):
                yield path, PYTHON
    for path in (ROOT / "contracts").rglob("*.sol"):
        yield path, CONTRACT


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        first = file.readline(100)
    return first.startswith(b"#!") and b"python" in first


def problems() -> list[str]:
    found = []
    for path, most in sorted(limited()):
        lines = len(path.read_text().splitlines())
        if lines > most:
            found.append(f"{path.relative_to(ROOT)} has {lines} lines, {most} are allowed: split it by subject")
    return found


if __name__ == "__main__":
    found = problems()
    sys.exit("\n".join(found) if found else 0)
