"""What evidence was revealed in a round, and what its makers serve of it: read and sorted without a model.

A claim is one validator's word with its evidence: a reveal, votes of the extra draw, or a ballot of a jury. Whatever is
served is a stranger's: it counts only as far as it gives what is on chain. Knows nothing of activations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from assay.artifact import evidence as evidence_file
from assay.artifact.evidence import Entry, Evidence
from assay.errors import Refused, Unavailable
from assay.protocol.evidence import NONE, Place, is_due, round_root, submission_root
from assay.protocol.votes import unpack
from assay.roles.node import Node
from assay.store.engine import Store
from assay.store.rows import CaseRow, TaskRow
from assay.swarm.names import ask
from assay.types import NO_INDEX, ClaimKind, Reason, Role, Verdict

SHOWN, COPIED, MADE_UP, WITHHELD, EMPTY = "shown", "copied", "made-up", "withheld", "none"
REVEAL, EXTRA = "reveal", "extra"
Roots = list[tuple[int, bytes]]
_AFTER_PREFILL = frozenset({Reason.ACTIVATION, Reason.SAMPLING, Reason.STEP})
_GOOD = {(ClaimKind.GOOD_LEAF, 1), (ClaimKind.BAD_LEAF, 2)}


@dataclass(frozen=True, slots=True)
class Said:
    """One vote: on which submission, in words, and whether nobody comes to it without a prefill."""

    index: int
    words: str
    is_due: bool


@dataclass(slots=True)
class Claim:
    """One validator's evidence on chain. `by` is reveal, extra or `case ID`; of a case, evidence is the submission's
    own root. What it serves is `served`, in `folder`, an artifact of that `root`; `why` says why there is nothing.
    """

    validator: str
    by: str
    evidence: bytes
    said: tuple[Said, ...]
    served: Evidence | None = None
    folder: Path | None = None
    root: bytes | None = None
    why: str = ""

    @property
    def is_ballot(self) -> bool:
        return self.by not in {REVEAL, EXTRA}

    def gives(self, roots: Sequence[tuple[int, bytes]]) -> bool:
        """Tell whether the evidence on chain is that of these submissions' roots."""
        if [index for index, _ in roots] != [one.index for one in self.said]:
            return False
        return self.evidence == (roots[0][1] if self.is_ballot else round_root(roots))

    def entry(self, index: int) -> Entry | None:
        """Return what is served of a submission."""
        return next((one for one in self.served.entries if one.index == index), None) if self.served else None


@dataclass(slots=True)
class Found:
    """What became of one submission's evidence under one claim.

    `of` is whose fingerprints they are, where that is known; `roots` what the evidence on chain is made of; `lines` are
    [name, value, threshold] of the fingerprint that is furthest off, number `leaf`.
    """

    claim: Claim
    said: Said
    outcome: str
    why: str = ""
    of: str | None = None
    entry: Entry | None = None
    roots: Roots = field(default_factory=list)
    leaf: int = 0
    lines: list[tuple[str, float, float]] = field(default_factory=list)


def claims_of(store: Store, task: int, round_: int) -> list[Claim]:
    """Return the evidence on chain of a round, reveals first, ballots last."""
    found = [Claim(row.validator, REVEAL, row.evidence, _said(row.votes)) for row in store.votes(task, round_)]
    found += [Claim(row.validator, EXTRA, row.evidence, _said(row.votes)) for row in store.extras(task, round_)]
    for case in store.cases(task, round_):
        for juror in store.jurors(case.id) if case.index != NO_INDEX else ():
            if juror.vote is not None and juror.evidence is not None:
                said = (_ballot(case, juror.vote),)
                found.append(Claim(juror.juror, f"case {case.id}", juror.evidence, said))
    return found


