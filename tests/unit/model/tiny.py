"""A tiny random Llama and rollouts' columns of random text that tests start from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.models.llama.modeling_llama import LlamaForCausalLM

from assay.model import forward, llama, load
from assay.model.loss import token_logprobs

CONFIG: dict[str, Any] = llama.config_for(13, hidden=16, layers=2, heads=2, intermediate=24, positions=32)


def model(seed: int = 0) -> LlamaForCausalLM:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return load.blank(CONFIG)


@dataclass(frozen=True)
class Columns:
    prompts: NDArray[np.int32]
    prompt_lengths: NDArray[np.int16]
    tokens: NDArray[np.int32]
    lengths: NDArray[np.int16]
    rewards: NDArray[np.float32]
    logprobs: NDArray[np.float32]


def columns(rows: int = 16, seed: int = 0) -> Columns:
    """Random texts of different lengths, four after one another to a prompt, with the log-probs that `model(0)` gives
    them.
    """
    rng = np.random.default_rng(seed)
    made = Columns(
        prompts=np.repeat(rng.integers(0, 13, (rows // 4, 5)), 4, axis=0).astype(np.int32),
        prompt_lengths=np.repeat(rng.integers(2, 6, rows // 4), 4).astype(np.int16),
        tokens=rng.integers(0, 13, (rows, 4)).astype(np.int32),
        lengths=rng.integers(1, 5, rows).astype(np.int16),
        rewards=rng.random(rows).astype(np.float32),
        logprobs=np.zeros((rows, 4), np.float32),
    )
    logits, _ = forward.prefill(model(), made.prompts, made.prompt_lengths, made.tokens, made.lengths)
    spoken = token_logprobs(logits, torch.from_numpy(made.tokens.astype(np.int64)), 1.0).numpy()
    inside = np.arange(4)[None, :] < made.lengths[:, None]
    return replace(
        made,
        prompts=np.where(np.arange(5)[None, :] < made.prompt_lengths[:, None], made.prompts, -1).astype(np.int32),
        tokens=np.where(inside, made.tokens, -1).astype(np.int32),
        logprobs=np.where(inside, spoken, 0).astype(np.float32),
    )
