"""Base checkpoints that this home made, and models that it imported: a folder each, named by its root in hex, side by
side, with an index by template. Knows nothing of how one is trained.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from assay.errors import Refused
from assay.protocol.fields import Option
from assay.protocol.hashing import hex32, unhex32
from assay.protocol.sections import TaskSpec


def folder_of(home: Path, root: bytes) -> Path:
    """Return where the base checkpoint with this root lies. Refused if it isn't here."""
    folder = home / "bases" / root.hex()
    if not folder.is_dir():
        raise Refused(
            f"model.base: checkpoint {hex32(root)[:10]} isn't in {home / 'bases'}: `assay task init` makes it,"
            " `assay model import` brings one"
        )
    return folder


def imported(home: Path, root: str | None) -> Path:
    """Return the folder of an imported base checkpoint: the one with this root, or the only one there is."""
    if root is not None:
        return folder_of(home, unhex32(root))
    found = [path.parent for path in (home / "bases").glob("*/weights.safetensors") if _names_a_model(path.parent)]
    if len(found) != 1:
        what = "no base checkpoint was imported" if not found else "several base checkpoints were imported"
        raise Refused(f"{what}: `assay model import` brings one, --base ROOT chooses one")
    return found[0]


def _names_a_model(folder: Path) -> bool:
    try:
        return "model" in json.loads((folder / "config.json").read_text())
    except (OSError, ValueError):
        return False


def check(home: Path, spec: TaskSpec) -> None:
    """Refuse a spec whose base checkpoint, or what it names by root beside it, isn't in this home."""
    from assay.roles.needs import needed_by

    near = folder_of(home, spec.model.base).parent
    for root, _ in needed_by(spec):
        if not (near / root.hex()).is_dir():
            raise Refused(f"the spec names {hex32(root)}, and {near} has no such folder: `assay model import` makes it")
    if spec.model.architecture != "llama":
        _check_model(spec, near / spec.model.base.hex())


def _check_model(spec: TaskSpec, base: Path) -> None:
    """Refuse a spec that says something else of its model than the base checkpoint does."""
    from assay.roles.base import section

    found = section(base)
    for name in ("tokenizer", "adapter", "size_bytes"):
        if getattr(found, name) != getattr(spec.model, name):
            said = getattr(spec.model, name)
            raise Refused(f"model.{name}: {said} must be {getattr(found, name)}, as the base checkpoint has it")


def make(home: Path, env: str, options: dict[str, Option], content: bytes, say: Callable[[str], None]) -> bytes:
    """Return the root of an environment's base checkpoint, and make it where it isn't there yet."""
    bases = home / "bases"
    index = bases / f"{env}-{hex32(content)[2:18]}.json"
    if (kept := _indexed(index)) is not None and (bases / kept.hex()).is_dir():
        say(f"base checkpoint {hex32(kept)[:10]} is here already")
        return kept
    from assay.roles import base

    part = bases / f"part-{env}"
    shutil.rmtree(part, ignore_errors=True)
    bases.mkdir(parents=True, exist_ok=True)
    say(f"makes the base checkpoint for {env} (once, about half a minute)")
    root = base.make(env, options, part, progress=_quarters(say))
    target = bases / root.hex()
    if target.is_dir():
        shutil.rmtree(part)
    else:
        part.rename(target)
    index.write_text(json.dumps({"root": hex32(root)}) + "\n")
    return root


def _quarters(say: Callable[[str], None]) -> Callable[[str, float], None]:
    """Return a progress callback that says something at each quarter."""
    told: set[tuple[str, int]] = set()

    def progress(what: str, share: float) -> None:
        quarter = (what, int(share * 4))
        if quarter[1] and quarter not in told:
            told.add(quarter)
            say(f"  {what} {share:.0%}")

    return progress


def _indexed(index: Path) -> bytes | None:
    try:
        return unhex32(json.loads(index.read_text())["root"])
    except (OSError, ValueError, KeyError, TypeError, Refused):
        return None
