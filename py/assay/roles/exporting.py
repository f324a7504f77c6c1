"""Writing a checkpoint out as a folder for others, with its card: made in a child with limits, then put in place."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from assay.artifact.folder import open_artifact
from assay.artifact.pretrained import model_root
from assay.artifact.weights import checked_config
from assay.errors import Refused
from assay.roles.card import Origin, card
from assay.roles.taking import check_beside
from assay.roles.told import Progress, work

MAX_BYTES: Final = 256 << 30
SPARE_BYTES: Final = 4 << 30
TIMES: Final = 12


def export(
    checkpoint: Path, out: Path, merge: bool, dtype: str, known: Origin | None, progress: Progress
) -> dict[str, Any]:
    """Write the checkpoint in a folder to the new folder `out`. Returns what was written, as JSON.

    Refused if `out` is there already, or the checkpoint can't be used; Unavailable if its model isn't beside it.
    """
    if out.exists():
        raise Refused(f"{out} is there already")
    out.parent.mkdir(parents=True, exist_ok=True)
    root = open_artifact(checkpoint, MAX_BYTES).root
    check_beside(checkpoint)
    near = checkpoint.absolute().parent
    named = model_root(checked_config(checkpoint, MAX_BYTES))
    folders = [checkpoint, *([near / named.hex()] if named is not None else [])]
    size = sum(path.stat().st_size for folder in folders for path in folder.glob("*.safetensors"))
    with tempfile.TemporaryDirectory(prefix=".export-", dir=out.parent) as name:
        room = Path(name).absolute()
        args = {"checkpoint": str(checkpoint.absolute()), "out": str(room / "out"), "merge": merge, "dtype": dtype,
                "max_bytes": MAX_BYTES}  # fmt: skip
        memory = SPARE_BYTES + TIMES * size
        made = work("export_model", args, room, (near,), memory, progress, ("assay.train.exporting",))
        (room / "out" / "README.md").write_text(card(out.name, made, root, known))
        shutil.move(room / "out", out)
    return {**made, "checkpoint": "0x" + root.hex(), "folder": str(out), "files": sorted(p.name for p in out.iterdir())}
