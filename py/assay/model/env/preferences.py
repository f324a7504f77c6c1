"""Ways to get labels of pairs of answers: a file of labels, a command, or a person.

A labeller sees the two answers and never another's label. Knows nothing of who agrees: see `protocol.agreement`.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from assay.artifact import strict
from assay.artifact.folder import read_bounded
from assay.errors import Refused, Unavailable
from assay.model.env.folder import FOLDER_BYTES, ITEM_BYTES, ITEMS
from assay.model.env.pairs import Pair, pair_of

Labeller = Callable[["Pair"], str | None]
"""Gives `a`, `b`, or None where it can't decide."""
WORDS: Final = {"a": "a", "1": "a", "b": "b", "2": "b"}
_OUTPUT: Final = 4096


def read_pairs(folder: Path) -> list[Pair]:
    """Read the items of a folder whose bytes were hashed. Refused, naming the line, if one isn't a pair."""
    found = []
    for number, line in enumerate(read_bounded(folder / ITEMS, FOLDER_BYTES).splitlines(), 1):
        if line.strip():
            item = strict.load(line, ITEM_BYTES, f"line {number} of {ITEMS}")
            try:
                found.append(pair_of(item if isinstance(item, dict) else {}))
            except Refused as error:
                raise Refused(f"line {number} of {ITEMS}: {error}") from error
    return found


def read_labels(path: Path) -> dict[str, str]:
    """Read such a file; a later line beats an earlier one. An absent file has none."""
    if not path.exists():
        return {}
    found = {}
    for number, line in enumerate(read_bounded(path, FOLDER_BYTES).splitlines(), 1):
        if line.strip():
            one = strict.fields(strict.load(line, 4096, f"line {number}"), ("key", "label"), f"line {number}")
            if not isinstance(one["key"], str) or one["label"] not in ("a", "b"):
                raise Refused(f"line {number} of {path.name} isn't a label of an item")
            found[one["key"]] = one["label"]
    return found


def by_command(command: Sequence[str], seconds: float = 60.0) -> Labeller:
    """Ask a program of the owner's own: it reads {"question", "a", "b"} and writes a or b; anything else: undecided.

    It runs as the owner's, without walls: never one that a task brought.
    """

    def label(pair: Pair) -> str | None:
        asked = json.dumps({"question": pair.question, "a": pair.a, "b": pair.b})
        try:
            done = subprocess.run(command, input=asked.encode(), capture_output=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            return None
        except OSError as error:
            raise Unavailable(f"the labelling command can't be started: {error.strerror}") from error
        said = done.stdout[:_OUTPUT].decode(errors="replace").strip().lower()
        return WORDS.get(said) if done.returncode == 0 else None

    return label
