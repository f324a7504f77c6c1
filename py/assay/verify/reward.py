"""Check 4: every reward is what the environment gives. Runs only environments that the task pins by hash."""

from __future__ import annotations

import numpy as np

from assay.errors import Refused
from assay.model.reward import rewards
from assay.types import Reason
from assay.verify.case import Case, Measure


def check_reward(case: Case) -> Measure:
    """Score every rollout again and compare as float32, exactly. Value: the claimed reward, threshold: the true one."""
    rollouts, size = case.rollouts, case.spec.rollout.group_size
    expected = rewards(case.environment, case.prompt_seeds, size, rollouts.tokens, rollouts.lengths)
    wrong = expected != rollouts.rewards
    if bool(wrong.any()):
        leaf = int(np.argmax(wrong))
        claimed, due = float(rollouts.rewards[leaf]), float(expected[leaf])
        message = f"rollout {leaf} claims the reward {claimed:.4f}; the environment gives {due:.4f}"
        raise Refused(message, Reason.REWARD, leaf, claimed, due)
    return Measure(0.0, 0.0)
