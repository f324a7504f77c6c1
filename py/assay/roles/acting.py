"""Acts that several roles share: enlist, hold a checkpoint, settle a round, and the cycle around them.

Each act is thin: it turns a decision into one job or one transaction with a key, so that doing it twice does it once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from assay.chain.contracts import Call
from assay.chain.settlement import finalize_call
from assay.errors import AssayError, Refused
from assay.protocol.spec import TaskSpec
from assay.roles.actions import Action, Enlist, FetchCheckpoint, Finalize
from assay.roles.daemon import Daemon
from assay.roles.deciding import TaskView
from assay.roles.node import Node
from assay.roles.observing import key, observe, schedule_of
from assay.store.rows import TaskRow
from assay.types import Role

WAIT_SECONDS = 60.0
Decide = Callable[[TaskView], list[Action]]
Act = Callable[[Node, TaskRow, TaskSpec, Action], None]


def run_role(
    node: Node, decide: Decide, act: Act, stop: threading.Event, finished: Callable[[list[TaskView]], bool]
) -> None:
    """Run a role's cycle until `stop` is set and the role lets go, or `finished` says that nothing is left to do."""

    def cycle() -> float | None:
        views = look_and_act(node, decide, act)
        if views is None:
            return None
        if finished(views):
            stop.set()
        return _due(node, views)

    try:
        Daemon(cycle, node.pulse, stop, node.say, node.config.poll_seconds).run()
    finally:
        node.close()


def look_and_act(node: Node, decide: Decide, act: Act) -> list[TaskView] | None:
    """Hand over finished jobs and, when there is a new block or something was handed over, follow the chain and act.

    Returns the views that were acted on; None when there was nothing new to look at.
    """
    handed = node.jobs.drain(lambda name, error: _say_failed(node, name, error))
    head = node.client.head()
    if not handed and not node.is_news(head):
        return None
    node.follower.poll()
    node.outbox.pump()
    now, views = head.time, []
    for task in node.tasks():
        spec = node.spec(task)
        if spec is None:
            continue
        view = observe(node.store, node.known(), task, spec, now)
        views.append(view)
        for action in decide(view):
            act(node, task, spec, action)
    node.outbox.pump()
    _say_refused(node)
    return views


def act_shared(node: Node, task: TaskRow, spec: TaskSpec, action: Action) -> None:
    """Do what any role may have to do."""
    if isinstance(action, Enlist):
        enlist(node, task)
    elif isinstance(action, FetchCheckpoint):
        name = key(task.id, 0, f"checkpoint:{action.round}")
        limit = spec.rounds.max_artifact_bytes
        node.jobs.start(name, lambda: node.fetch(task.id, action.root, "", limit), lambda _: None)
    elif isinstance(action, Finalize):
        finalize(node, task, action.round)
    else:
        raise TypeError(f"no role here does {action}")


def enlist(node: Node, task: TaskRow) -> None:
    """Stake what is missing, then enlist `config.stake` for the task. Waits for each transaction: the next one rests
    on it.
    """
    if node.role is None or node.config.stake <= 0:
        raise Refused(f"{node.config.name} isn't enlisted for task {task.id}: give --stake AMOUNT")
    name = f"{task.id}:enlist:{int(node.role)}"
    missing = node.config.stake - node.contracts.account(node.account).free
    if missing > 0:
        if node.contracts.balance(node.account) < missing:
            raise Refused(f"{node.config.name} has too few tokens to stake {missing} wei more")
        _send(node, f"{name}:approve", node.contracts.approve(node.deployment.vault, missing))
        _send(node, f"{name}:stake", node.contracts.stake(node.account, missing))
    builder = node.contracts.enlist_validator if node.role is Role.VALIDATOR else node.contracts.enlist_trainer
    _send(node, name, builder(task.id, node.config.stake, node.url))
    node.follower.poll()


def finalize(node: Node, task: TaskRow, round_: int) -> None:
    """Settle a round from this node's records of its submissions and reveals."""
    node.outbox.put(key(task.id, round_, "finalize"), finalize_call(node.contracts, node.store, task.id, round_))


def _send(node: Node, name: str, call: Call) -> None:
    node.outbox.put(name, call)
    node.outbox.wait(name, WAIT_SECONDS)


def _say_refused(node: Node) -> None:
    """Say once what a contract refused; losing a race with other nodes is not worth a word."""
    for row in node.store.outbox_refused(node.account):
        if row.key not in node.refused:
            node.refused.add(row.key)
            node.pulse.count("transactions_refused_total")
            if not row.key.endswith((":seal", ":attest", ":finalize", ":refund")):
                node.say(f"{row.key}: {row.error}")


def _say_failed(node: Node, name: str, error: AssayError) -> None:
    node.pulse.count("job_failures_total")
    node.say(f"{name}: {error}")


def _due(node: Node, views: list[TaskView]) -> float | None:
    """Return the seconds until the next window of any task begins."""
    moments = []
    for view, task in zip(views, node.tasks(), strict=False):
        spec = node.spec(task)
        schedule = schedule_of(task, spec) if spec else None
        if schedule is None:
            continue
        for seen in view.rounds:
            r = seen.number
            ends = (schedule.seal_at(r), schedule.commit_end(r), schedule.reveal_end(r), schedule.challenge_end(r))
            moments += [moment - view.now for moment in ends if moment > view.now]
    return float(min(moments)) if moments else None


def checkpoint_folder(node: Node, task: int, round_: int) -> str:
    """Return the folder of a final checkpoint that this node holds."""
    row = node.store.checkpoint(task, round_)
    if row is None or not (row.final or round_ == 0) or not node.chunks.has(row.root):
        raise Refused(f"checkpoint {round_} of task {task} isn't held here")
    return str(node.chunks.folder(row.root))
