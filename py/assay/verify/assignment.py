"""Check 2: every prompt, and every answer's noise, is what the round's beacon assigned. Knows nothing of answers."""

from __future__ import annotations

import numpy as np

from assay.errors import Refused
from assay.protocol.assignment import noise_key
from assay.types import Reason
from assay.verify.case import Case, Measure


def check_assignment(case: Case) -> Measure:
    """Derive each group's prompt and noise keys and compare them with its rollouts'. Value: rollouts with another
    prompt."""
    rollouts, size = case.rollouts, case.spec.rollout.group_size
    prompts = [case.environment.prompt(seed) for seed in case.prompt_seeds]
    lengths = np.repeat([len(prompt) for prompt in prompts], size)
    width = max(rollouts.prompts.shape[1], int(lengths.max()))
    expected = np.full((len(prompts), width), -1, dtype=np.int32)
    for row, prompt in zip(expected, prompts, strict=True):
        row[: len(prompt)] = prompt
    found = np.full((len(rollouts), width), -1, dtype=np.int32)
    found[:, : rollouts.prompts.shape[1]] = rollouts.prompts
    wrong = (rollouts.prompt_lengths != lengths) | (found != np.repeat(expected, size, axis=0)).any(axis=1)
    if bool(wrong.any()):
        leaf = int(np.argmax(wrong))
        raise Refused(
            f"rollout {leaf} answers another prompt than group {leaf // size} was assigned",
            Reason.ASSIGNMENT,
            leaf,
            float(wrong.sum()),
            0.0,
        )
    keys = np.array([noise_key(seed, i) for seed in case.seeds for i in range(size)], np.uint64).view(np.int64)
    other = (rollouts.problems != np.repeat(np.array(case.prompt_seeds, np.int64), size)) | (rollouts.seeds != keys)
    if bool(other.any()):
        leaf = int(np.argmax(other))
        message = f"rollout {leaf} names another problem or seed than the one that was assigned"
        raise Refused(message, Reason.ASSIGNMENT, leaf, float(other.sum()), 0.0)
    return Measure(0.0, 0.0)
