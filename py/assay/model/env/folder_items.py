"""The items and functions of an environment's folder, as they run in the environment's process: see `folder`.

What `scorer.py` doesn't define has a default. Knows nothing of artifacts and roots: `folder` hashed the files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from assay.errors import Refused

if TYPE_CHECKING:
    from assay.protocol.fields import Option

PLACE: Final = "folder"
"""The option in which the process is told where the folder lies; not one of a task's."""
ITEMS, SCORER = "items.jsonl", "scorer.py"


class Folder:
    """The folder's items and functions; see `text.TextEnvironment`. Runs in the environment's process."""

    def __init__(self, options: Mapping[str, Option]) -> None:
        place = Path(str(options[PLACE]))
        self._scorer = ModuleType("scorer")
        vars(self._scorer)["OPTIONS"] = {key: value for key, value in options.items() if key not in {PLACE, "root"}}
        if (place / SCORER).is_file():
            code = compile((place / SCORER).read_bytes(), SCORER, "exec")
            exec(code, vars(self._scorer))  # noqa: S102  this process is for nothing else, and limited
        lines = (place / ITEMS).read_bytes().splitlines() if (place / ITEMS).is_file() else []
        self._lines = [line for line in lines if line.strip()]
        self._makes: Callable[[int], Any] | None = getattr(self._scorer, "item", None)
        if self._makes is None and not self._lines:
            raise Refused(f"the folder has neither lines in {ITEMS} nor a function item in {SCORER}")
        self.seeds = int(getattr(self._scorer, "SEEDS", 1 << 31)) if self._makes else len(self._lines)

    def item(self, seed: int) -> Mapping[str, Any]:
        found = self._makes(seed) if self._makes else json.loads(self._lines[seed])
        if not isinstance(found, dict):
            raise TypeError("an item must be an object")
        return found

    def render(self, item: Mapping[str, Any]) -> Any:
        if (own := getattr(self._scorer, "render", None)) is not None:
            return own(item)
        for name in ("messages", "prompt", "question"):
            if name in item:
                return item[name]
        raise KeyError("the item has no messages, prompt or question")

    def score(self, item: Mapping[str, Any], completion: str) -> float:
        if (own := getattr(self._scorer, "score", None)) is not None:
            return own(item, completion)  # type: ignore[no-any-return]  # the process checks what it gives
        return float(completion.strip().casefold() == self.answer(item).strip().casefold())

    def answer(self, item: Mapping[str, Any]) -> str:
        own = getattr(self._scorer, "answer", None)
        return str(own(item) if own is not None else item["answer"])

    def pair(self, item: Mapping[str, Any]) -> tuple[str, str]:
        own = getattr(self._scorer, "pair", None)
        chosen, rejected = own(item) if own is not None else (item["chosen"], item["rejected"])
        return str(chosen), str(rejected)
