"""Check 2: every prompt, and every answer's noise, is what the round's beacon assigned; where answers
aren't sampled, every answer, too. Knows nothing of sampled answers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.errors import Refused
from assay.model import texts
from assay.model.env.base import Labelled
from assay.protocol.agreement import LABELS
from assay.protocol.assignment import noise_key
from assay.protocol.kinds import KINDS
from assay.types import Reason
from assay.verify.case import Case, Measure


def check_assignment(case: Case) -> Measure:
    """Derive each group's prompt and noise keys and compare them with its rollouts'. Value: rollouts with another
    prompt."""
    rollouts, size = case.rollouts, case.spec.rollout.group_size
    kind = KINDS[case.spec.kind]
    if kind.sampled or kind.labelled:
        prompts = [case.environment.prompt(seed) for seed in case.prompt_seeds]
        if kind.labelled:
            _refuse_other_words(case)
    else:
        groups = texts.given(case.environment, case.spec, case.prompt_seeds)
        prompts, said = [prompt for prompt, _ in groups], [one for _, completions in groups for one in completions]
        _refuse(_other(said, rollouts.tokens, rollouts.lengths), "isn't the completion that group", size)
    asked = [prompt for prompt in prompts for _ in range(size)]
    _refuse(_other(asked, rollouts.prompts, rollouts.prompt_lengths), "answers another prompt than group", size)
    keys = np.array([noise_key(seed, i) for seed in case.seeds for i in range(size)], np.uint64).view(np.int64)
    other = (rollouts.problems != np.repeat(np.array(case.prompt_seeds, np.int64), size)) | (rollouts.seeds != keys)
    if bool(other.any()):
        leaf = int(np.argmax(other))
        message = f"rollout {leaf} names another problem or seed than the one that was assigned"
        raise Refused(message, Reason.ASSIGNMENT, leaf, float(other.sum()), 0.0)
    return Measure(0.0, 0.0)


def _refuse_other_words(case: Case) -> None:
    """Refuse a completion that isn't one of the letters that labels are."""
    env = case.environment
    letters = [env.labelled(letter) for letter in LABELS] if isinstance(env, Labelled) else []
    rows = zip(case.rollouts.tokens.tolist(), case.rollouts.lengths.tolist(), strict=True)
    wrong = np.array([row[:length] not in letters for row, length in rows], np.bool_)
    if bool(wrong.any()):
        leaf = int(np.argmax(wrong))
        raise Refused(f"rollout {leaf} isn't a label, {' or '.join(LABELS)}", Reason.BOUNDS, leaf)


def _other(due: list[list[int]], found: NDArray[np.int32], lengths: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Return which rows int32[n, t], of so many tokens each, aren't the ones that were due."""
    pairs = zip(due, found.tolist(), lengths.tolist(), strict=True)
    return np.array([row[:length] != wanted for wanted, row, length in pairs], np.bool_)


def _refuse(wrong: NDArray[np.bool_], what: str, size: int) -> None:
    if bool(wrong.any()):
        leaf = int(np.argmax(wrong))
        message = f"rollout {leaf} {what} {leaf // size} was assigned"
        raise Refused(message, Reason.ASSIGNMENT, leaf, float(wrong.sum()), 0.0)