def fetch(node: Node, task: TaskRow, claim: Claim, max_bytes: int) -> None:
    """Get what a validator serves of its evidence; in `claim.why` stands why there is nothing."""
    uris = [row.uri for row in node.store.enlistments(task.id, Role.VALIDATOR) if row.account == claim.validator]
    if not uris:
        claim.why = "nothing says where this validator serves"
        return
    try:
        root = ask(claim.evidence, uris[0], allow_private=node.config.allow_private)
        folder = node.fetch(task.id, root, uris[0], max_bytes)
        served = evidence_file.read(folder, max_bytes)
    except (Refused, Unavailable) as error:
        claim.why = str(error)
        return
    if not claim.gives(roots_of(served)):
        claim.why = "what it serves doesn't give the evidence on chain"
        return
    claim.folder, claim.root, claim.served = folder, root, served


def sort(place: Place, claim: Claim, said: Said, others: Iterable[Claim]) -> Found:
    """Say what one submission's evidence is, before any model is asked: SHOWN here means that it opens under the
    validator's own address. `place` is the claim's; `others` are the other claims of the round.
    """
    rivals = [other for other in others if other.validator != claim.validator]
    if claim.served is None:
        return _unserved(place, claim, said, rivals)
    roots = roots_of(claim.served)
    entry = claim.entry(said.index)
    if entry is None or entry.root == NONE:
        return _empty(claim, said, roots)
    if entry.fingerprints and submission_root(place, entry.fingerprints) == entry.root:
        return Found(claim, said, SHOWN, of=claim.validator, entry=entry, roots=roots)
    for rival in rivals:
        whole = entry if entry.fingerprints else rival.entry(said.index)
        if whole is not None and _opens(place, rival, whole.fingerprints, entry.root):
            why = "its leaves open under another validator's address"
            return Found(claim, said, COPIED, why, rival.validator, whole, roots)
    return Found(claim, said, WITHHELD, "no fingerprints are served that give its root")


def _unserved(place: Place, claim: Claim, said: Said, rivals: Sequence[Claim]) -> Found:
    """Say what can be known of evidence that its maker doesn't serve: that it is nothing, or the very same as another's
    who does.
    """
    zeros = [(one.index, NONE) for one in claim.said]
    if claim.gives(zeros):
        return _empty(claim, said, zeros)
    for rival in rivals:
        entry = rival.entry(said.index) if rival.evidence == claim.evidence else None
        if entry is not None and rival.served and _opens(place, rival, entry.fingerprints, entry.root):
            why, roots = "the very evidence of another validator", roots_of(rival.served)
            return Found(claim, said, COPIED, why, rival.validator, entry, roots)
    return Found(claim, said, WITHHELD, claim.why)


def roots_of(served: Evidence) -> Roots:
    """Return the index and the evidence root of each entry."""
    return [(entry.index, entry.root) for entry in served.entries]


def under(place: Place, validator: str) -> Place:
    """Return the same place under another address."""
    return replace(place, validator=validator)


def _opens(place: Place, rival: Claim, fingerprints: Sequence[bytes], root: bytes) -> bool:
    return bool(fingerprints) and submission_root(under(place, rival.validator), fingerprints) == root


def _empty(claim: Claim, said: Said, roots: Roots) -> Found:
    if said.is_due:
        why = "there is no fingerprint, and nobody comes to this verdict without a prefill"
        return Found(claim, said, MADE_UP, why, roots=roots)
    return Found(claim, said, EMPTY, "refused before a prefill was needed", roots=roots)


def _said(votes: bytes) -> tuple[Said, ...]:
    return tuple(
        Said(vote.index, _words(vote.verdict, vote.reason_name), is_due(vote.verdict, vote.reason))
        for vote in unpack(votes)
    )


def _words(verdict: Verdict, reason: str) -> str:
    return verdict.name if verdict is Verdict.VALID else f"{verdict.name} ({reason})"


def _ballot(case: CaseRow, vote: int) -> Said:
    """Who says that a leaf passed a check at or after the prefill must have made one."""
    is_good = (ClaimKind(case.claim), vote) in _GOOD
    return Said(case.index, "holds" if vote == 1 else "fails", is_good and case.check in _AFTER_PREFILL)
