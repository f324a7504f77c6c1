"""The losses of the inner steps, token by token or pair by pair; what they are divided by is `model.steps`' business.

Plain torch, so that a validator repeats any of them by one backward pass (docs/decisions/020-own-losses.md). Knows no
optimizer and no batch order; doesn't correct for a sampler other than the policy that recorded the log-probabilities.
"""

from __future__ import annotations

from typing import Final

import torch

from assay.protocol.sections import LossSpec

_MOST: Final = 20.0
"""No difference of log-probabilities is raised to a power beyond it: past the ratio's cap, and far from overflow."""


def token_logprobs(logits: torch.Tensor, tokens: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return log p(token) [n, t] under softmax(logits / temperature); tokens int64[n, t] must be valid ids."""
    scaled = logits if temperature == 1.0 else logits / temperature
    return torch.log_softmax(scaled, dim=-1).gather(-1, tokens[:, :, None]).squeeze(-1)


def grpo(logprobs: torch.Tensor, old_logprobs: torch.Tensor, advantage: torch.Tensor, rules: LossSpec) -> torch.Tensor:
    """Return max(−ρA, −clip(ρ, 1 − low, 1 + high)A) + kl · k3 of each token; all are float32[n].

    ρ = min(exp(new − old), cap), and k3 = exp(old − new) − (old − new) − 1 estimates the divergence from the policy
    that sampled: it is never negative, and 0 where both agree.
    """
    apart = logprobs - old_logprobs
    ratio = torch.clamp(torch.exp(torch.clamp(apart, max=_MOST)), max=rules.cap)
    clipped = torch.clamp(ratio, 1.0 - rules.clip_low, 1.0 + rules.clip_high)
    found = torch.maximum(-ratio * advantage, -clipped * advantage)
    if rules.kl:
        found = found + rules.kl * (torch.exp(torch.clamp(-apart, max=_MOST)) + apart - 1.0)
    return found


def dpo(logprobs: torch.Tensor, reference: torch.Tensor, beta: float) -> torch.Tensor:
    """Return −log σ(β · ((w − w_ref) − (l − l_ref))) of each pair, float32[n].

    Both are float32[n, 2]: the log-probabilities of the preferred and of the rejected completion, summed over tokens.
    """
    gained = logprobs - reference
    return -torch.nn.functional.logsigmoid(beta * (gained[:, 0] - gained[:, 1]))
