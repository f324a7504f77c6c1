"""What a run has found so far: counts by attack, and the file that a cut run goes on from."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def wilson(bad: int, n: int, z: float = 1.96) -> list[float]:
    """Return the 95 % Wilson interval of a share."""
    if not n:
        return [0.0, 1.0]
    p, d = bad / n, 1 + z * z / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return [round(max(0.0, (middle - half) / d), 6), round((middle + half) / d, 6)]


def entry(table: dict[str, Any], name: str, word: str) -> dict[str, Any]:
    """Return the row of an attack ("missed") or of honest work ("refused"), made if it isn't there."""
    row: dict[str, Any] = table.setdefault(name, {word: 0, "trials": 0, "wilson": [0.0, 1.0], "reasons": {}})
    return row


def count(row: dict[str, Any], word: str, reason: str | None) -> None:
    """Add one trial: its reason of refusal, or None."""
    row["trials"] += 1
    if reason is not None:
        row["reasons"][reason] = row["reasons"].get(reason, 0) + 1
    row[word] += (reason is None) == (word == "missed")
    row["wilson"] = wilson(row[word], row["trials"])


def more(
    row: dict[str, Any], word: str, upto: int, trial: Callable[[int], str | None], until: float = math.inf
) -> None:
    """Run trials from the number that the row has up to `upto`, unless the clock says `until` before."""
    for number in range(row["trials"], upto):
        if time.monotonic() > until:
            return
        count(row, word, trial(number))


def begun(path: Path | None, key: list[str]) -> dict[str, Any]:
    """Return what a cut run of the same profiles left, or nothing."""
    if path is not None and path.is_file():
        found: dict[str, Any] = json.loads(path.read_text())
        if found.get("profiles") == key:
            return found
    return {"profiles": key}


def keep(path: Path | None, found: dict[str, Any]) -> None:
    """Write what there is, whole or not at all."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".part").write_text(json.dumps(found, indent=1) + "\n")
        path.with_suffix(".part").replace(path)
