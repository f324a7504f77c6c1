"""The rollouts of a submission on disk, piece by piece as they are made.

A piece appears complete or not at all, also when the machine stops in between; the file lies in the trainer's own
folder and is never served. Pieces of another order are deleted. Knows nothing of how rollouts are made.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assay.artifact.folder import flush
from assay.artifact.rollouts import PAD, Rollouts
from assay.errors import Unavailable
from assay.train import work_folder

Array = NDArray[Any]
_SECONDS: Final = "seconds"
_TEXTS: Final = ("prompt_texts", "texts")
_FILL: Final = {"prompts": PAD, "tokens": PAD}


class Pieces:
    """The pieces of the order that is called `name`, in `folder`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        work_folder.claim(folder, name)

    def has(self, at: int) -> bool:
        """Tell whether piece `at` is complete."""
        return self._path(at).is_file()

    def count(self) -> int:
        """Return how many pieces there are, without a gap from the first."""
        at = 0
        while self.has(at):
            at += 1
        return at

    def put(self, at: int, rollouts: Rollouts, seconds: float) -> None:
        """Write piece `at`, and how long it took."""
        columns: dict[str, Any] = {field.name: _packed(getattr(rollouts, field.name)) for field in fields(rollouts)}
        columns[_SECONDS] = np.float64(seconds)
        fresh = self._path(at).with_suffix(".new")
        try:
            with fresh.open("wb") as sink:
                np.savez(sink, **columns)
                sink.flush()
                os.fsync(sink.fileno())
            fresh.rename(self._path(at))
            flush(self._folder)
        except OSError as error:
            raise Unavailable(f"can't write {self._path(at)}: {error.strerror or error}") from error

    def get(self, at: int) -> Rollouts:
        """Read piece `at`."""
        with np.load(self._path(at), allow_pickle=False) as held:
            columns: dict[str, Any] = {field.name: held[field.name] for field in fields(Rollouts)}
            columns |= {name: _unpacked(columns[name]) for name in _TEXTS}
            return Rollouts(**columns)

    def seconds(self, at: int) -> float:
        """Return how long piece `at` took."""
        with np.load(self._path(at), allow_pickle=False) as held:
            return float(held[_SECONDS])

    def _path(self, at: int) -> Path:
        return self._folder / f"piece-{at}.npz"


def _packed(column: Array) -> Array:
    """Return a column of texts as the bytes of a JSON list: NumPy writes none without pickling."""
    if column.dtype != np.object_:
        return column
    return np.frombuffer(json.dumps(column.tolist()).encode(), np.uint8)


def _unpacked(packed: Array) -> Array:
    texts = json.loads(packed.tobytes())
    column = np.empty(len(texts), np.object_)
    column[:] = texts
    return column


def joined(parts: Sequence[Rollouts]) -> Rollouts:
    """Return the rollouts of all parts one after another, each column as wide as the widest."""
    columns: dict[str, Any] = {}
    for field in fields(Rollouts):
        each = [getattr(part, field.name) for part in parts]
        if each[0].ndim == 2:
            width, fill = max(column.shape[1] for column in each), _FILL.get(field.name, 0)
            gap = [((0, 0), (0, width - column.shape[1])) for column in each]
            each = [np.pad(column, at, constant_values=fill) for column, at in zip(each, gap, strict=True)]
        columns[field.name] = np.concatenate(each)
    return Rollouts(**columns)
