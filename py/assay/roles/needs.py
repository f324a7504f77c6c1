"""Which artifacts a task needs beside its submissions: what its spec names by root, and recent checkpoints."""

from __future__ import annotations

from typing import Final

from assay.protocol.hashing import unhex32
from assay.protocol.spec import TaskSpec
from assay.store.engine import Store

DISPUTED_ROUNDS: Final = 3
"""So many rounds before the oldest base that a submission may name are kept: a court may ask for them."""


def needed_by(spec: TaskSpec) -> list[tuple[bytes, int]]:
    """Return the roots of the folders that a task needs beside its checkpoints, and how many bytes each may have."""
    named = [(spec.model.tokenizer, spec.model.size_bytes)] if spec.model.architecture != "llama" else []
    folder = spec.environment.options.get("root")
    if isinstance(folder, str):
        named.append((folder, spec.rounds.max_artifact_bytes))
    return [(unhex32(root), limit) for root, limit in named]


def needed_of(store: Store, task: int, spec: TaskSpec) -> set[bytes]:
    """Return the roots that a task needs as long as it isn't over: its base, what it names, its recent checkpoints."""
    checkpoints = [row for row in store.checkpoints(task) if row.final]
    newest = max((row.round for row in checkpoints), default=0)
    oldest = newest - spec.rounds.staleness - DISPUTED_ROUNDS
    recent = {row.root for row in checkpoints if row.round >= oldest}
    return {spec.model.base, *(root for root, _ in needed_by(spec)), *recent}
