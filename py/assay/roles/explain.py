"""Replaying a verdict on the reader's machine: fetch what was judged, check it, say what was found.

Believes nobody: artifact and base checkpoint are taken from whoever serves them and verified against their roots, the
beacon and the seal come from the chain. Sends nothing and needs no key.
"""

from __future__ import annotations

from typing import Any

from assay.errors import Refused, Unavailable
from assay.protocol import profile
from assay.protocol.hashing import hex32
from assay.protocol.spec import TaskSpec, parse_json
from assay.roles.checking import check_args, unchecked
from assay.roles.config import NodeConfig, Say
from assay.roles.node import Node
from assay.roles.observing import schedule_of
from assay.roles.opening import get_opening
from assay.store.rows import SubmissionRow, TaskRow
from assay.swarm import documents
from assay.types import Reason, Verdict


def replay(config: NodeConfig, root_prefix: str, say: Say) -> dict[str, Any]:
    """Check a submission again, named by `0x` and the first hex digits of its root.

    Returns the finding with task, round, index, trainer, root, outcome (None before the round is final) and the text of
    the explanation.

    Raises:
        Refused: no submission or several have this root, or the round isn't sealed.
        Unavailable: nobody serves the base; that nobody serves the submission, or that it is larger than allowed, is
            the finding instead.
    """
    node = Node(config, None, "explain", say, preload=("assay.roles.work", "assay.verify.explain"))
    try:
        while node.follower.poll():
            continue
        row = _submission(node, root_prefix)
        task = node.store.task(row.task)
        if task is None:
            raise Refused(f"task {row.task} isn't in the records")
        found = _check(node, task, row, say)
    finally:
        node.close()
    about = {"task": row.task, "round": row.round, "index": row.index, "trainer": row.trainer, "root": hex32(row.root)}
    return {**found, **about, "outcome": row.outcome}


def _submission(node: Node, prefix: str) -> SubmissionRow:
    rows = node.store.submissions_with_root(bytes.fromhex(prefix.removeprefix("0x")))
    if not rows:
        raise Refused(f"no submission's root begins with {prefix}")
    if len(rows) > 1:
        raise Refused(f"{len(rows)} submissions' roots begin with {prefix}: give more digits")
    return rows[0]


def _check(node: Node, task: TaskRow, row: SubmissionRow, say: Say) -> dict[str, Any]:
    schedule_spec = fetched_spec(node, task)
    schedule, seal = schedule_of(task, schedule_spec), node.store.seal(task.id, row.round)
    if schedule is None or seal is None:
        raise Refused(f"round {row.round} of task {task.id} isn't sealed: which leaves are audited isn't known yet")
    limit = schedule_spec.rounds.max_artifact_bytes
    base = node.store.checkpoint(task.id, row.base)
    if base is None:
        raise Refused(f"checkpoint {row.base} of task {task.id} isn't final")
    say(f"fetches checkpoint {row.base} and submission {hex32(row.root)[:10]}")
    node.fetch(task.id, base.root, "", limit)
    try:
        node.fetch(task.id, row.root, row.uri, limit)
    except Unavailable as error:
        return _found(Verdict.UNAVAILABLE, Reason.MISSING, str(error))
    except Refused as refused:
        return _found(Verdict.MALFORMED, refused.reason or Reason.SCHEMA, str(refused))
    args = check_args(node, task, schedule_spec, row, node.beacon(task.id, schedule, row.round), seal)
    get_opening(node, row, schedule_spec, args)  # what isn't opened is what is found
    say("checks it again")
    try:
        answer = node.run("assay.verify.explain:explain_json", args)
    except Refused as refused:  # the child died of what it read
        return _found(Verdict.MALFORMED, Reason.SCHEMA, str(refused))
    return {**answer["finding"], "text": answer["text"]}


def fetched_spec(node: Node, task: TaskRow) -> TaskSpec:
    """Return a task's spec, its profiles learnt, from whoever serves them. Unavailable when nobody does."""
    private = node.config.allow_private
    raw = documents.fetch(task.spec_hash, node.sources(task.id), node.documents, allow_private=private)
    spec = parse_json(raw)
    for digest in profile.missing(spec.verification):
        profile.learn(documents.fetch(digest, node.sources(task.id), node.documents, allow_private=private))
    return spec


def _found(verdict: Verdict, reason: Reason, message: str) -> dict[str, Any]:
    return {**unchecked(verdict, reason, message), "text": f"{verdict.name}: {message}"}
