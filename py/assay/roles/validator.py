"""The validator as a service: hold what there is to check, seal, check what the draw gives it, commit, reveal,
attest, finalize.

Decides in `deciding_validator`; here and in the modules named after them are its acts.
"""

from __future__ import annotations

import threading

from assay.protocol.hashing import hex32
from assay.protocol.spec import TaskSpec
from assay.protocol.windows import Phase
from assay.roles import judging, showing, voting
from assay.roles.acting import act_shared, run_role
from assay.roles.actions import (
    Action,
    Attest,
    Challenge,
    Check,
    Commit,
    DropEvidence,
    FetchOpening,
    FetchSubmission,
    MakeCheckpoint,
    Reveal,
    Seal,
    ShowEvidence,
    ShowSilent,
    VoteExtra,
)
from assay.roles.challenging import challenge
from assay.roles.checking import check, fetch
from assay.roles.config import NodeConfig, Say
from assay.roles.deciding import TaskView
from assay.roles.deciding_validator import decide_validator
from assay.roles.merging import make_checkpoint
from assay.roles.node import Node
from assay.roles.observing import key, schedule_of
from assay.roles.opening import fetch_opening
from assay.store.rows import TaskRow
from assay.types import Role, Stage

_OPENING = frozenset({Stage.COMMITTING, Stage.REVEALING})


def run(config: NodeConfig, stop: threading.Event, say: Say) -> None:
    """Run a validator until `stop` is set (an open reveal is finished first) or its one task is over."""
    node = Node(config, Role.VALIDATOR, "validator", say, preload=("assay.roles.work", "assay.verify.check"))
    url = node.serve()
    say(f"validator {config.name} {node.account} serves {url}")
    showing.sweep(node)
    leaving = threading.Event()

    def finished(views: list[TaskView]) -> bool:
        if stop.is_set() and not any(_owes_a_reveal(view) for view in views):
            return True
        return config.task is not None and bool(views) and all(view.over for view in views)

    run_role(node, decide_validator, act, leaving, finished)


def act(node: Node, task: TaskRow, spec: TaskSpec, action: Action) -> None:
    """Do one thing that was decided."""
    if isinstance(action, FetchSubmission | FetchOpening | Check):
        _look(node, task, spec, action)
    elif isinstance(action, Attest):
        node.outbox.put(key(task.id, action.round, "attest"), node.contracts.attest(task.id, action.round, action.root))
        what = "genesis" if action.round == 0 else f"checkpoint {action.round}"
        node.say(f"task {task.id} · attests {what} {hex32(action.root)[:10]}")
    elif isinstance(action, Seal):
        _seal(node, task, spec, action.round)
    elif isinstance(action, Commit | Reveal | VoteExtra):
        _vote(node, task, spec, action)
    elif isinstance(action, MakeCheckpoint):
        make_checkpoint(node, task, spec, action)
    elif isinstance(action, ShowSilent):
        voting.show_silent(node, task, action)
    elif isinstance(action, ShowEvidence | DropEvidence):
        _show(node, task, spec, action)
    elif isinstance(action, Challenge):
        challenge(node, task, action)
    elif isinstance(action, judging.CaseAction):
        judging.act_in_case(node, task, spec, action)
    else:
        act_shared(node, task, spec, action)


def _look(node: Node, task: TaskRow, spec: TaskSpec, action: FetchSubmission | FetchOpening | Check) -> None:
    if isinstance(action, FetchSubmission):
        fetch(node, task, spec, action)
    elif isinstance(action, FetchOpening):
        fetch_opening(node, task, spec, action)
    else:
        check(node, task, spec, action)


def _vote(node: Node, task: TaskRow, spec: TaskSpec, action: Commit | Reveal | VoteExtra) -> None:
    if isinstance(action, Commit):
        voting.commit(node, task, spec, action.round)
    elif isinstance(action, Reveal):
        voting.reveal(node, task, action.round)
    else:
        voting.vote_extra(node, task, spec, action.round)


def _show(node: Node, task: TaskRow, spec: TaskSpec, action: ShowEvidence | DropEvidence) -> None:
    if isinstance(action, ShowEvidence):
        showing.show(node, task, spec, action.round)
    else:
        showing.drop(node, task.id, action.round)


def _owes_a_reveal(view: TaskView) -> bool:
    return any(
        seen.phase in {Phase.COMMIT, Phase.REVEAL} and "commit" in seen.done and "reveal" not in seen.done
        for seen in view.rounds
    ) or any("ballot" in case.done and "open" not in case.done and case.stage in _OPENING for case in view.cases)


def _seal(node: Node, task: TaskRow, spec: TaskSpec, round_: int) -> None:
    schedule = schedule_of(task, spec)
    proof = node.contracts.word_proof(schedule.seal_at(round_)) if schedule else None
    if proof is not None:
        node.outbox.put(key(task.id, round_, "seal"), node.contracts.seal(task.id, round_, proof))
