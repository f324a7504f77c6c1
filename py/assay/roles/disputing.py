"""What a role needs to know of refusals and challenges: which leaf a refusal named, and where it lies in the artifact.

Reads records and files; sends nothing. Doesn't judge whether a leaf is good: that is `verify`'s.
"""

from __future__ import annotations

from collections import Counter

from assay.artifact.manifest import Manifest
from assay.chain.contracts import LeafProof
from assay.protocol import merkle
from assay.protocol.shares import REFUSED
from assay.protocol.votes import unpack
from assay.roles.deciding import Doubt
from assay.store.engine import Store
from assay.store.rows import TaskRow
from assay.store.settled import tally_of
from assay.types import ClaimKind, Outcome, Reason, Verdict

PASSED = frozenset({Outcome.PAID, Outcome.NOT_HELD})
_FILES = {Reason.STEP: "trace.json", Reason.GRADIENT: "trace.json", Reason.UPDATE: "update.safetensors"}
_HEADER = frozenset({Reason.MISSING, Reason.SCHEMA, Reason.SIZE, Reason.BINDING, Reason.UNITS})
Refusal = tuple[int, int, int]


def refusals(store: Store, task: TaskRow, round_: int, trainer: str) -> tuple[Refusal, ...]:
    """Return (index, check, leaf) of what the votes hold against a trainer's refused submissions of a round, the leaf
    with the most seats first; what is challenged already is left out.
    """
    own = {row.index for row in store.submissions(task.id, round_) if row.trainer == trainer}
    outcomes = tally_of(store, task, round_, votes_only=True).outcomes if own else []
    refused = {index for index in own if outcomes[index] in REFUSED}
    held = held_against(store, task.id, round_)
    challenged = {(c.index, c.check, c.leaf) for c in store.cases(task.id, round_) if c.claim == ClaimKind.GOOD_LEAF}
    return tuple(named for named in held if named[0] in refused and named not in challenged)


def held_against(store: Store, task: int, round_: int) -> list[Refusal]:
    """Return (index, check, leaf) of all that the votes of a round hold against its submissions, most seats first."""
    seats: Counter[Refusal] = Counter()
    packed = [row.votes for row in store.votes(task, round_)] + [row.votes for row in store.extras(task, round_)]
    for vote in (vote for votes in packed for vote in unpack(votes)):
        if vote.verdict is not Verdict.VALID:
            seats[vote.index, int(vote.reason), vote.leaf] += vote.seats.bit_count()
    return [named for named, _ in seats.most_common()]


def wrongs(store: Store, task: TaskRow, round_: int, validator: str) -> tuple[tuple[int, int, int, int], ...]:
    """Return (index, claim, check, leaf) of what this validator's own findings hold against a round's outcomes: work
    that was passed and is bad, and canaries that fail nothing although it passed them. What is challenged is left out.
    """
    challenged = {(case.index, case.claim, case.check, case.leaf) for case in store.cases(task.id, round_)}
    canaries = {row.index: row for row in store.canaries(task.id, round_)}
    outcomes = tally_of(store, task, round_, votes_only=True).outcomes
    passed = _passed_by(store, task.id, round_, validator)
    found = []
    for row in store.findings(task.id, round_):
        verdict, canary = row.json["verdict"], canaries.get(row.index)
        if canary is not None:
            if verdict == Verdict.VALID and row.index in passed:
                found.append((row.index, int(ClaimKind.GOOD_LEAF), canary.check, canary.leaf))
        elif verdict == Verdict.INVALID and outcomes[row.index] in PASSED:
            leaf = min(row.json["leaf"] or 0, 0xFFFF)
            found.append((row.index, int(ClaimKind.BAD_LEAF), int(row.json["reason"]), leaf))
    return tuple(wrong for wrong in found if wrong not in challenged)


def doubts(store: Store, task: TaskRow, round_: int, validator: str) -> tuple[Doubt, ...]:
    """Return what this validator found bad, like a quorum, and what keeps its bond because the votes aren't exact.

    Canaries are settled without a jury. What is challenged at the same leaf for the same check is left out.
    """
    bad = [row for row in store.findings(task.id, round_) if row.json["verdict"] == Verdict.INVALID]
    if not bad:
        return ()
    outcomes = tally_of(store, task, round_, votes_only=True).outcomes
    settled = {row.index for row in store.canaries(task.id, round_)}
    cases = store.cases(task.id, round_)
    challenged = {(c.index, c.check, c.leaf) for c in cases if c.claim == ClaimKind.BAD_LEAF}
    found = []
    for row in bad:
        named = row.index, int(row.json["reason"]), min(row.json["leaf"] or 0, 0xFFFF)
        if outcomes[row.index] is not Outcome.DOUBTED or row.index in settled or named in challenged:
            continue
        order = _refusers(store, task, round_, row.index)
        turn = order.index(validator) if validator in order else len(order)
        found.append(Doubt(*named, turn, len(order)))
    return tuple(found)


def _refusers(store: Store, task: TaskRow, round_: int, index: int) -> list[str]:
    """Return who voted INVALID on a submission, in the order of their first seats."""
    packed = [(0, row.validator, row.votes) for row in store.votes(task.id, round_)]
    packed += [(1, row.validator, row.votes) for row in store.extras(task.id, round_)]
    first = sorted(
        (draw, vote.seats & -vote.seats, who)
        for draw, who, votes in packed
        for vote in unpack(votes)
        if vote.index == index and vote.verdict is Verdict.INVALID
    )
    return list(dict.fromkeys(who for _, _, who in first))


def _passed_by(store: Store, task: int, round_: int, validator: str) -> set[int]:
    packed = [row.votes for row in store.votes(task, round_) if row.validator == validator]
    packed += [row.votes for row in store.extras(task, round_) if row.validator == validator]
    return {vote.index for votes in packed for vote in unpack(votes) if vote.verdict is Verdict.VALID}


def leaf_proof(manifest: Manifest, check: int) -> LeafProof:
    """Return a leaf of the artifact that a check reads, with its proof: the header, or the first chunk of its file."""
    leaves, at = manifest.leaves(), 0
    if check not in _HEADER:
        name = _FILES.get(Reason(check), "rollouts.parquet") if check in Reason.__members__.values() else ""
        at = next((i + 1 for i, chunk in enumerate(manifest.chunks()) if chunk.name == name), 0)
    return LeafProof(at, len(leaves), leaves[at], tuple(merkle.prove(leaves, at)))
