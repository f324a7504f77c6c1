"""Getting a submission and checking it, as validators, jurors and whoever replays a verdict do.

Strangers' artifacts are opened only in the sandbox's processes. What is found is recorded before anything rests on it.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from assay.errors import Refused, Unavailable
from assay.protocol.hashing import hex32
from assay.protocol.profile import documents as profiles
from assay.protocol.spec import TaskSpec, to_json
from assay.roles import showing
from assay.roles.acting import checkpoint_folder
from assay.roles.actions import Check, FetchSubmission
from assay.roles.labels import own_labels
from assay.roles.node import Node
from assay.roles.observing import key, schedule_of
from assay.store.history import history_of
from assay.store.rows import SealRow, SubmissionRow, TaskRow, WorkerRow
from assay.types import Reason, Verdict

NO_EVIDENCE = bytes(32)
MAX_COMPARED = 64
"""Earlier submissions of a round that an update is compared with."""


def submission_of(node: Node, task: int, round_: int, index: int) -> SubmissionRow:
    """Return a submission. Refused when there is none."""
    row = node.store.submission(task, round_, index)
    if row is None:
        raise Refused(f"task {task} has no submission {index} in round {round_}")
    return row


def fetch(node: Node, task: TaskRow, spec: TaskSpec, action: FetchSubmission) -> None:
    """Get a submission's artifact; that none can be had of it is a finding."""
    row = submission_of(node, task.id, action.round, action.index)
    name = key(task.id, action.round, f"fetch:{action.index}")

    def done(finding: dict[str, Any] | None) -> None:
        if finding is not None:
            record(node, task, row, finding)

    node.jobs.start(name, lambda: failed_fetch(node, row, spec), done)


def failed_fetch(node: Node, row: SubmissionRow, spec: TaskSpec) -> dict[str, Any] | None:
    """Get a submission's artifact; return a finding where what its root names can't be right, whoever serves it.

    Raises Unavailable when nobody serves it so far.
    """
    try:
        node.fetch(row.task, row.root, row.uri, spec.rounds.max_artifact_bytes)
    except Refused as refused:
        if refused.reason is Reason.MISSING:  # no URI that may be used so far; another one may come
            raise Unavailable(str(refused)) from refused
        # What the root names is itself malformed or too large: no source can mend that.
        return unchecked(Verdict.MALFORMED, refused.reason or Reason.SCHEMA, str(refused))
    return None


def check(node: Node, task: TaskRow, spec: TaskSpec, action: Check) -> None:
    """Check a submission in a process of its own."""
    known = to_check(node, task, spec, action.round, action.index)
    if known is None:
        return
    row, args = known
    before = node.store.worker(task.id, row.trainer, row.round, row.index)
    args["worker"] = {} if before is None else before.json
    args["evidence"] = str(showing.draft(node, task.id, row.round, row.index))

    def done(finding: dict[str, Any]) -> None:
        showing.keep(node, task.id, row.round, row.index)
        record(node, task, row, finding)

    def work() -> dict[str, Any]:
        try:
            return node.run("assay.roles.work:check", args)
        except Refused as refused:  # the child died of what it read
            return unchecked(Verdict.MALFORMED, Reason.SCHEMA, str(refused))

    name = key(task.id, action.round, f"check:{action.index}")
    node.jobs.start(name, work, done, heavy=True)


def to_check(
    node: Node, task: TaskRow, spec: TaskSpec, round_: int, index: int
) -> tuple[SubmissionRow, dict[str, Any]] | None:
    """Return a submission and its `check_args`, or None before its round is sealed."""
    row = submission_of(node, task.id, round_, index)
    schedule, seal = schedule_of(task, spec), node.store.seal(task.id, round_)
    if schedule is None or seal is None:
        return None
    return row, check_args(node, task, spec, row, node.beacon(task.id, schedule, round_), seal)


def check_args(
    node: Node, task: TaskRow, spec: TaskSpec, row: SubmissionRow, beacon: bytes, seal: SealRow
) -> dict[str, Any]:
    """Return what `verify.check.check_json` needs to judge a submission, as JSON."""
    earlier = [
        one for one in node.store.submissions(task.id, row.round) if one.trainer == row.trainer and one.n < row.n
    ]
    return {
        "folder": str(node.chunks.folder(row.root)),
        "checkpoint_folder": checkpoint_folder(node, task.id, row.base),
        "openings": str(node.chunks.location),
        "validator": node.account,
        "earlier": _before(node, row),
        "labels": own_labels(node.config, spec),
        "spec": to_json(spec).decode(),
        "profiles": profiles(spec.verification),
        "context": {
            "chain_id": node.config.chain_id,
            "ledger": node.deployment.ledger,
            "task": task.id,
            "round": row.round,
            "trainer": row.trainer,
            "n": row.n,
            "base": row.base,
            "units": row.units,
            "root": hex32(row.root),
            "beacon": hex32(beacon),
            "audit_seed": "0x" + seal.seed.hex(),
            "first_group": len(earlier) * spec.rollout.groups,
            "history": asdict(history_of(node.store, seal, row.trainer)),
        },
    }


def _before(node: Node, row: SubmissionRow) -> list[str]:
    """Return the folders of the latest submissions before this one in its round, of this base and held here."""
    others = [one for one in node.store.submissions(row.task, row.round) if one.index < row.index]
    alike = [one for one in others if one.base == row.base and one.root != row.root and node.chunks.has(one.root)]
    return [str(node.chunks.folder(one.root)) for one in alike[-MAX_COMPARED:]]


def record(node: Node, task: TaskRow, row: SubmissionRow, finding: dict[str, Any]) -> None:
    """Remember and say what was found."""
    if finding.get("worker") is not None:
        node.store.put_worker(WorkerRow(task.id, row.round, row.index, row.trainer, finding["worker"]))
    node.store.put_finding(task.id, row.round, row.index, finding)
    node.pulse.count("checks_total")
    verdict, reason = Verdict(finding["verdict"]), Reason(finding["reason"])
    why = "" if verdict is Verdict.VALID else f" ({reason.name.lower()}, leaf {finding['leaf']})"
    node.say(
        f"task {task.id} round {row.round} · submission {row.index} {verdict.name}{why} in {finding['seconds']:.1f} s"
    )


def unchecked(verdict: Verdict, reason: Reason, message: str) -> dict[str, Any]:
    """Return a finding on a submission that couldn't be checked, as JSON."""
    return {
        "verdict": int(verdict),
        "reason": int(reason),
        "leaf": None,
        "value": None,
        "threshold": None,
        "seconds": 0.0,
        "evidence": hex32(NO_EVIDENCE),
        "checks": [],
        "statistical": False,
        "worker": None,
        "message": message,
    }
