"""Bringing a stranger's model into a home: read in a child with limits, kept as artifacts by root, side by side.

Knows nothing of formats: `train.importing` reads them, inside. The artifacts are hashed again before they are kept.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from assay.artifact.folder import open_artifact
from assay.errors import Refused
from assay.protocol.hashing import unhex32
from assay.roles.told import Progress, work

SPARE_BYTES: Final = 4 << 30
TIMES: Final = 24
"""Memory for each byte of the source: four bits become float32, and there are three copies at the worst moment."""
UNBOUNDED: Final = 1 << 62


def bring(
    source: Path, bases: Path, adapter: dict[str, Any] | None, dtype: str | None, seed: int, progress: Progress
) -> dict[str, Any]:
    """Import the model at `source` into the folder `bases`; return roots, adapter and sizes as JSON.

    Refused if there is nothing, or what is there can't be used; Unavailable if the disk is full.
    """
    if not source.exists():
        raise Refused(f"{source} isn't there")
    bases.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".import-", dir=bases) as name:
        room, place = Path(name).absolute(), source.absolute()
        args = {"source": str(place), "out": str(room), "adapter": adapter, "dtype": dtype, "seed": seed}
        memory = SPARE_BYTES + TIMES * _size(place)
        made = work("import_model", args, room, _seen(place), memory, progress, ("assay.train.importing",))
        for what, folder in (("model", "model"), ("base", "checkpoint")):
            keep(room / folder, bases, unhex32(made[what]))
    return made


def keep(folder: Path, bases: Path, root: bytes) -> Path:
    """Move an artifact to where its root names it. Refused unless it has this root."""
    if open_artifact(folder, UNBOUNDED).root != root:
        raise Refused(f"{folder} isn't the artifact that it was said to be")
    target = bases / root.hex()
    if target.is_dir():
        shutil.rmtree(folder)
    else:
        folder.rename(target)
    return target


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else [path for path in place.iterdir() if path.is_file()]


def _size(place: Path) -> int:
    return sum(path.stat().st_size for path in _files(place) if path.suffix in {".safetensors", ".gguf"})


def _seen(place: Path) -> tuple[Path, ...]:
    """Return what the child must see: the place, and where its files are links to, as in a hub's cache."""
    own = place.parent if place.is_file() else place
    return (own, *sorted({path.resolve().parent for path in _files(place)} - {own}))
