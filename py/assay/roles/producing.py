"""A trainer's two long acts: to generate the rollouts of a round, and to train on them. Each is a job in a lane of its
own, so that they run side by side, and they meet only through the pieces on disk.

Whatever is cut off is decided again and goes on from the last complete piece or committed step. Knows nothing of why a
round is worked on. Work that wasn't submitted in time is dropped, for it is bound to its round.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from assay.protocol.hashing import hex32, unhex32
from assay.protocol.profile import documents as profiles
from assay.protocol.spec import TaskSpec, to_json
from assay.roles.acting import checkpoint_folder
from assay.roles.actions import Drop, Generate, Train
from assay.roles.config import NodeConfig
from assay.roles.labels import own_labels
from assay.roles.node import Node
from assay.roles.observing import key, schedule_of
from assay.roles.opening import states_folder, submission_folder
from assay.store.rows import TaskRow

CANARY_FAULT = "reward"  # an exact check sees it
SILENT, WITHHOLD = "silent", "withhold"


def fault_of(config: NodeConfig, round_: int) -> str | None:
    """Return how this node cheats in a round, if it does."""
    return config.fault if config.fault and round_ >= config.fault_from else None


def pieces_folder(node: Node, task: int, round_: int) -> Path:
    """Return where a trainer keeps the rollouts of a round until its submission is made."""
    return node.config.home / "work" / f"rollouts-{task}-{round_}"


def generate(node: Node, task: TaskRow, spec: TaskSpec, action: Generate) -> None:
    """Make the rollouts of a round, piece by piece, for as long as there is time for."""
    args = _args(node, task, spec, action.round, action.base)
    if args is None:
        return
    args |= {"threads": node.config.rollout_threads or node.config.threads}
    args |= {"rollouts_pace": action.pace.rollouts, "training_pace": action.pace.training}
    node.store.put_note(task.id, action.round, "begun", {"base": action.base})
    begin = time.monotonic()

    def work() -> dict[str, Any]:
        left = action.seconds - (time.monotonic() - begin)
        return node.run("assay.roles.work:generate", {**args, "left": left})

    def done(made: dict[str, Any]) -> None:
        node.store.put_note(task.id, action.round, "rolled", {**made, "base": action.base})
        if made["groups"] < spec.rollout.groups:
            few = f"{made['groups']} of {spec.rollout.groups} groups are all that this machine has time for"
            node.say(f"task {task.id} round {action.round} · {few}")

    if node.jobs.start(key(task.id, action.round, "rollouts"), work, done, heavy=True, lane="rollouts"):
        node.say(f"task {task.id} round {action.round} · generates from checkpoint {action.base}")


def train(node: Node, task: TaskRow, spec: TaskSpec, action: Train) -> None:
    """Take the inner steps on a round's rollouts and make the submission."""
    args = _args(node, task, spec, action.round, action.base)
    rolled = node.store.note(task.id, action.round, "rolled")
    if args is None or rolled is None:
        return
    out, is_canary = submission_folder(node, task.id, action.round), action.round in node.config.canaries
    args |= {"out": str(out), "states": str(states_folder(node, task.id, action.round)), "canary": is_canary}
    groups, seconds = rolled.json["groups"], rolled.json["seconds"]
    is_fresh = not states_folder(node, task.id, action.round).exists()

    def work() -> dict[str, Any]:
        begin = time.monotonic()
        shutil.rmtree(out, ignore_errors=True)
        out.parent.mkdir(parents=True, exist_ok=True)
        made = node.run("assay.roles.work:train", args)
        signature = node.config.signer.sign_digest(unhex32(made.pop("digest")))  # jobs have no keys
        signed = {name: args[name] for name in ("spec", "profiles")}
        made |= node.run("assay.roles.work:sign", {**signed, "folder": str(out), "signature": signature.hex()})
        if fault_of(node.config, action.round) != SILENT or is_canary:
            node.chunks.add(out)
        took = time.monotonic() - begin
        # what was cut off before says nothing of how long the whole takes
        training = made["training"] if is_fresh else None
        return {**made, "seconds": seconds + took, "training": training, "groups": groups, "base": action.base}

    def done(made: dict[str, Any]) -> None:
        if is_canary:
            node.store.put_note(task.id, action.round, "canary", {"leaf": made["leaf"], "check": made["check"]})
        node.store.put_note(task.id, action.round, "trained", made)
        shutil.rmtree(pieces_folder(node, task.id, action.round), ignore_errors=True)
        size = f"{made['units']} units in {made['seconds']:.1f} s"
        node.say(f"task {task.id} round {action.round} · {size} · {made['root'][:10]}")

    if node.jobs.start(key(task.id, action.round, "train"), work, done, heavy=True):
        what = "makes a canary" if is_canary else "trains"
        node.say(f"task {task.id} round {action.round} · {what} from checkpoint {action.base}")


def drop(node: Node, task: TaskRow, action: Drop) -> None:
    """Delete what was made for a round that takes it no more."""
    for place in (pieces_folder, states_folder, submission_folder):
        shutil.rmtree(place(node, task.id, action.round), ignore_errors=True)
    node.store.put_note(task.id, action.round, "dropped", {"why": action.why})
    node.say(f"task {task.id} round {action.round} · dropped: {action.why}")


def _args(node: Node, task: TaskRow, spec: TaskSpec, round_: int, base: int) -> dict[str, Any] | None:
    """Return what both jobs need to know of a round's work, as JSON."""
    schedule = schedule_of(task, spec)
    if schedule is None:
        return None
    fault = CANARY_FAULT if round_ in node.config.canaries else fault_of(node.config, round_)
    return {
        "spec": to_json(spec).decode(),
        "profiles": profiles(spec.verification),
        "checkpoint": checkpoint_folder(node, task.id, base),
        "binding": {
            "chain_id": node.config.chain_id,
            "ledger": node.deployment.ledger,
            "task": task.id,
            "round": round_,
            "trainer": node.account,
            "n": 0,
            "base": base,
            "first_group": 0,
        },
        "beacon": hex32(node.beacon(task.id, schedule, round_)),
        "fault": None if fault in (SILENT, WITHHOLD) else fault,
        "pieces": str(pieces_folder(node, task.id, round_)),
        "labels": own_labels(node.config, spec),
    }
