"""Making the next checkpoint, and making an earlier one again for the court."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from assay.protocol.profile import documents as profiles
from assay.protocol.spec import TaskSpec, to_json
from assay.roles.acting import checkpoint_folder
from assay.roles.actions import MakeCheckpoint
from assay.roles.checking import submission_of
from assay.roles.node import Node
from assay.roles.observing import key
from assay.roles.revising import plain
from assay.store.rows import TaskRow


def make_checkpoint(node: Node, task: TaskRow, spec: TaskSpec, action: MakeCheckpoint) -> None:
    """Compute the next checkpoint, keep it, and note its root beside what it was made of."""
    out = node.config.home / "work" / f"checkpoint-{task.id}-{action.round}"
    args = merge_args(node, task, spec, action, out)

    def done(root: bytes) -> None:
        made = {"root": root.hex(), "base": action.base, "corrections": plain(action.corrections)}
        node.store.put_note(task.id, action.round, "checkpoint", made)
        for one in action.corrections:
            taken = ", ".join(str(index) for index in one.before if index not in one.after) or "none"
            given = ", ".join(str(index) for index in one.after if index not in one.before) or "none"
            what = f"takes back round {one.round}'s {taken}, puts in {given}"
            node.say(f"task {task.id} round {action.round} · the checkpoint {what}")

    node.jobs.start(key(task.id, action.round, "merge"), lambda: merged(node, args), done, heavy=True)


def merge_args(node: Node, task: TaskRow, spec: TaskSpec, action: MakeCheckpoint, out: Path) -> dict[str, Any]:
    """Return what the merging job needs. Raises Refused where something of it isn't held here."""

    def parts(round_: int, indices: Iterable[int]) -> list[dict[str, Any]]:
        rows = [submission_of(node, task.id, round_, index) for index in indices]
        return [{"folder": str(node.chunks.folder(row.root)), "units": row.units} for row in rows]

    return {
        "spec": to_json(spec).decode(),
        "profiles": profiles(spec.verification),
        "checkpoint": checkpoint_folder(node, task.id, action.base),
        "parts": parts(action.round, action.included),
        "corrections": [
            {"before": parts(one.round, one.before), "after": parts(one.round, one.after)} for one in action.corrections
        ],
        "out": str(out),
    }


def merged(node: Node, args: dict[str, Any]) -> bytes:
    """Run the job, keep what it made, and return its root. For a thread of its own."""
    out = Path(args["out"])
    shutil.rmtree(out, ignore_errors=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    node.run("assay.roles.work:merge", args)
    return node.chunks.add(out)
