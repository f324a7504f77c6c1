"""The loss of the inner steps: GRPO with clipping on both sides, averaged over tokens.

Advantage of a rollout: its reward minus its group's mean. Knows no optimizer and no batch order; doesn't correct for
a sampler other than the policy that recorded the log-probabilities.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from assay.errors import Refused

RATIO_CAP: Final = 4.0  # bounds the loss where the advantage is negative and the new policy likes the token far more


def advantages(rewards: NDArray[np.float32], group_size: int, scaled: bool = False) -> NDArray[np.float32]:
    """Return reward − mean of its group, float32[n]; `scaled` divides by the group's standard deviation + 1e-4.

    Rollout i belongs to group i // group_size. Computed in float64, rounded once.
    """
    if group_size < 1 or rewards.shape[0] % group_size:
        raise Refused(f"{rewards.shape[0]} rewards don't fill groups of {group_size}")
    grouped = rewards.astype(np.float64).reshape(-1, group_size)
    centred: NDArray[np.float64] = grouped - grouped.mean(axis=1, keepdims=True)
    if scaled:
        centred = centred / (grouped.std(axis=1, keepdims=True) + 1e-4)
    return centred.reshape(-1).astype(np.float32)


def token_logprobs(logits: torch.Tensor, tokens: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return log p(token) [n, t] under softmax(logits / temperature); tokens int64[n, t] must be valid ids."""
    scaled = logits if temperature == 1.0 else logits / temperature
    return torch.log_softmax(scaled, dim=-1).gather(-1, tokens[:, :, None]).squeeze(-1)


def grpo_loss(
    logprobs: torch.Tensor,
    old_logprobs: torch.Tensor,
    advantage: torch.Tensor,
    mask: torch.Tensor,
    clip_low: float,
    clip_high: float,
) -> torch.Tensor:
    """Return the scalar loss −mean over tokens of min(min(ρ, cap)·A, clip(ρ, 1 − low, 1 + high)·A).

    logprobs, old_logprobs, mask: [n, t]; advantage: [n]. ρ = exp(new − old). The mean is over the mask's ones.
    """
    # Places outside the mask hold unrelated numbers: without this their ratio may overflow and poison the sum.
    ratio = torch.exp(torch.where(mask > 0, logprobs - old_logprobs, torch.zeros_like(logprobs)))
    weight = advantage[:, None]
    free = torch.clamp(ratio, max=RATIO_CAP) * weight
    clipped = torch.clamp(ratio, 1.0 - clip_low, 1.0 + clip_high) * weight
    return -(torch.minimum(free, clipped) * mask).sum() / mask.sum()
