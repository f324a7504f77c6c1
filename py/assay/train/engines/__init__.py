"""Rollout engines: one interface, `Engine.sample(prompts, keys, …) -> Sampled`, and what stands behind it.

`transformers` runs in process on CPU or GPU; `vllm` where vLLM is installed. `sample` and `greedy` are the first of
them for one call.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.model.load import CausalLM
from assay.train.engines.base import EMPTY, Engine, Progress, Prompts, Proofs, Sampled
from assay.train.engines.transformers import SLOTS, TransformersEngine

__all__ = ["EMPTY", "SLOTS", "Engine", "Progress", "Proofs", "Sampled", "TransformersEngine", "greedy", "sample"]


def sample(
    model: CausalLM,
    prompts: Prompts,
    keys: NDArray[np.uint64],
    max_new_tokens: int,
    temperature: float,
    eos: int,
    slots: int = SLOTS,
    progress: Progress | None = None,
) -> Sampled:
    """Sample with `TransformersEngine`, states kept whole; see `Engine.sample`."""
    return TransformersEngine(model, slots=slots).sample(prompts, keys, max_new_tokens, temperature, eos, progress)


def greedy(model: CausalLM, prompts: Prompts, max_new_tokens: int, eos: int) -> Sampled:
    """Decode greedily with `TransformersEngine`; see `Engine.greedy`."""
    return TransformersEngine(model).greedy(prompts, max_new_tokens, eos)
