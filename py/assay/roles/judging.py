"""What a validator does in court: summon a jury, form a view, commit to it, reveal it, vote on an appeal, close.

A juror looks at what anybody can: the artifact as it is served, checked again with the round's seed, or the checkpoint
made again from the submissions that it names.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from assay.artifact.manifest import parse
from assay.chain.settlement import close_call
from assay.errors import Refused
from assay.protocol.hashing import unhex32
from assay.protocol.spec import TaskSpec
from assay.protocol.typed_data import ballot_digest
from assay.roles import showing
from assay.roles.actions import AppealVote, CloseCase, JuryCheck, JuryCommit, JuryReveal, MakeCheckpoint, Summon
from assay.roles.checking import check_args, failed_fetch, submission_of, unchecked
from assay.roles.deciding_cases import FAILS, HOLDS, vote_on
from assay.roles.docket import ends_of
from assay.roles.known import key, schedule_of
from assay.roles.merging import merge_args, merged
from assay.roles.node import Node
from assay.roles.opening import get_opening
from assay.roles.revising import corrections
from assay.roles.secrets import ballot_salt
from assay.store.rows import CaseRow, TaskRow
from assay.store.settled import accepted
from assay.types import NO_INDEX, ClaimKind, Reason, Verdict

NO_EVIDENCE = bytes(32)
CaseAction = Summon | JuryCheck | JuryCommit | JuryReveal | AppealVote | CloseCase


def act_in_case(node: Node, task: TaskRow, spec: TaskSpec, action: CaseAction) -> None:
    """Do one thing that a case asks for."""
    case = node.store.case(action.case)
    if case is None or case.task != task.id:
        raise Refused(f"there is no case {action.case}")
    if isinstance(action, Summon):
        summon(node, task, spec, case)
    elif isinstance(action, JuryCheck):
        look(node, task, spec, case)
    elif isinstance(action, JuryCommit):
        _commit(node, case)
    elif isinstance(action, JuryReveal):
        _reveal(node, task, spec, case)
    elif isinstance(action, AppealVote):
        node.outbox.put(_key(case, "appeal-vote"), node.contracts.vote_appeal(case.id, _view(node, case)))
    else:
        close(node, case)


def summon(node: Node, task: TaskRow, spec: TaskSpec, case: CaseRow) -> None:
    """Draw the jury, once the beacon has its word."""
    schedule = schedule_of(task, spec)
    proof = node.contracts.word_proof(ends_of(case, schedule)[0]) if schedule else None
    if proof is not None:
        node.outbox.put(_key(case, "summon"), node.contracts.summon(case.id, proof))


def close(node: Node, case: CaseRow) -> None:
    """End the case from this node's records of who revealed."""
    node.outbox.put(_key(case, "close"), close_call(node.contracts, node.store, case.id))


def look(node: Node, task: TaskRow, spec: TaskSpec, case: CaseRow) -> None:
    """Form a view of the case, in a job."""
    work = _recomputation(node, task, spec, case) if case.index == NO_INDEX else _repetition(node, task, spec, case)

    def done(found: dict[str, Any]) -> None:
        if case.index != NO_INDEX:
            showing.keep(node, case.task, case.round, case.index)
        node.store.put_note(case.task, case.round, f"case:{case.id}", found)
        says = "the claim holds" if found["vote"] == HOLDS else "the claim doesn't hold"
        node.say(f"task {case.task} round {case.round} · case {case.id}: {says}")

    node.jobs.start(_key(case, "judge"), work, done, heavy=True)


