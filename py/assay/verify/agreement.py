"""The check of labels: enough of the drawn ones are what this node says of the same items, by itself.

No computation can tell the better answer; a validator's labels are made without sight of the submission, from its
owner's file. Whoever has too few of them doesn't vote. A tolerance, hence a statistical fault (decision 019): it can't
tell an honest minority from a careless trainer. Doesn't stop who agreed on a rule with a quorum beforehand.
"""

from __future__ import annotations

from assay.errors import Refused, Unavailable
from assay.model.env.base import Labelled
from assay.protocol.agreement import LABELS, PARTS, judged
from assay.types import Reason
from assay.verify.case import Case, Measure


def check_agreement(case: Case) -> Measure:
    """Compare the drawn labels with this node's own. Value: the share that agrees, of what this node could decide.

    Unavailable where this node has labels of less than half of the drawn items.
    """
    env, share = case.environment, case.spec.verification.agreement
    if not isinstance(env, Labelled):
        raise Refused(f"environment {env.name} has nothing to label", Reason.SCHEMA)
    letters = {tuple(env.labelled(letter)): letter for letter in LABELS}
    said = zip(case.rollouts.tokens.tolist(), case.rollouts.lengths.tolist(), strict=True)
    theirs = "".join(letters[tuple(row[:length])] for row, length in said)  # `assignment` saw that all are letters
    drawn, known = case.plan.groups, case.labels or {}
    keys = {group: env.key(case.prompt_seeds[group]) for group in drawn}
    own = {group: known[key] for group, key in keys.items() if key in known}
    found = judged(theirs, own, drawn, share)
    if found.passes is None:
        few = f"this node has labels of {found.decided} of the {len(drawn)} drawn items: too few to vote"
        raise Unavailable(f"{few}; `assay label` makes them, --labels FILE names them")
    value, least = found.agreed / found.decided, share / PARTS
    if not found.passes:
        message = f"{found.agreed} of {found.decided} labels are this node's own, {found.needed} must be"
        raise Refused(message, Reason.SAMPLING, found.first_other, value, least)
    return Measure(value, least)
