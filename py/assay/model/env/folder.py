"""An environment of one's own: a folder with `items.jsonl`, a JSON object a line, and `scorer.py`, or one of the two.

`scorer.py` may define `item(seed)` with `SEEDS`, `render(item)`, `score(item, completion)`, `answer(item)` and
`pair(item)`; it finds the task's options in `OPTIONS`. What it leaves out is: the line of that number; its `messages`,
`prompt` or `question`; 1 if the completion is the item's `answer` but for case and spaces around it; its `answer`; its
`chosen` and `rejected`. As an artifact of kind `environment` the folder has a root, which the option `root` names and
the environment's hash covers. The scorer is a stranger's code: it runs only in a process of `host`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from assay.artifact import strict
from assay.artifact.folder import open_artifact, read_bounded, seal, staged
from assay.artifact.manifest import Manifest, is_allowed
from assay.artifact.strict import refuse
from assay.errors import Refused, Unavailable
from assay.protocol.fields import Option

NAME: Final = "folder"
KIND: Final = "environment"
VERSION: Final = 1
TARGET: Final = "assay.model.env.folder:Folder"
PLACE: Final = "folder"
"""The option in which the process is told where the folder lies; not one of a task's."""
ITEMS, SCORER = "items.jsonl", "scorer.py"
FOLDER_BYTES: Final = 256 << 20
ITEM_BYTES: Final = 1 << 20


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


def described(options: Mapping[str, Option]) -> dict[str, Any]:
    """Return what the hash covers besides the options, of which the root is one: this adapter's version."""
    root_of(options)
    return {"adapter": VERSION}


def root_of(options: Mapping[str, Option]) -> bytes:
    """Return the root that a task's options name the folder by. Refused if there is none."""
    try:
        return strict.bytes32(options.get("root"), "environment folder: the option root")
    except Refused:
        raise Refused("environment folder needs the option root, its 32 bytes in hex: `assay env add FOLDER`") from None


def opened(near: Path, root: bytes) -> Path:
    """Return where the folder of a root lies, its bytes hashed. Refused if it isn't one, Unavailable if not there."""
    place = near / root.hex()
    if not place.is_dir():
        raise Unavailable(f"the environment 0x{root.hex()} isn't here")
    artifact = open_artifact(place, FOLDER_BYTES)
    if artifact.root != root:
        raise Refused(f"{place} doesn't hold the environment that it is named after")
    if artifact.manifest.kind != KIND:
        refuse(f"0x{root.hex()} is a {artifact.manifest.kind}, not an environment")
    return place


def write(place: Path, source: Path) -> Manifest:
    """Make an artifact of an author's folder; files of other names are left out.

    Refused if a line isn't a JSON object, or the scorer isn't Python; it isn't run.
    """
    names = [name for name in (ITEMS, SCORER) if (source / name).is_file()]
    if not names:
        raise Refused(f"{source} has neither {ITEMS} nor {SCORER}")
    data = {path.name: read_bounded(path, FOLDER_BYTES) for path in source.iterdir() if is_allowed(KIND, path.name)}
    for number, line in enumerate(data.get(ITEMS, b"").splitlines(), 1):
        if line.strip() and not isinstance(strict.load(line, ITEM_BYTES, f"line {number} of {ITEMS}"), dict):
            raise Refused(f"line {number} of {ITEMS} isn't a JSON object")
    try:
        compile(data.get(SCORER, b""), SCORER, "exec")
    except (SyntaxError, ValueError) as error:
        raise Refused(f"{SCORER} isn't Python: {error}") from error
    with staged(place) as stage:
        for name, content in data.items():
            if content:
                (stage / name).write_bytes(content)
        return seal(stage, KIND, None)
