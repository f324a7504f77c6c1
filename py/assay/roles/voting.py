"""What a validator says of a round: commitment, reveal, votes of the extra draw, and who said nothing.

What it committed to is noted before that goes out, so a restart between any two acts loses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from assay.errors import Refused
from assay.protocol.evidence import NONE, round_root
from assay.protocol.hashing import hex32, unhex32
from assay.protocol.spec import TaskSpec
from assay.protocol.typed_data import attestation_digest
from assay.protocol.votes import Vote, pack
from assay.roles.actions import ShowSilent
from assay.roles.drawing import extra_seats_of, seats_of
from assay.roles.node import Node
from assay.roles.observing import key
from assay.roles.opening import withheld
from assay.roles.secrets import commitment_salt
from assay.store.rows import SubmissionRow, TaskRow
from assay.types import Reason, Verdict

LAZY, REFUSE = "lazy", "refuse"
FAULTS = (LAZY, REFUSE)
"""Ways in which a validator cheats, for demonstrations: it votes without looking; it refuses what it found good."""

Root = tuple[int, bytes]
"""A submission's index and its evidence root."""


def commit(node: Node, task: TaskRow, spec: TaskSpec, round_: int) -> None:
    """Commit to the verdicts found so far."""
    rows = node.store.submissions(task.id, round_)
    votes, roots = votes_of(node, task, round_, seats_of(node.store, node.known(), task, spec, round_))
    if not votes:
        return
    root = round_root(roots)
    is_lazy = _fault(node, round_) == LAZY
    held = sum(1 << row.index for row in rows if is_lazy or node.chunks.has(row.root))
    packed = pack(votes)
    note = {"votes": packed.hex(), "held": hex(held), "evidence": root.hex(), "roots": _plain(roots)}
    node.store.put_note(task.id, round_, "commitment", note)
    salt = commitment_salt(node.config.signer, node.config.chain_id, node.deployment.ledger, task.id, round_)
    digest = attestation_digest(
        node.config.chain_id, node.deployment.ledger, task.id, round_, node.account, packed, held, root, salt
    )
    node.outbox.put(key(task.id, round_, "commit"), node.contracts.commit(task.id, round_, digest))


def reveal(node: Node, task: TaskRow, round_: int) -> None:
    """Open the commitment."""
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


def vote_extra(node: Node, task: TaskRow, spec: TaskSpec, round_: int) -> None:
    """Vote with the seats of the extra draw, in the open."""
    seats = extra_seats_of(node.store, node.known(), task, spec, round_)
    votes, roots = votes_of(node, task, round_, seats)
    if votes:
        root = round_root(roots)
        node.store.put_note(task.id, round_, "extra", {"evidence": root.hex(), "roots": _plain(roots)})
        call = node.contracts.vote_extra(task.id, round_, pack(votes), root)
        node.outbox.put(key(task.id, round_, "extra"), call)
        node.say(f"task {task.id} round {round_} · votes in the extra draw on {len(votes)} of its submissions")


def show_silent(node: Node, task: TaskRow, action: ShowSilent) -> None:
    """Show that another validator's drawn seat said nothing."""
    call = node.contracts.cut_silent(task.id, action.round, action.validator, action.index, action.seat)
    node.outbox.put(key(task.id, action.round, f"silent:{action.validator}"), call)
    node.say(f"task {task.id} round {action.round} · shows that {action.validator} was silent")


def votes_of(node: Node, task: TaskRow, round_: int, seats: Mapping[int, int]) -> tuple[list[Vote], list[Root]]:
    """Return this node's votes for some seats, as far as it has something to say, and the evidence root of each."""
    votes, evidence = [], []
    for row in node.store.submissions(task.id, round_):
        if row.index not in seats:
            continue
        vote, shown = _vote(node, row, seats[row.index])
        votes += [vote] if vote else []
        evidence += [(row.index, shown)] if vote else []
    return votes, evidence


def _plain(roots: list[Root]) -> list[list[int | str]]:
    return [[index, hex32(root)] for index, root in roots]


def _vote(node: Node, row: SubmissionRow, seats: int) -> tuple[Vote | None, bytes]:
    if _fault(node, row.round) == LAZY:
        return Vote(row.index, seats, Verdict.VALID), NONE
    if _fault(node, row.round) == REFUSE and row.round == node.config.fault_from and row.index == 0:
        return Vote(row.index, seats, Verdict.INVALID, Reason.REWARD, 0), NONE
    finding = node.store.finding(row.task, row.round, row.index)
    if finding is not None:
        found = finding.json
        leaf = min(found["leaf"] or 0, 0xFFFF)
        return Vote(row.index, seats, Verdict(found["verdict"]), found["reason"], leaf), unhex32(found["evidence"])
    if not node.chunks.has(row.root) or withheld(node, row):
        return Vote(row.index, seats, Verdict.UNAVAILABLE, Reason.MISSING), NONE
    return None, NONE


def _fault(node: Node, round_: int) -> str | None:
    return node.config.fault if round_ >= node.config.fault_from else None
