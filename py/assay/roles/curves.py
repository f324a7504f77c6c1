"""The curves of a task, from a node's records: what its evaluations measured, and how late its submissions were.

Knows nothing of how a checkpoint is measured. Shown by the API, and by TensorBoard from the files written here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from assay.store.engine import Store

SCALARS: Final = {
    "reward": "held_out/reward",
    "reward_low": "held_out/reward_low",
    "reward_high": "held_out/reward_high",
    "entropy": "held_out/entropy",
    "length_mean": "held_out/response_length",
    "length_p90": "held_out/response_length_p90",
    "ended": "held_out/ended",
    "tokens_per_second": "speed/tokens_per_second",
}
"""What is measured of a checkpoint, and the tag that it has in TensorBoard."""


def sentence(measured: Mapping[str, Any]) -> str:
    """Return an evaluation as a person reads it."""
    interval = f" ({measured['reward_low']:.3f} to {measured['reward_high']:.3f})" if "reward_low" in measured else ""
    parts = [f"reward {measured['reward']:.3f}{interval} on {measured['items']} held-out items"]
    for name, shown in (("entropy", "entropy {:.2f}"), ("length_mean", "{:.1f} tokens"),
                        ("tokens_per_second", "{:.0f} tokens/s")):  # fmt: skip
        if name in measured:
            parts.append(shown.format(measured[name]))
    return " · ".join(parts)


def write(store: Store, task: int, folder: Path) -> None:
    """Write a task's curves into a folder that `tensorboard --logdir` shows."""
    from assay.train import curves

    notes = store.notes(task, "evaluation")
    scalars = {
        tag: [(note.round, float(note.json[name])) for note in notes if name in note.json]
        for name, tag in SCALARS.items()
    }
    rounds: dict[int, tuple[int, int]] = {}
    for row in store.submissions(task):
        count, units = rounds.get(row.round, (0, 0))
        rounds[row.round] = count + 1, units + row.units
    scalars["rounds/submissions"] = [(number, float(count)) for number, (count, _) in sorted(rounds.items())]
    scalars["rounds/units"] = [(number, float(units)) for number, (_, units) in sorted(rounds.items())]
    late = store.staleness(task)
    means = {number: sum(i * n for i, n in enumerate(counts)) / sum(counts) for number, counts in late.items()}
    scalars["rounds/staleness_mean"] = sorted(means.items())
    curves.write(folder, scalars, {"rounds/staleness": late})
