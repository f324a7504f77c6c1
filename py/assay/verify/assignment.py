"""Check 2: every prompt is the one that the round's beacon assigned. Knows nothing of answers."""

from __future__ import annotations

import numpy as np

from assay.errors import Refused
from assay.types import Reason
from assay.verify.case import Case, Measure


def check_assignment(case: Case) -> Measure:
    """Derive each group's prompt and compare it with all its rollouts'. Value: rollouts with another prompt."""
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
    return Measure(0.0, 0.0)
