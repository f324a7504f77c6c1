"""A node stands up for what it knows: it opens its canaries, checks again what was refused of its own, and challenges
outcomes that are wrong.

A challenge risks a bond: the act stakes what is missing from the node's own tokens, and says so when there are too few.
"""

from __future__ import annotations

from typing import Any

from assay.artifact.manifest import parse
from assay.chain.settlement import challenge_call, open_canary_call
from assay.errors import Refused
from assay.protocol.spec import TaskSpec
from assay.roles.acting import WAIT_SECONDS, salt_of
from assay.roles.actions import Challenge, Replay
from assay.roles.checking import check_args
from assay.roles.disputing import leaf_proof
from assay.roles.node import Node
from assay.roles.observing import key, schedule_of
from assay.store.rows import SubmissionRow, TaskRow
from assay.types import ClaimKind, Reason, Verdict


def open_canary(node: Node, task: TaskRow, round_: int) -> None:
    """Show that this node's submission of a round is a canary."""
    note = node.store.note(task.id, round_, "canary")
    rows = [row for row in node.store.submissions(task.id, round_) if row.trainer == node.account]
    if note is None or not rows:
        return
    leaf, check = note.json["leaf"], note.json["check"]
    place = (task.id, round_, rows[0].index)
    call = open_canary_call(node.contracts, node.store, *place, salt_of(node, rows[0]), leaf, check)
    node.outbox.put(key(task.id, round_, "canary"), call)
    node.say(f"task {task.id} round {round_} · opens its canary: {Reason(check).name.lower()}, leaf {leaf}")


def replay(node: Node, task: TaskRow, spec: TaskSpec, action: Replay) -> None:
    """Check a refused submission of this node's own as validators did, and remember what was found."""
    row = _own(node, task, action.round, action.index)
    schedule, seal = schedule_of(task, spec), node.store.seal(task.id, action.round)
    if schedule is None or seal is None or not node.chunks.has(row.root):
        return
    args = check_args(node, task, spec, row, node.beacon(task.id, schedule, action.round), seal)

    def done(finding: dict[str, Any]) -> None:
        node.store.put_note(task.id, action.round, f"replay:{action.index}", finding)
        verdict = Verdict(finding["verdict"])
        told = "finds nothing wrong" if verdict is Verdict.VALID else f"finds it {verdict.name} too"
        node.say(f"task {task.id} round {action.round} · refused; checks its work again and {told}")

    name = key(task.id, action.round, f"replay:{action.index}")
    node.jobs.start(name, lambda: node.run("assay.roles.work:check", args), done, heavy=True)


def challenge(node: Node, task: TaskRow, action: Challenge) -> None:
    """Challenge an outcome at one leaf, with this node's artifact as the proof."""
    row = _submission(node, task, action.round, action.index)
    _stake_bond(node, task)
    proof = leaf_proof(parse(node.chunks.manifest(row.root)), action.check)
    place = (task.id, action.round, action.index)
    what = f"challenge:{action.index}:{action.check}:{action.leaf}"
    call = challenge_call(node.contracts, node.store, *place, action.claim, action.check, action.leaf, proof, node.url)
    note = node.store.note(task.id, action.round, "challenges")
    sent = sorted({what, *(note.json["sent"] if note else ())})
    node.store.put_note(task.id, action.round, "challenges", {"sent": sent})
    node.outbox.put(key(task.id, action.round, what), call)
    says = "good" if action.claim == ClaimKind.GOOD_LEAF else "bad"
    why = Reason(action.check).name.lower() if action.check in Reason.__members__.values() else str(action.check)
    what = f"submission {action.index}: {why}, leaf {action.leaf} is {says}"
    node.say(f"task {task.id} round {action.round} · challenges {what}")


def _stake_bond(node: Node, task: TaskRow) -> None:
    bond = int(task.terms["bond"])
    missing = bond - node.contracts.account(node.account).free
    if missing <= 0:
        return
    if node.contracts.balance(node.account) < missing:
        raise Refused(f"{node.config.name} has too few tokens for a challenge: it risks {bond} wei")
    name = f"{task.id}:bond:{len(node.store.stakes(node.account))}"
    for step, call in (
        (f"{name}:approve", node.contracts.approve(node.deployment.vault, missing)),
        (name, node.contracts.stake(node.account, missing)),
    ):
        node.outbox.put(step, call, again=True)
        node.outbox.wait(step, WAIT_SECONDS)


def _submission(node: Node, task: TaskRow, round_: int, index: int) -> SubmissionRow:
    row = node.store.submission(task.id, round_, index)
    if row is None:
        raise Refused(f"task {task.id} has no submission {index} in round {round_}")
    return row


def _own(node: Node, task: TaskRow, round_: int, index: int) -> SubmissionRow:
    row = _submission(node, task, round_, index)
    if row.trainer != node.account:
        raise Refused(f"submission {index} of round {round_} isn't {node.config.name}'s")
    return row
