"""The trainer as a service: hold the newest checkpoint, train once in each round, submit, serve the artifact.

Decides in `deciding`; here are its acts. A fault other than `silent` is made inside the training job; a silent
trainer submits a root and serves nothing.
"""

from __future__ import annotations

import shutil
import threading
import time
from typing import Any

from assay.protocol.hashing import hex32, unhex32
from assay.protocol.spec import TaskSpec, to_json
from assay.protocol.typed_data import mark
from assay.roles.acting import act_shared, checkpoint_folder, run_role
from assay.roles.actions import Action, Skip, Submit, Train
from assay.roles.config import NodeConfig, Say
from assay.roles.deciding import TaskView, decide_trainer
from assay.roles.node import Node
from assay.roles.observing import key, schedule_of
from assay.roles.secrets import mark_salt
from assay.store.rows import TaskRow
from assay.types import Role

WORK = 1  # what a mark binds: honest work; canaries have another kind
SILENT = "silent"
FAULTS = ("model", "tokens", "reward", "prompts", "update", SILENT)


def run(config: NodeConfig, stop: threading.Event, say: Say) -> None:
    """Run a trainer until `stop` is set or its task is over."""
    node = Node(config, Role.TRAINER, "trainer", say, preload=("assay.roles.work", "assay.train.export"))
    url = node.serve()
    say(f"trainer {config.name} {node.account} serves {url}")

    def finished(views: list[TaskView]) -> bool:
        return bool(views) and all(view.over for view in views)

    run_role(node, decide_trainer, act, stop, finished)


def act(node: Node, task: TaskRow, spec: TaskSpec, action: Action) -> None:
    """Do one thing that was decided."""
    if isinstance(action, Train):
        _train(node, task, spec, action)
    elif isinstance(action, Submit):
        _submit(node, task, action.round)
    elif isinstance(action, Skip):
        _skip(node, task, action)
    else:
        act_shared(node, task, spec, action)


def _fault(config: NodeConfig, round_: int) -> str | None:
    return config.fault if config.fault and round_ >= config.fault_from else None


def _train(node: Node, task: TaskRow, spec: TaskSpec, action: Train) -> None:
    schedule = schedule_of(task, spec)
    if schedule is None:
        return
    out = node.config.home / "work" / f"submission-{task.id}-{action.round}"
    fault = _fault(node.config, action.round)
    args: dict[str, Any] = {
        "spec": to_json(spec).decode(),
        "checkpoint": checkpoint_folder(node, task.id, action.base),
        "binding": {
            "chain_id": node.config.chain_id,
            "ledger": node.deployment.ledger,
            "task": task.id,
            "round": action.round,
            "trainer": node.account,
            "n": 0,
            "base": action.base,
            "first_group": 0,
        },
        "beacon": hex32(node.beacon(task.id, schedule, action.round)),
        "out": str(out),
        "fault": None if fault == SILENT else fault,
    }
    node.say(f"task {task.id} round {action.round} · trains from checkpoint {action.base}")

    def work() -> dict[str, Any]:
        begin = time.monotonic()
        shutil.rmtree(out, ignore_errors=True)
        out.parent.mkdir(parents=True, exist_ok=True)
        made = node.run("assay.roles.work:train", args)
        if fault != SILENT:
            node.chunks.add(out)
        return {**made, "seconds": time.monotonic() - begin, "base": action.base}

    def done(made: dict[str, Any]) -> None:
        node.store.put_note(task.id, action.round, "trained", made)
        size = f"{made['units']} units in {made['seconds']:.1f} s"
        node.say(f"task {task.id} round {action.round} · {size} · {made['root'][:10]}")

    node.jobs.start(key(task.id, action.round, "train"), work, done, heavy=True)


def _skip(node: Node, task: TaskRow, action: Skip) -> None:
    if node.store.note(task.id, action.round, "skipped") is None:
        node.store.put_note(task.id, action.round, "skipped", {"why": action.why})
        node.say(f"task {task.id} round {action.round} · skipped: {action.why}")


def _submit(node: Node, task: TaskRow, round_: int) -> None:
    note = node.store.note(task.id, round_, "trained")
    if note is None:
        return
    salt = mark_salt(node.config.signer, node.config.chain_id, node.deployment.ledger, task.id, round_)
    call = node.contracts.submit(
        task.id,
        round_,
        note.json["base"],
        note.json["units"],
        unhex32(note.json["root"]),
        mark(WORK, salt, 0, 0),
        node.url,
    )
    node.outbox.put(key(task.id, round_, "submit"), call)
