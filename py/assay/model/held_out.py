"""How well a model knows the environment's own answers to prompts that nobody trains on.

Trainer and validator measure it alike: before an update is submitted, and when it is judged. Knows nothing of updates.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from assay.model import forward
from assay.model.env.base import Environment
from assay.model.load import CausalLM
from assay.model.loss import token_logprobs


def held_out_loss(model: CausalLM, environment: Environment, items: int) -> float:
    """Return the mean negative log-likelihood, in nats a token, of the answers to the first held-out prompts."""
    seeds = environment.held_out(items)
    prompts = [environment.prompt(seed) for seed in seeds]
    answers = [environment.warm_up_target(seed) for seed in seeds]
    tokens, lengths = _padded(answers, environment.pad), np.array([len(answer) for answer in answers], np.int16)
    widths = np.array([len(prompt) for prompt in prompts])
    logits, _ = forward.prefill(model, _padded(prompts, environment.pad), widths, tokens, lengths)
    inside = np.arange(tokens.shape[1]) < lengths[:, None]
    said = torch.from_numpy(np.where(inside, tokens, 0).astype(np.int64))
    return -float(token_logprobs(logits, said, 1.0).numpy()[inside].astype(np.float64).mean())


def _padded(rows: list[list[int]], pad: int) -> NDArray[np.int32]:
    width = max(len(row) for row in rows)
    return np.array([row + [pad] * (width - len(row)) for row in rows], np.int32)
