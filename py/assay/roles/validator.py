"""The validator as a service: hold what there is to check, seal, check what the draw gives it, commit, reveal,
attest, finalize.

Decides in `deciding`; here are its acts. Strangers' artifacts are opened only in the sandbox's processes. What it has
found is recorded before it is committed, and what it committed to before that goes out, so a restart between any two
acts loses nothing.
"""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

from assay.errors import Refused, Unavailable
from assay.protocol.hashing import hex32, keccak, unhex32
from assay.protocol.spec import TaskSpec, to_json
from assay.protocol.typed_data import attestation_digest
from assay.protocol.votes import Vote, pack
from assay.protocol.windows import Phase
from assay.roles.acting import act_shared, checkpoint_folder, run_role
from assay.roles.actions import Action, Attest, Check, Commit, FetchSubmission, MakeCheckpoint, Reveal, Seal
from assay.roles.config import NodeConfig, Say
from assay.roles.deciding import TaskView, decide_validator
from assay.roles.node import Node
from assay.roles.observing import key, schedule_of, seats_of
from assay.roles.secrets import commitment_salt
from assay.store.rows import SubmissionRow, TaskRow
from assay.types import Reason, Role, Verdict

NO_EVIDENCE = bytes(32)


def run(config: NodeConfig, stop: threading.Event, say: Say) -> None:
    """Run a validator until `stop` is set (an open reveal is finished first) or its one task is over."""
    node = Node(config, Role.VALIDATOR, "validator", say, preload=("assay.roles.work", "assay.verify.check"))
    url = node.serve()
    say(f"validator {config.name} {node.account} serves {url}")
    leaving = threading.Event()

    def finished(views: list[TaskView]) -> bool:
        if stop.is_set() and not any(_owes_a_reveal(view) for view in views):
            return True
        return config.task is not None and bool(views) and all(view.over for view in views)

    run_role(node, decide_validator, act, leaving, finished)


def act(node: Node, task: TaskRow, spec: TaskSpec, action: Action) -> None:
    """Do one thing that was decided."""
    if isinstance(action, FetchSubmission):
        _fetch(node, task, spec, action)
    elif isinstance(action, Attest):
        node.outbox.put(key(task.id, action.round, "attest"), node.contracts.attest(task.id, action.round, action.root))
        what = "genesis" if action.round == 0 else f"checkpoint {action.round}"
        node.say(f"task {task.id} · attests {what} {hex32(action.root)[:10]}")
    elif isinstance(action, Seal):
        _seal(node, task, spec, action.round)
    elif isinstance(action, Check):
        _check(node, task, spec, action)
    elif isinstance(action, Commit):
        _commit(node, task, spec, action.round)
    elif isinstance(action, Reveal):
        _reveal(node, task, action.round)
    elif isinstance(action, MakeCheckpoint):
        _make_checkpoint(node, task, spec, action)
    else:
        act_shared(node, task, spec, action)


def _owes_a_reveal(view: TaskView) -> bool:
    return any(
        seen.phase in {Phase.COMMIT, Phase.REVEAL} and "commit" in seen.done and "reveal" not in seen.done
        for seen in view.rounds
    )


def _submission(node: Node, task: int, round_: int, index: int) -> SubmissionRow:
    row = node.store.submission(task, round_, index)
    if row is None:
        raise Refused(f"task {task} has no submission {index} in round {round_}")
    return row


def _fetch(node: Node, task: TaskRow, spec: TaskSpec, action: FetchSubmission) -> None:
    row = _submission(node, task.id, action.round, action.index)
    name = key(task.id, action.round, f"fetch:{action.index}")

    def work() -> dict[str, Any] | None:
        try:
            node.fetch(task.id, row.root, row.uri, spec.rounds.max_artifact_bytes)
        except Refused as refused:
            if refused.reason is Reason.MISSING:  # no URI that may be used so far; another one may come
                raise Unavailable(str(refused)) from refused
            # What the root names is itself malformed or too large: no source can mend that.
            return unchecked(Verdict.MALFORMED, refused.reason or Reason.SCHEMA, str(refused))
        return None

    def done(finding: dict[str, Any] | None) -> None:
        if finding is not None:
            _record(node, task, row, finding)

    node.jobs.start(name, work, done)


def _seal(node: Node, task: TaskRow, spec: TaskSpec, round_: int) -> None:
    schedule = schedule_of(task, spec)
    proof = node.contracts.word_proof(schedule.seal_at(round_)) if schedule else None
    if proof is not None:
        node.outbox.put(key(task.id, round_, "seal"), node.contracts.seal(task.id, round_, proof))


