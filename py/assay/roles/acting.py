"""Acts that several roles share: enlist, hold a checkpoint, settle a round, and the cycle around them.

Each act is thin: it turns a decision into one job or one transaction with a key, so that doing it twice does it once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from assay.chain.contracts import Call
from assay.chain.settlement import NO_SALT, finalize_call, resolve_call
from assay.errors import AssayError, Refused, Unavailable
from assay.protocol.spec import TaskSpec
from assay.roles.actions import Action, Enlist, FetchCheckpoint, Finalize, Resolve
from assay.roles.daemon import Daemon
from assay.roles.deciding import TaskView
from assay.roles.needs import needed_by
from assay.roles.node import FETCH_SECONDS, Node
from assay.roles.observing import key, observe
from assay.roles.salts import gather, wanted
from assay.roles.secrets import mark_salt
from assay.store.rows import SubmissionRow, TaskRow
from assay.swarm.route import bring
from assay.types import Role

WAIT_SECONDS = 60.0
SLOWEST = 1 << 20  # bytes a second at which a model is still waited for; what came is kept for the next try
OFFER_SECONDS = 5.0  # a delta that nobody serves costs no more than this before the whole is fetched
RACES = frozenset({"seal", "attest", "finalize", "refund", "silent", "resolve", "summon", "close"})
"""What anybody may do: who comes second is refused, and nothing is lost."""
T = TypeVar("T")
Decide = Callable[[TaskView], list[Action]]
Act = Callable[[Node, TaskRow, TaskSpec, Action], None]


def run_role(
    node: Node, decide: Decide, act: Act, stop: threading.Event, finished: Callable[[list[TaskView]], bool]
) -> None:
    """Run a role's cycle until `stop` is set or `finished` says that nothing is left to do."""
    latest: list[TaskView] = []

    def leave_if_finished() -> None:
        # What was just done may have changed what is owed, so the records are asked once more.
        if finished(latest) and finished(_views(node)):
            stop.set()

    def cycle() -> float | None:
        nonlocal latest
        try:
            views = look_and_act(node, decide, act)
        except Unavailable:
            leave_if_finished()
            raise
        if views is not None:
            latest = views
        leave_if_finished()
        return None if views is None else _due(views)

    try:
        Daemon(cycle, node.pulse, stop, node.say, node.config.poll_seconds).run()
    finally:
        node.close()


def look_and_act(node: Node, decide: Decide, act: Act) -> list[TaskView] | None:
    """Hand over finished jobs and, when there is a new block or something was handed over, follow the chain and act.

    What is refused or can't be reached for one task holds up neither its other actions nor other tasks: it is said
    once and decided again. Returns the views that were acted on; None when there was nothing new to look at.
    """
    handed = node.jobs.drain(lambda name, error: _say_failed(node, name, error))
    head = node.client.head()
    if not node.is_news(head) and not handed:
        return None
    node.follower.poll()
    node.outbox.pump()
    views = []
    for task in node.tasks():
        spec = spec_of(node, task)
        if spec is None:
            continue
        view = observe(node.store, node.known(), task, spec, head.time)
        views.append(view)
        for action in decide(view):
            _attempt(node, f"task {task.id}: {type(action).__name__}", partial(act, node, task, spec, action))
    node.outbox.pump()
    _say_refused(node)
    _attempt(node, "swarm", node.spreading.turn)
    return views


def spec_of(node: Node, task: TaskRow) -> TaskSpec | None:
    """Return a task's spec; None while it is being fetched, and for a task that this node can't serve."""
    return _attempt(node, f"task {task.id}: spec", partial(node.spec, task))


def _views(node: Node) -> list[TaskView]:
    served = [(task, spec_of(node, task)) for task in node.tasks()]
    return [observe(node.store, node.known(), task, spec, node.now) for task, spec in served if spec]


def _attempt(node: Node, what: str, work: Callable[[], T]) -> T | None:
    """Do something for one task; trouble is counted, and said when it is new."""
    try:
        result = work()
    except (Refused, Unavailable) as error:
        node.pulse.count("action_errors_total")
        if node.troubles.get(what) != str(error):
            node.troubles[what] = str(error)
            node.say(f"{what} {type(error).__name__.lower()}: {error}")
        return None
    node.troubles.pop(what, None)
    return result


def act_shared(node: Node, task: TaskRow, spec: TaskSpec, action: Action) -> None:
    """Do what any role may have to do."""
    if isinstance(action, Enlist):
        enlist(node, task)
    elif isinstance(action, FetchCheckpoint):
        name = key(task.id, 0, f"checkpoint:{action.round}")
        node.jobs.start(name, partial(_fetch_checkpoint, node, task.id, spec, action), lambda _: None)
    elif isinstance(action, Finalize):
        finalize(node, task, action.round)
    elif isinstance(action, Resolve):
        resolve(node, task, action)
    else:
        raise TypeError(f"no role here does {action}")


