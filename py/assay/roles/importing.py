"""Bringing a stranger's model into a home: read in a child with limits, kept as artifacts by root, side by side.

Knows nothing of formats: `train.importing` reads them, inside. The artifacts are hashed again before they are kept.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from assay.artifact.folder import open_artifact
from assay.artifact.sandbox import Job, Sandbox
from assay.artifact.walls import Walls, usable
from assay.errors import Refused
from assay.protocol.hashing import unhex32

SECONDS: Final = 4 * 3600.0
SPARE_BYTES: Final = 4 << 30
TIMES: Final = 24
"""Memory for each byte of the source: four bits become float32, and there are three copies at the worst moment."""
OFFLINE: Final = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
LOOK_SECONDS: Final = 0.2
UNBOUNDED: Final = 1 << 62
Progress = Callable[[str, float], None]


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
        args = {"source": str(place), "out": str(room), "told": str(room / "told"), "adapter": adapter,
                "dtype": dtype, "seed": seed}  # fmt: skip
        walls = Walls(read=_seen(place), write=(room,)) if usable() else None
        memory = SPARE_BYTES + TIMES * _size(place)
        with Sandbox(("assay.train.importing",), environment=OFFLINE, walls=walls) as sandbox:
            made = _wait(sandbox.start("assay.roles.work:import_model", args, memory, SECONDS), room / "told", progress)
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


def _wait(job: Job, told: Path, progress: Progress) -> dict[str, Any]:
    last = ""
    while not job.done():
        time.sleep(LOOK_SECONDS)
        try:
            text = told.read_text()
            if text != last:
                what, share = json.loads(text)
                progress(str(what), float(share))
                last = text
        except (OSError, ValueError, TypeError):
            continue  # not begun, or just being written
    return job.result()


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else [path for path in place.iterdir() if path.is_file()]


def _size(place: Path) -> int:
    return sum(path.stat().st_size for path in _files(place) if path.suffix in {".safetensors", ".gguf"})


def _seen(place: Path) -> tuple[Path, ...]:
    """Return what the child must see: the place, and where its files are links to, as in a hub's cache."""
    own = place.parent if place.is_file() else place
    return (own, *sorted({path.resolve().parent for path in _files(place)} - {own}))
