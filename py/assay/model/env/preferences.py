"""Pairs of answers of which somebody says the better one: the items of a labelling task, and ways to get a label.

An item has a `question` and two `answers`, a line of a folder's `items.jsonl`. Which of them is `a` follows from a hash
of both, so that their order in the file tells nothing. A labeller is a file of labels, a command, or a person; it sees
the two answers and never another's label. Knows nothing of who agrees: see `protocol.agreement`.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assay.artifact import strict
from assay.artifact.folder import read_bounded
from assay.errors import Refused, Unavailable
from assay.model.env.folder import FOLDER_BYTES, ITEM_BYTES, ITEMS

Labeller = Callable[["Pair"], str | None]
"""Gives `a`, `b`, or None where it can't decide."""
WORDS: Final = {"a": "a", "1": "a", "b": "b", "2": "b"}
_OUTPUT: Final = 4096


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and its two answers, in the order that everybody sees them in. `key` names the item by its content."""

    question: str
    a: str
    b: str
    key: str


def pair_of(item: Mapping[str, Any]) -> Pair:
    """Return an item as it is labelled. Refused if it isn't a question with two different answers."""
    question, answers = item.get("question"), item.get("answers")
    if isinstance(question, str) and isinstance(answers, list) and len(answers) == 2:
        texts = [str(answer) for answer in answers if isinstance(answer, str)]
        if len(set(texts)) == 2:
            first, second = sorted(texts, key=lambda text: _digest(question, text))
            return Pair(question, first, second, _digest(question, first, second).hex())
    raise Refused("an item to label has a question and two different answers")


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


def by_file(path: Path) -> Labeller:
    """Take labels from a JSONL file of {"key", "label"}, as `assay label` writes it; what it lacks is undecided."""
    known = read_labels(path)
    return lambda pair: known.get(pair.key)


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


def labelled(pairs: Sequence[Pair], drawn: Sequence[int], labeller: Labeller) -> dict[int, str]:
    """Return a labeller's own labels of the drawn items; those that it can't decide are left out."""
    found = {item: labeller(pairs[item]) for item in drawn}
    return {item: label for item, label in found.items() if label is not None}


def _digest(*words: str) -> bytes:
    total = hashlib.sha256(b"assay pair 1")
    for word in words:
        total.update(hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest())
    return total.digest()
