"""A trainer's folders of work that may be cut off: each is named after its work, and files appear whole.

Knows nothing of what the work is. Folders lie in the trainer's own home and are never served.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from assay.artifact.folder import flush
from assay.errors import Unavailable

NAME_FILE: Final = "order"


def claim(folder: Path, name: str) -> None:
    """Make `folder` that of the work called `name`: what other work left in it is deleted."""
    known = folder / NAME_FILE
    if not known.is_file() or known.read_text() != name:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_whole(known, name.encode())


def write_whole(path: Path, data: bytes) -> None:
    """Write a file complete or not at all, and wait until it is on the disk."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        with fresh.open("wb") as sink:
            sink.write(data)
            sink.flush()
            os.fsync(sink.fileno())
        fresh.rename(path)
        flush(path.parent)
    except OSError as error:
        raise Unavailable(f"can't write {path}: {error.strerror or error}") from error
