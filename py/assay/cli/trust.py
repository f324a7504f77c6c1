"""Which environments this machine's owner lets it run, as files in the home folder.

Built-in ones and installed datasets of reasoning-gym run from the start, unless they were distrusted. A folder of an
author's code runs only where its root was trusted, or its hash, which covers the options too; a taskset, whose package
a task is free to name, only by its hash. Knows nothing of commands.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from assay.errors import Refused
from assay.protocol.fields import Option

DISTRUSTED: Final = "distrusted.json"
TRUSTED: Final = "trusted.json"
BY_HASH: Final = ("folder", "verifiers")
"""The kinds that run only where their hash was trusted."""


def require_trusted(home: Path, name: str, content: bytes, options: dict[str, Option]) -> None:
    """Refuse an environment that isn't here with exactly this hash, or that isn't trusted on this machine."""
    from assay.protocol.hashing import hex32
    from assay.roles.base import environment_hash

    here = environment_hash(name, options)
    if here != content:
        raise Refused(f"environment.hash: the task pins {name} {hex32(content)[:10]}, here is {hex32(here)[:10]}")
    if not is_trusted(home, name, hex32(here), options):
        which = hex32(here) if name in BY_HASH else name
        raise Refused(f"environment {name} isn't trusted on this machine: `assay env trust {which}`")


def is_trusted(home: Path, name: str, digest: str, options: Mapping[str, Option]) -> bool:
    """Tell whether an environment, by its name, its hash in hex and its options, may run here."""
    words = {digest, str(options.get("root"))} if name == "folder" else {digest}
    if name not in BY_HASH:
        words.add(name)
    if words & read(home, DISTRUSTED):
        return False
    return name not in BY_HASH or bool(words & read(home, TRUSTED))


def change(home: Path, words: set[str], trusted: bool) -> None:
    """Trust hashes or names from now on, or no longer."""
    refused, kept = read(home, DISTRUSTED), read(home, TRUSTED)
    home.mkdir(parents=True, exist_ok=True)
    _write(home / DISTRUSTED, refused - words if trusted else refused | words)
    _write(home / TRUSTED, kept | words if trusted else kept - words)


def read(home: Path, file: str) -> set[str]:
    """Return the hashes and names in one of the two files."""
    try:
        found: Any = json.loads((home / file).read_text())
    except FileNotFoundError:
        return set()
    except (OSError, ValueError):
        found = None
    if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
        raise Refused(f"{home / file} isn't a list of hashes: delete it to trust what is built in, and nothing else")
    return set(found)


def _write(path: Path, words: set[str]) -> None:
    path.write_text(json.dumps(sorted(words)) + "\n")
