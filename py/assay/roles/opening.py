"""How the opening of drawn steps travels: a trainer makes it once the seal is known and serves it as artifacts; whoever
checks its submission fetches them by the roots that the trace names, from the trainer or from any other holder.

What isn't opened is asked for again until the votes are due; the vote then says UNAVAILABLE.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import Refused, Unavailable
from assay.protocol.hashing import unhex32
from assay.protocol.plan import plan_of
from assay.protocol.profile import documents as profiles
from assay.protocol.spec import TaskSpec, to_json
from assay.roles.acting import checkpoint_folder
from assay.roles.actions import FetchOpening, OpenSteps
from assay.roles.checking import record, to_check
from assay.roles.node import Node
from assay.roles.observing import key
from assay.store.history import history_of
from assay.store.rows import SubmissionRow, TaskRow
from assay.types import Reason, Verdict

PATIENCE_SECONDS = 3.0
NAP_SECONDS = 0.3


def states_folder(node: Node, task: int, round_: int) -> Path:
    """Return where a trainer keeps the states of a submission until it has opened its drawn steps."""
    return node.config.home / "work" / f"states-{task}-{round_}"


def submission_folder(node: Node, task: int, round_: int) -> Path:
    """Return where a trainer makes its submission."""
    return node.config.home / "work" / f"submission-{task}-{round_}"


def open_steps(node: Node, task: TaskRow, spec: TaskSpec, action: OpenSteps) -> None:
    """Make the openings of this trainer's drawn steps and serve them; what was kept for that is deleted."""
    seal, base = node.store.seal(task.id, action.round), node.store.note(task.id, action.round, "trained")
    if seal is None or base is None:
        return
    states = states_folder(node, task.id, action.round)
    plan = plan_of(
        seal.seed, node.account, 0, spec, history_of(node.store, seal, node.account), base.json.get("groups")
    )
    out = node.config.home / "work" / f"opened-{task.id}-{action.round}"
    args: dict[str, Any] = {
        "spec": to_json(spec).decode(),
        "checkpoint": checkpoint_folder(node, task.id, base.json["base"]),
        "folder": str(submission_folder(node, task.id, action.round)),
        "states": str(states),
        "profiles": profiles(spec.verification),
        "steps": list(plan.steps),
        "out": str(out),
    }

    def work() -> int:
        shutil.rmtree(out, ignore_errors=True)
        folders = node.run("assay.roles.work:open_steps", args)["folders"]
        for folder in folders:
            node.chunks.add(Path(folder))
        shutil.rmtree(states, ignore_errors=True)
        shutil.rmtree(out, ignore_errors=True)
        return len(folders)

    def done(count: int) -> None:
        node.store.put_note(task.id, action.round, "opened", {"count": count})

    # Not with the heavy jobs: a training that runs must not hold up what is due in the commit window.
    node.jobs.start(key(task.id, action.round, "open"), work, done)


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of asking for an opening: a finding that needs none, or the roots that nobody serves so far."""

    finding: dict[str, Any] | None = None
    withheld: tuple[str, ...] = ()


def fetch_opening(node: Node, task: TaskRow, spec: TaskSpec, action: FetchOpening) -> None:
    """Look for what is wrong with a submission without an opening; if nothing is, get its opening."""
    known = to_check(node, task, spec, action.round, action.index)
    if known is None:
        return
    row, args = known
    asked = withheld(node, row)

    def done(looked: Looked) -> None:
        if looked.finding is not None:
            record(node, task, row, looked.finding)
        else:
            _remember(node, row, looked.withheld)

    name = key(task.id, action.round, f"opening:{action.index}")
    node.jobs.start(name, lambda: get_opening(node, row, spec, args, asked), done)


def withheld(node: Node, row: SubmissionRow) -> tuple[str, ...]:
    """Return the roots that this node asked for in vain."""
    note = node.store.note(row.task, row.round, "openings")
    return tuple(note.json["withheld"].get(str(row.index), ())) if note else ()


def _remember(node: Node, row: SubmissionRow, missing: tuple[str, ...]) -> None:
    note = node.store.note(row.task, row.round, "openings")
    known: dict[str, Any] = note.json if note else {"indices": [], "withheld": {}}
    others = {index: roots for index, roots in known["withheld"].items() if index != str(row.index)}
    if missing:
        if str(row.index) not in known["withheld"]:
            node.say(f"task {row.task} round {row.round} · submission {row.index} isn't opened")
        others[str(row.index)] = list(missing)
        indices = known["indices"]
    else:
        indices = sorted({row.index, *known["indices"]})
    node.store.put_note(row.task, row.round, "openings", {"indices": indices, "withheld": others})


def get_opening(
    node: Node, row: SubmissionRow, spec: TaskSpec, args: dict[str, Any], asked: tuple[str, ...] = ()
) -> Looked:
    """Get what the trainer of a held submission has to open; `asked` are the roots if they were asked for before. Waits
    some seconds for a trainer that is still making it. Only where it doesn't come, what is wrong without it is looked
    for by itself: else the check finds that too.
    """
    try:
        roots = asked or tuple(node.run("assay.roles.work:wanted", args)["roots"])
        deadline = time.monotonic() + PATIENCE_SECONDS
        limit = spec.rounds.max_artifact_bytes
        if all(_fetch(node, row, unhex32(root), limit, deadline) for root in roots):
            return Looked()
        if not asked:
            finding = node.run("assay.roles.work:preview", args)["finding"]
            if finding["verdict"] != Verdict.VALID:
                return Looked(finding)
    except Refused:  # the child died of what it read: the check will say so
        return Looked()
    return Looked(withheld=roots)


def _fetch(node: Node, row: SubmissionRow, root: bytes, limit: int, deadline: float) -> bool:
    """Fetch one opening; tell whether there is nothing more to wait for."""
    while True:
        try:
            node.fetch(row.task, root, row.uri, limit)
            return True
        except Refused as refused:
            if refused.reason is Reason.SIZE:  # whoever serves it, it can't be what is needed: the check will say so
                return True
        except Unavailable:
            pass
        if time.monotonic() > deadline:
            return False
        time.sleep(NAP_SECONDS)