def _check(node: Node, task: TaskRow, spec: TaskSpec, action: Check) -> None:
    row = _submission(node, task.id, action.round, action.index)
    schedule, seal = schedule_of(task, spec), node.store.seal(task.id, action.round)
    if schedule is None or seal is None:
        return
    args = check_args(node, task, spec, row, node.beacon(task.id, schedule, action.round), seal.seed)

    def work() -> dict[str, Any]:
        try:
            return node.run("assay.roles.work:check", args)
        except Refused as refused:  # the child died of what it read
            return unchecked(Verdict.MALFORMED, Reason.SCHEMA, str(refused))

    name = key(task.id, action.round, f"check:{action.index}")
    node.jobs.start(name, work, lambda finding: _record(node, task, row, finding), heavy=True)


def check_args(
    node: Node, task: TaskRow, spec: TaskSpec, row: SubmissionRow, beacon: bytes, seed: bytes
) -> dict[str, Any]:
    """Return what `verify.check.check_json` needs to judge a submission, as JSON."""
    earlier = [
        one for one in node.store.submissions(task.id, row.round) if one.trainer == row.trainer and one.n < row.n
    ]
    return {
        "folder": str(node.chunks.folder(row.root)),
        "checkpoint_folder": checkpoint_folder(node, task.id, row.base),
        "spec": to_json(spec).decode(),
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
            "audit_seed": "0x" + seed.hex(),
            "first_group": len(earlier) * spec.rollout.groups,
        },
    }


def _record(node: Node, task: TaskRow, row: SubmissionRow, finding: dict[str, Any]) -> None:
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
        "message": message,
    }


def _commit(node: Node, task: TaskRow, spec: TaskSpec, round_: int) -> None:
    votes, evidence, held = [], [], 0
    seats = seats_of(node.store, node.known(), task, spec, round_)
    for row in node.store.submissions(task.id, round_):
        if node.chunks.has(row.root):
            held |= 1 << row.index
        if row.index not in seats:
            continue
        finding = node.store.finding(task.id, round_, row.index)
        if finding is not None:
            found = finding.json
            leaf = found["leaf"] if found["leaf"] is not None else 0
            votes.append(
                Vote(row.index, seats[row.index], Verdict(found["verdict"]), found["reason"], min(leaf, 0xFFFF))
            )
            evidence.append(unhex32(found["evidence"]))
        elif not node.chunks.has(row.root):
            votes.append(Vote(row.index, seats[row.index], Verdict.UNAVAILABLE, Reason.MISSING))
    if not votes:
        return
    packed, root = pack(votes), keccak(b"".join(evidence))
    note = {"votes": packed.hex(), "held": hex(held), "evidence": root.hex()}
    node.store.put_note(task.id, round_, "commitment", note)
    salt = commitment_salt(node.config.signer, node.config.chain_id, node.deployment.ledger, task.id, round_)
    digest = attestation_digest(
        node.config.chain_id, node.deployment.ledger, task.id, round_, node.account, packed, held, root, salt
    )
    node.outbox.put(key(task.id, round_, "commit"), node.contracts.commit(task.id, round_, digest))


def _reveal(node: Node, task: TaskRow, round_: int) -> None:
    note = node.store.note(task.id, round_, "commitment")
    if note is None:
        raise Refused(
            f"the commitment of round {round_} of task {task.id} isn't in this node's records: it can't be opened"
        )
    salt = commitment_salt(node.config.signer, node.config.chain_id, node.deployment.ledger, task.id, round_)
    votes, held, evidence = (
        bytes.fromhex(note.json["votes"]),
        int(note.json["held"], 16),
        bytes.fromhex(note.json["evidence"]),
    )
    node.outbox.put(key(task.id, round_, "reveal"), node.contracts.reveal(task.id, round_, votes, held, evidence, salt))


def _make_checkpoint(node: Node, task: TaskRow, spec: TaskSpec, action: MakeCheckpoint) -> None:
    rows = [_submission(node, task.id, action.round, index) for index in action.included]
    out = node.config.home / "work" / f"checkpoint-{task.id}-{action.round}"
    args = {
        "spec": to_json(spec).decode(),
        "checkpoint": checkpoint_folder(node, task.id, action.base),
        "parts": [{"folder": str(node.chunks.folder(row.root)), "units": row.units} for row in rows],
        "out": str(out),
    }

    def work() -> bytes:
        shutil.rmtree(out, ignore_errors=True)
        out.parent.mkdir(parents=True, exist_ok=True)
        node.run("assay.roles.work:merge", args)
        return node.chunks.add(Path(out))

    def done(root: bytes) -> None:
        node.store.put_note(task.id, action.round, "checkpoint", {"root": root.hex(), "base": action.base})

    node.jobs.start(key(task.id, action.round, "merge"), work, done, heavy=True)
