"""The initiator: publish a task, serve its base checkpoint and spec, measure each new checkpoint, and get back what
was not paid.

A task needs no initiator once it runs: everything it does here anybody may do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from assay.artifact.folder import open_artifact
from assay.errors import Refused
from assay.protocol.hashing import hex32
from assay.protocol.profile import documents as profiles
from assay.protocol.profile import missing
from assay.protocol.spec import TaskSpec, check, spec_hash, terms, to_json
from assay.roles import curves
from assay.roles.acting import act_shared, checkpoint_folder, run_role
from assay.roles.actions import Action, Evaluate, Refund
from assay.roles.config import NodeConfig, Say
from assay.roles.deciding import TaskView, decide_initiator
from assay.roles.needs import needed_by
from assay.roles.node import Node
from assay.roles.observing import key
from assay.store.engine import Store
from assay.store.rows import TaskRow

HELD_OUT_ITEMS = 512
FEW_ITEMS = 64  # of a language model, which takes seconds for each
WAIT_SECONDS = 60.0


def publish(config: NodeConfig, spec: TaskSpec, base: Path, uri: str, say: Say) -> int:
    """Put a task on chain with its budget in escrow, and its base checkpoint and spec into this node's folders.

    What the task names by root beside them (its model, its environment) lies beside `base`, in folders named by their
    roots. `uri` is where all of it will be served. Returns the task's id. Raises Refused when the base isn't the
    spec's, a folder isn't there, or the money isn't.
    """
    check(spec)
    node = Node(config, None, "initiator", say)
    try:
        root = node.chunks.add(base)
        if root != spec.model.base:
            raise Refused(f"the base checkpoint in {base} is {hex32(root)}, the spec names {hex32(spec.model.base)}")
        for needed, limit in needed_by(spec):
            _add_named(node, base.parent / needed.hex(), needed, limit)
        if unknown := missing(spec.verification):
            raise Refused(f"verification.profiles: {hex32(unknown[0])[:10]} isn't shipped, nor calibrated in this home")
        for document in (to_json(spec), *(text.encode() for text in profiles(spec.verification))):
            node.documents.put(document)
        budget = spec.money.budget
        if node.contracts.balance(node.account) < budget:
            raise Refused(f"{config.name} has too few tokens: the task locks {budget} wei")
        number = node.contracts.tasks() + 1
        name = f"publish:{number}:{hex32(spec_hash(spec))}"
        node.outbox.put(f"{name}:approve", node.contracts.approve(node.deployment.market, budget))
        node.outbox.wait(f"{name}:approve", WAIT_SECONDS)
        node.outbox.put(name, node.contracts.publish(terms(spec), budget, uri))
        receipt = node.outbox.wait(name, WAIT_SECONDS)
        node.follower.poll()
        return next(
            row.id for row in node.store.tasks() if row.block == receipt.block and row.initiator == node.account
        )
    finally:
        node.close()


def _add_named(node: Node, folder: Path, root: bytes, limit: int) -> None:
    """Put what a task names by root into this node's store."""
    if not folder.is_dir():
        raise Refused(f"the task needs {hex32(root)}, which isn't in {folder.parent}")
    artifact = open_artifact(folder, limit)
    if artifact.root != root or node.chunks.add(folder) != root:
        raise Refused(f"{folder} is {hex32(artifact.root)}, the spec names {hex32(root)}")


def run(config: NodeConfig, stop: threading.Event, say: Say, app: Callable[[Store], FastAPI] | None = None) -> None:
    """Run an initiator until `stop` is set or its task is over and refunded; it serves `app(store)` beside its
    artifacts."""
    node = Node(config, None, "initiator", say, preload=("assay.roles.work", "assay.train.evaluate"))
    say(f"initiator {config.name} {node.account} serves {node.serve(app=app(node.store) if app else None)}")

    def finished(views: list[TaskView]) -> bool:
        return bool(views) and all(view.over and "refund" in view.done and not view.running for view in views)

    run_role(node, decide_initiator, act, stop, finished)


def act(node: Node, task: TaskRow, spec: TaskSpec, action: Action) -> None:
    """Do one thing that was decided."""
    if isinstance(action, Evaluate):
        _evaluate(node, task, spec, action.round)
    elif isinstance(action, Refund):
        node.outbox.put(key(task.id, 0, "refund"), node.contracts.refund(task.id))
    else:
        act_shared(node, task, spec, action)


def _evaluate(node: Node, task: TaskRow, spec: TaskSpec, round_: int) -> None:
    args: dict[str, Any] = {
        "spec": to_json(spec).decode(),
        "profiles": profiles(spec.verification),
        "checkpoint": checkpoint_folder(node, task.id, round_),
        "items": HELD_OUT_ITEMS if spec.model.architecture == "llama" else FEW_ITEMS,
    }

    def done(measured: dict[str, Any]) -> None:
        node.store.put_note(task.id, round_, "evaluation", measured)
        node.pulse.gauge("reward", measured["reward"])
        node.say(f"task {task.id} · checkpoint {round_}: {curves.sentence(measured)}")
        if node.config.curves is not None:
            curves.write(node.store, task.id, node.config.curves / f"task-{task.id}")

    name = key(task.id, 0, f"evaluate:{round_}")
    node.jobs.start(name, lambda: node.run("assay.roles.work:evaluate", args), done, heavy=True)
