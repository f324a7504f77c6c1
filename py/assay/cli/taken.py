"""Checkpoints and models as they are named on the command line: a folder, a root, a task's number."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from assay.cli.session import LOCAL_CHAIN, Session
from assay.errors import Refused

if TYPE_CHECKING:
    from assay.roles.card import Origin
    from assay.roles.taking import Taken

ROOT: Final = re.compile(r"0x[0-9a-f]{4,64}")
PLACES: Final = ("bases/*", "taken/*", "nodes/*/artifacts/*")


def folder(s: Session, named: str) -> Path:
    """Return the folder of an artifact: named by path, or by a root (or its first digits) among those of this home."""
    if not ROOT.fullmatch(named):
        if (Path(named) / "manifest.json").is_file():
            return Path(named)
        raise Refused(f"{named} isn't the folder of an artifact, nor a root such as 0x20be…")
    wanted = named.removeprefix("0x")
    found = {
        path.name: path
        for place in PLACES
        for path in sorted(s.home.glob(place))
        if path.name.startswith(wanted) and (path / "manifest.json").is_file()
    }
    if len(found) != 1:
        raise Refused(f"{len(found) or 'no'} artifacts in {s.home} have a root that begins with {named}")
    return next(iter(found.values()))


def of_task(
    s: Session, number: int, round_: int | None, progress: Callable[[str, float], None], **more: Any
) -> tuple[Taken, Origin]:
    """Return a task's checkpoint, fetched where it isn't here, and where it comes from. `more` is for `taking.take`."""
    from assay.cli.measured import evaluations
    from assay.protocol.profile import learn_folder
    from assay.roles.card import origin
    from assay.roles.taking import take

    learn_folder(s.home / "profiles")
    with s.records() as store:
        row = store.task(number)
        if row is None:
            raise Refused(f"there is no task {number} on chain {s.client.chain_id}")
        found = take(store, row, round_, s.home, s.client.chain_id == LOCAL_CHAIN, progress, **more)
        return found, origin(store, row, found.spec, found.round, s.client.chain_id, evaluations(s, row))


def checkpoint(
    s: Session, named: str, round_: int | None, progress: Callable[[str, float], None]
) -> tuple[Path, Origin | None]:
    """Return a checkpoint's folder by task or path, and its origin if that is known."""
    if named.isascii() and named.isdigit() and len(named) < 10:
        found, known = of_task(s, int(named), round_, progress)
        return found.folder, known
    if round_ is not None:
        raise Refused("--round goes with a task's number")
    return folder(s, named), None
