"""Pairs of answers of which somebody says the better one: the items of a labelling task.

An item has a `question` and two `answers`, a line of a folder's `items.jsonl`. Which of them is `a` follows from a hash
of both, so that their order in the file tells nothing. As a text environment, whose process reads the lines and runs no
code of the folder's: a completion is worth 1 if it is a letter; whether it is the right one, `protocol.agreement` says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assay.errors import Refused
from assay.model.env.folder_items import ITEMS, PLACE
from assay.protocol.agreement import LABELS
from assay.protocol.fields import Option

NAME: Final = "preferences"
TARGET: Final = "assay.model.env.pairs:Pairs"


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


class Pairs:
    """The items of a folder; see `text.TextEnvironment`. Every item is labelled: none is held out."""

    whole = True

    def __init__(self, options: Mapping[str, Option]) -> None:
        lines = (Path(str(options[PLACE])) / ITEMS).read_bytes().splitlines()
        self._lines = [line for line in lines if line.strip()]
        if not self._lines:
            raise Refused(f"the folder has no lines in {ITEMS}")
        self.seeds = len(self._lines)

    def item(self, seed: int) -> Mapping[str, Any]:
        found = json.loads(self._lines[seed])
        if not isinstance(found, dict):
            raise TypeError("an item must be an object")
        return found

    def render(self, item: Mapping[str, Any]) -> str:
        pair = pair_of(item)
        return f"{pair.question}\n\na: {pair.a}\n\nb: {pair.b}\n\nWhich answer is better, a or b?"

    def score(self, _item: Mapping[str, Any], completion: str) -> float:
        return float(completion.strip() in tuple(LABELS))

    def key(self, item: Mapping[str, Any]) -> str:
        """Return what names the item by its content, in files of labels."""
        return pair_of(item).key


def _digest(*words: str) -> bytes:
    total = hashlib.sha256(b"assay pair 1")
    for word in words:
        total.update(hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest())
    return total.digest()
