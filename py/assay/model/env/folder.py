"""An environment of one's own: a folder with `items.jsonl`, a JSON object a line, and `scorer.py`, or one of the two.

`scorer.py` may define `item(seed)` with `SEEDS`, `render(item)`, `score(item, completion)`, `answer(item)` and
`pair(item)`; it finds the task's options in `OPTIONS`. What it leaves out is: the line of that number; its `messages`,
`prompt` or `question`; 1 if the completion is the item's `answer` but for case and spaces around it; its `answer`; its
`chosen` and `rejected`. As an artifact of kind `environment` the folder has a root, which the option `root` names and
the environment's hash covers. The scorer is a stranger's code: it runs only in a process of `host`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from assay.artifact import strict
from assay.artifact.folder import open_named, read_bounded, seal, staged
from assay.artifact.manifest import Manifest, is_allowed
from assay.errors import Refused
from assay.model.env.folder_items import ITEMS, PLACE, SCORER
from assay.protocol.fields import Option

__all__ = ["ITEMS", "PLACE", "SCORER", "described", "opened", "root_of", "write"]

NAME: Final = "folder"
KIND: Final = "environment"
VERSION: Final = 1
TARGET: Final = "assay.model.env.folder_items:Folder"
FOLDER_BYTES: Final = 256 << 20
ITEM_BYTES: Final = 1 << 20


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
    return open_named(near, root, KIND, FOLDER_BYTES).folder


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
