"""What a group's rollouts count for in the loss, and which of them are paid: equal to the bit on every machine.

Only single float64 operations and exact sums, rounded once at the end. Knows no model; doesn't ask whether rewards
are true.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from assay.errors import Refused
from assay.protocol.kinds import KINDS
from assay.protocol.sections import TaskSpec

Lengths = NDArray[np.integer]
_SMALL = 1e-4  # added to a group's deviation, as in trl


def shaped(rewards: NDArray[np.float32], lengths: Lengths, spec: TaskSpec) -> NDArray[np.float64]:
    """Return what completions are compared by, float64[n]: reward − length_penalty · (|length − target| ÷ target).

    `lengths` are tokens, the end token included; target is `loss.target_length`, or `max_new_tokens` where that is 0.
    """
    target = np.float64(spec.loss.target_length or spec.rollout.max_new_tokens)
    off = np.abs(lengths.astype(np.float64) - target) / target
    found: NDArray[np.float64] = rewards.astype(np.float64) - np.float64(spec.loss.length_penalty) * off
    return found


def advantages(rewards: NDArray[np.float32], lengths: Lengths, spec: TaskSpec) -> NDArray[np.float32]:
    """Return shaped reward − mean of its group, float32[n], exactly 0 where the whole group is equal.

    `loss.scaled` divides by the group's sample deviation (n − 1) + 1e-4. Rollout i belongs to group i // group_size.
    """
    grouped = _grouped(shaped(rewards, lengths, spec), spec.rollout.group_size)
    found = np.zeros_like(grouped)
    for number, group in enumerate(grouped):
        if group.max() == group.min():  # the mean of equal numbers may be rounded to another
            continue
        centred = group - math.fsum(group.tolist()) / group.size
        if spec.loss.scaled:
            centred /= math.sqrt(math.fsum((centred * centred).tolist()) / (group.size - 1)) + _SMALL
        found[number] = centred
    return found.reshape(-1).astype(np.float32)


def kept(rewards: NDArray[np.float32], lengths: Lengths, spec: TaskSpec) -> NDArray[np.bool_]:
    """Return which rollouts are in the loss: bool[n], alike for a whole group.

    With `loss.filter_equal`, groups of kind grpo whose advantages are all 0 aren't; labels are paid and in no loss; of
    every other kind all are.
    """
    if KINDS[spec.kind].labelled:
        return np.zeros(len(rewards), np.bool_)
    if spec.kind != "grpo" or not spec.loss.filter_equal:
        return np.ones(len(rewards), np.bool_)
    grouped = _grouped(shaped(rewards, lengths, spec), spec.rollout.group_size)
    return np.repeat(grouped.max(axis=1) != grouped.min(axis=1), spec.rollout.group_size)


def units(rewards: NDArray[np.float32], lengths: Lengths, spec: TaskSpec) -> int:
    """Return what a submission is paid for: the completion tokens that are in its loss, or its labels. May be 0."""
    if KINDS[spec.kind].labelled:
        return len(lengths)
    return int(lengths[kept(rewards, lengths, spec)].sum(dtype=np.int64))


def _grouped(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    if size < 1 or values.shape[0] % size:
        raise Refused(f"{values.shape[0]} rewards don't fill groups of {size}")
    return values.reshape(-1, size)