def _fetch_checkpoint(node: Node, task: int, spec: TaskSpec, action: FetchCheckpoint) -> None:
    """Get a checkpoint, and before it what it is of no use without: the model and the environment that the task names
    by root. They stay for all its rounds.
    """
    for needed, limit in needed_by(spec):
        if not node.chunks.has(needed):
            node.fetch(task, needed, "", limit, FETCH_SECONDS + limit / SLOWEST)
    offers = [release for _, release in node.spreading.gossip.releases.after(0) if release.task == task]

    def fetch(one: bytes, most: int) -> Path:
        seconds = FETCH_SECONDS if one == action.root else OFFER_SECONDS + most / SLOWEST
        return node.fetch(task, one, "", most, seconds)

    bring(action.root, offers, node.chunks, fetch, spec.rounds.max_artifact_bytes)


def enlist(node: Node, task: TaskRow) -> None:
    """Stake what is missing, then enlist `config.stake` for the task. Waits for each transaction: the next one rests
    on it.
    """
    if node.role is None or node.config.stake <= 0:
        raise Refused(f"{node.config.name} isn't enlisted for task {task.id}: give --stake AMOUNT")
    if task.terms["isPrivate"] and not node.contracts.admits(task.id, node.account):
        raise Refused(f"task {task.id} is private, and {node.config.name} has redeemed no invite")
    missing = node.config.stake - node.contracts.account(node.account).free
    if missing > 0:
        if node.contracts.balance(node.account) < missing:
            raise Refused(f"{node.config.name} has too few tokens to stake {missing} wei more")
        name = f"{task.id}:stake:{len(node.store.stakes(node.account))}"  # one intent for each time that it is missing
        _send(node, f"{name}:approve", node.contracts.approve(node.deployment.vault, missing))
        _send(node, name, node.contracts.stake(node.account, missing))
    builder = node.contracts.enlist_validator if node.role is Role.VALIDATOR else node.contracts.enlist_trainer
    earlier = [row.block for row in node.store.enlistments(task.id, node.role) if row.account == node.account]
    name = f"{task.id}:enlist:{int(node.role)}" + "".join(f":{block}" for block in earlier)
    _send(node, name, builder(task.id, node.config.stake, node.url))
    node.follower.poll()


def finalize(node: Node, task: TaskRow, round_: int) -> None:
    """Settle a round from this node's records, with the salts that trainers tell; the rest is set aside for them."""
    asked = wanted(node.store, task, round_)
    own = {row.index: salt_of(node, row) for row in asked if row.trainer == node.account}

    def work() -> dict[int, bytes]:
        return gather(asked, own, allow_private=node.config.allow_private)

    def done(salts: dict[int, bytes]) -> None:
        call = finalize_call(node.contracts, node.store, task.id, round_, salts)
        node.outbox.put(key(task.id, round_, "finalize"), call)

    node.jobs.start(key(task.id, round_, "salts"), work, done)


def resolve(node: Node, task: TaskRow, action: Resolve) -> None:
    """Settle a share that was set aside; a trainer shows the salt of its own."""
    row = node.store.submission(task.id, action.round, action.index)
    own = row is not None and row.trainer == node.account
    salt = salt_of(node, row) if own and row is not None else NO_SALT
    call = resolve_call(node.contracts, node.store, task.id, action.round, action.index, salt)
    node.outbox.put(key(task.id, action.round, f"resolve:{action.index}"), call, again=True)


def salt_of(node: Node, row: SubmissionRow) -> bytes:
    """Return the salt of a submission of this node's own."""
    return mark_salt(node.config.signer, node.config.chain_id, node.deployment.ledger, row.task, row.round)


def _send(node: Node, name: str, call: Call) -> None:
    node.outbox.put(name, call, again=True)
    node.outbox.wait(name, WAIT_SECONDS)


def _say_refused(node: Node) -> None:
    """Say once what a contract refused; losing a race with other nodes is not worth a word."""
    for row in node.store.outbox_refused(node.account):
        if row.key not in node.refused:
            node.refused.add(row.key)
            node.pulse.count("transactions_refused_total")
            if not RACES.intersection(row.key.split(":")[2:3]):
                node.say(f"{row.key}: {row.error}")


def _say_failed(node: Node, name: str, error: AssayError) -> None:
    """Say why a job failed, unless it failed for the same reasons before; sources are asked in any order."""
    node.pulse.count("job_failures_total")
    reasons = " ".join(sorted(str(error).replace(";", "").split()))
    if node.troubles.get(name) != reasons:
        node.troubles[name] = reasons
        node.say(f"{name}: {error}")


def _due(views: list[TaskView]) -> float | None:
    """Return the seconds until the next window of any task begins."""
    moments = []
    for view in views:
        schedule = view.schedule
        if schedule is None:
            continue
        for r in (seen.number for seen in view.rounds):
            ends = (
                schedule.seal_at(r),
                schedule.commit_end(r),
                schedule.reveal_end(r),
                schedule.votes_end(r),
                schedule.attest_end(r),
                schedule.challenge_end(r),
            )
            moments += [moment - view.now for moment in ends if moment > view.now]
    return float(min(moments)) if moments else None


def checkpoint_folder(node: Node, task: int, round_: int) -> str:
    """Return the folder of a final checkpoint that this node holds."""
    row = node.store.checkpoint(task, round_)
    if row is None or not (row.final or round_ == 0) or not node.chunks.has(row.root):
        raise Refused(f"checkpoint {round_} of task {task} isn't held here")
    return str(node.chunks.folder(row.root))
