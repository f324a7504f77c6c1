"""What this home's initiators measured of their tasks' checkpoints: the chain doesn't know it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assay.cli.session import Session

if TYPE_CHECKING:
    from assay.store import Store
    from assay.store.rows import TaskRow


def evaluations(s: Session, task: TaskRow) -> dict[int, Mapping[str, Any]]:
    """Return the evaluations of a task's checkpoints by round, if its initiator's node runs from this home."""
    from assay.api.curve import noted
    from assay.store import open_store

    path = s.node_folder(s.names.of(task.initiator)) / "store.db"
    if not path.is_file():
        return {}
    store = open_store(f"sqlite:///{path}")
    try:
        return noted(store, task)
    finally:
        store.close()


def beside(s: Session) -> Any:
    """Return `evaluations` as the API asks for it: what its own records hold, else what this home's initiator has."""
    from assay.api.curve import noted

    def found(store: Store, task: TaskRow) -> Mapping[int, Mapping[str, Any]]:
        return noted(store, task) or evaluations(s, task)

    return found


def line(measured: Mapping[int, Mapping[str, Any]]) -> str:
    """Return a task's reward curve in one line; empty if nothing was measured."""
    if not measured:
        return ""
    shown = ", ".join(f"{number}: {one['reward']:.3f}" for number, one in sorted(measured.items()))
    return f"held-out reward by checkpoint: {shown}"