def _repetition(node: Node, task: TaskRow, spec: TaskSpec, case: CaseRow) -> Callable[[], dict[str, Any]]:
    """Check the submission again, all of it; what this node has found already it needn't find twice."""
    row, schedule = submission_of(node, task.id, case.round, case.index), schedule_of(task, spec)
    seal, known = node.store.seal(task.id, case.round), node.store.finding(task.id, case.round, case.index)
    if schedule is None or seal is None:
        raise Refused(f"round {case.round} of task {task.id} isn't sealed")
    beacon = node.beacon(task.id, schedule, case.round)

    def finding() -> dict[str, Any]:
        if known is not None and known.json["reason"] != Reason.MISSING:
            return known.json
        found = failed_fetch(node, row, spec)
        if found is not None:
            return found
        args = check_args(node, task, spec, row, beacon, seal)
        args["evidence"] = str(showing.draft(node, task.id, row.round, row.index))
        get_opening(node, row, spec, args)  # what isn't opened to the jury either is found missing
        try:
            return node.run("assay.roles.work:check", args)
        except Refused as refused:
            return unchecked(Verdict.MALFORMED, Reason.SCHEMA, str(refused))

    def work() -> dict[str, Any]:
        found = finding()
        said = (Verdict(found["verdict"]), found["reason"], min(found["leaf"] or 0, 0xFFFF))
        return {"vote": vote_on(case.claim, case.check, case.leaf, *said), "evidence": found["evidence"]}

    return work


def _recomputation(node: Node, task: TaskRow, spec: TaskSpec, case: CaseRow) -> Callable[[], dict[str, Any]]:
    """Make the disputed checkpoint again, and compare the chunk."""
    schedule = schedule_of(task, spec)
    bases = [row.round for row in node.store.checkpoints(task.id) if (row.final or row.round == 0)]
    base = max(round_ for round_ in bases if round_ < case.round)
    if schedule is None:
        raise Refused(f"task {task.id} hasn't started")
    revised = corrections(node.store, task, schedule, case.round, base, node.block_time)
    included = tuple(accepted(node.store, task, case.round))
    if not included and not revised:
        root = node.store.checkpoint(task.id, base)
        return partial(_compared, node, case, root.root if root else NO_EVIDENCE)
    out = node.config.home / "work" / f"case-{case.id}"
    args = merge_args(node, task, spec, MakeCheckpoint(case.round, base, included, revised), out)
    return lambda: _compared(node, case, merged(node, args))


def _compared(node: Node, case: CaseRow, root: bytes) -> dict[str, Any]:
    leaves = parse(node.chunks.manifest(root)).leaves()
    is_right = case.leaf < len(leaves) and leaves[case.leaf] == case.digest
    return {"vote": FAILS if is_right else HOLDS, "evidence": "0x" + root.hex()}


def _view(node: Node, case: CaseRow) -> int:
    """Return this node's view; of what it couldn't see, that it is bad."""
    note = node.store.note(case.task, case.round, f"case:{case.id}")
    return int(note.json["vote"]) if note else FAILS if case.claim == ClaimKind.GOOD_LEAF else HOLDS


def _commit(node: Node, case: CaseRow) -> None:
    note, vote = node.store.note(case.task, case.round, f"case:{case.id}"), _view(node, case)
    evidence = note.json["evidence"] if note else "0x" + NO_EVIDENCE.hex()
    node.store.put_note(case.task, case.round, f"ballot:{case.id}", {"vote": vote, "evidence": evidence})
    salt = ballot_salt(node.config.signer, node.config.chain_id, node.deployment.court, case.id)
    place = (node.config.chain_id, node.deployment.court, case.id, node.account)
    digest = ballot_digest(*place, vote, unhex32(evidence), salt)
    node.outbox.put(_key(case, "ballot"), node.contracts.commit_ballot(case.id, digest))


def _reveal(node: Node, task: TaskRow, spec: TaskSpec, case: CaseRow) -> None:
    note = node.store.note(case.task, case.round, f"ballot:{case.id}")
    if note is None:
        raise Refused(f"the ballot of case {case.id} isn't in this node's records: it can't be opened")
    salt = ballot_salt(node.config.signer, node.config.chain_id, node.deployment.court, case.id)
    call = node.contracts.reveal_ballot(case.id, note.json["vote"], unhex32(note.json["evidence"]), salt)
    node.outbox.put(_key(case, "open"), call)
    if case.index != NO_INDEX:  # the evidence of a checkpoint is its root, which anyone can make again
        showing.show_ballot(node, task, spec, case.round, case.index, unhex32(note.json["evidence"]))


def _key(case: CaseRow, what: str) -> str:
    return key(case.task, case.round, f"{what}:{case.id}")
