"""The curves of a task as TensorBoard event files: `tensorboard --logdir HOME/tensorboard`.

A file is written anew each time, whole, so that what is shown is what the records say also after a restart or a
reorganisation. Knows nothing of where the figures come from.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

Point = tuple[int, float]


def write(
    folder: Path, scalars: Mapping[str, Sequence[Point]], histograms: Mapping[str, Mapping[int, Sequence[int]]]
) -> None:
    """Write curves: `scalars` has (round, value) by name, `histograms` counts of 0, 1, 2, … by name and round."""
    folder.mkdir(parents=True, exist_ok=True)
    before = list(folder.iterdir())
    writer: Any = EventFileWriter(str(folder), filename_suffix=f".{secrets.token_hex(4)}")
    found = [
        (step, Summary.Value(tag=name, simple_value=value))
        for name, points in scalars.items()
        for step, value in points
    ]
    found += [
        (step, Summary.Value(tag=name, histo=_histogram(counts)))
        for name, rounds in histograms.items()
        for step, counts in rounds.items()
    ]
    now = time.time()
    # TensorBoard takes a step that goes back for a restart, and forgets what came after it
    for step, value in sorted(found, key=lambda one: one[0]):
        writer.add_event(Event(wall_time=now, step=step, summary=Summary(value=[value])))
    writer.close()
    for path in before:
        with suppress(FileNotFoundError):
            path.unlink()


def _histogram(counts: Sequence[int]) -> HistogramProto:
    numbers = np.arange(len(counts), dtype=np.float64)
    weights = np.asarray(counts, np.float64)
    return HistogramProto(
        min=0.0,
        max=float(max(0, len(counts) - 1)),
        num=float(weights.sum()),
        sum=float((weights * numbers).sum()),
        sum_squares=float((weights * numbers**2).sum()),
        bucket_limit=[float(number) + 0.5 for number in numbers],
        bucket=[float(weight) for weight in weights],
    )
