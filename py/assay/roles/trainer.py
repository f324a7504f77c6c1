"""The trainer as a service: hold the newest checkpoint, generate and train once in each round, submit, serve the
artifact.

Decides in `deciding`; here are its acts, the long ones in `producing`. Most faults are made inside the jobs; a silent
trainer submits a root and serves nothing, one that withholds doesn't open the steps that were drawn.
"""

from __future__ import annotations

import threading
from functools import partial

from assay.protocol.hashing import unhex32
from assay.protocol.spec import TaskSpec
from assay.protocol.typed_data import mark
from assay.roles import producing, salts
from assay.roles.acting import act_shared, run_role, salt_of
from assay.roles.actions import (
    Action,
    Challenge,
    CloseCase,
    Drop,
    Generate,
    OpenCanary,
    OpenSteps,
    Replay,
    Skip,
    Submit,
    Summon,
    Train,
)
from assay.roles.challenging import challenge, open_canary, replay
from assay.roles.config import NodeConfig, Say
from assay.roles.deciding import TaskView, decide_trainer
from assay.roles.judging import act_in_case
from assay.roles.node import Node
from assay.roles.observing import key, schedule_of
from assay.roles.opening import open_steps
from assay.roles.producing import SILENT, WITHHOLD, fault_of
from assay.roles.secrets import mark_salt
from assay.store.rows import TaskRow
from assay.types import MarkKind, Role

LOSS_ROOM = 1e-3  # nats a token: validators measure the rounded update, on their own machines
FAULTS = ("model", "tokens", "reward", "prompts", "update", SILENT, WITHHOLD)


def run(config: NodeConfig, stop: threading.Event, say: Say) -> None:
    """Run a trainer until `stop` is set or its task is over."""
    preload = (
        "assay.roles.work",
        "assay.train.export",
        "assay.train.generation",
        "assay.verify.check",
        "pyarrow.parquet",
    )
    node = Node(config, Role.TRAINER, "trainer", say, preload=preload)
    url = node.serve(salts.router(partial(_salt_to_tell, node)))
    say(f"trainer {config.name} {node.account} serves {url}")

    def finished(views: list[TaskView]) -> bool:
        return bool(views) and all(view.over for view in views)

    run_role(node, decide_trainer, act, stop, finished)


def act(node: Node, task: TaskRow, spec: TaskSpec, action: Action) -> None:
    """Do one thing that was decided."""
    if isinstance(action, Generate):
        producing.generate(node, task, spec, action)
    elif isinstance(action, Train):
        producing.train(node, task, spec, action)
    elif isinstance(action, Drop):
        producing.drop(node, task, action)
    elif isinstance(action, Submit):
        _submit(node, task, spec, action.round)
    elif isinstance(action, OpenSteps):
        if fault_of(node.config, action.round) not in (SILENT, WITHHOLD):
            open_steps(node, task, spec, action)
    elif isinstance(action, Skip):
        _skip(node, task, action.round, action.why)
    elif isinstance(action, OpenCanary):
        open_canary(node, task, action.round)
    elif isinstance(action, Replay):
        replay(node, task, spec, action)
    elif isinstance(action, Challenge):
        challenge(node, task, action)
    elif isinstance(action, Summon | CloseCase):
        act_in_case(node, task, spec, action)
    else:
        act_shared(node, task, spec, action)


def _skip(node: Node, task: TaskRow, round_: int, why: str) -> None:
    if node.store.note(task.id, round_, "skipped") is None:
        node.store.put_note(task.id, round_, "skipped", {"why": why})
        node.say(f"task {task.id} round {round_} · skipped: {why}")


def _submit(node: Node, task: TaskRow, spec: TaskSpec, round_: int) -> None:
    note = node.store.note(task.id, round_, "trained")
    if note is None:
        return
    if not note.json["units"]:
        _skip(node, task, round_, "the rewards of each of its groups are equal: nothing in it would be paid")
        return
    rise, most = note.json["loss_rise"], spec.verification.max_loss_rise
    if rise > most - LOSS_ROOM and not fault_of(node.config, round_):
        # honest work may be unlucky: it would be refused, so its bond isn't risked
        _skip(node, task, round_, f"its update raises the loss of held-out items by {rise:.3f}, {most:g} are allowed")
        return
    salt = mark_salt(node.config.signer, node.config.chain_id, node.deployment.ledger, task.id, round_)
    canary = node.store.note(task.id, round_, "canary")
    bound = (MarkKind.WORK, salt, 0, 0)
    if canary is not None:
        bound = (MarkKind.CANARY, salt, canary.json["leaf"], canary.json["check"])
    claims = node.contracts.account(node.account).claimable > 0
    submit = node.contracts.submit_and_claim if claims else node.contracts.submit
    call = submit(
        task.id,
        round_,
        note.json["base"],
        note.json["units"],
        unhex32(note.json["root"]),
        mark(*bound),
        node.url,
    )
    node.outbox.put(key(task.id, round_, "submit"), call)


def _salt_to_tell(node: Node, task: int, round_: int, index: int) -> bytes | None:
    """Return the salt of this node's own work, once it can't help anybody to vote; a canary's is never told here."""
    row, known = node.store.submission(task, round_, index), node.store.task(task)
    if row is None or known is None or row.trainer != node.account:
        return None
    spec = node.spec(known)
    if spec is None or not salts.may_tell(schedule_of(known, spec), round_, node.now):
        return None
    salt = salt_of(node, row)
    return salt if salts.is_work(row, salt) else None
