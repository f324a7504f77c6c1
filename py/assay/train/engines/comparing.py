"""Whether two engines gave equal tokens for equal keys, but where a race was nearly even.

Engines add in another order, so their logits differ in the last bits, and now and then the first and the second of a
race change places. From there on the texts go apart, so only the first place where two rollouts differ is judged:
there, by the model's own prefill, the two tokens' scores must lie within a margin. Knows no engine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from assay.model import forward
from assay.model.load import CausalLM
from assay.protocol.noise import gumbel_each
from assay.train.engines.base import Prompts, Sampled


@dataclass(frozen=True, slots=True)
class Apart:
    """The first place where two engines' completions of a rollout differ, and by how much the two tokens' scores do."""

    rollout: int
    place: int
    margin: float


def apart(
    model: CausalLM, prompts: Prompts, keys: NDArray[np.uint64], temperature: float, one: Sampled, other: Sampled
) -> list[Apart]:
    """Compare what two engines made of the same order: keys uint64[groups, size], a row per prompt.

    Returns nothing if all tokens are equal.
    """
    rows = np.flatnonzero((one.tokens != other.tokens).any(axis=1)).tolist()
    return [_apart(model, list(prompts[row // keys.shape[1]]), keys, temperature, row, one, other) for row in rows]


@torch.inference_mode()
def _apart(
    model: CausalLM,
    prompt: list[int],
    keys: NDArray[np.uint64],
    temperature: float,
    row: int,
    one: Sampled,
    other: Sampled,
) -> Apart:
    mine, theirs = one.tokens[row], other.tokens[row]
    place = int(np.flatnonzero(mine != theirs)[0])
    if min(mine[place], theirs[place]) < 0:
        return Apart(row, place, float("inf"))  # one of them stopped where the other went on: no race explains that
    text = mine[None, : place + 1]
    asked = np.array([prompt])
    logits, _ = forward.prefill(model, asked, np.array([len(prompt)]), text, np.array([place + 1]))
    scores = logits[0, place].numpy().astype(np.float64) / temperature
    scores += gumbel_each(keys.reshape(-1)[row : row + 1], np.array([place]), len(scores))[0]
    return Apart(row, place, float(abs(scores[mine[place]] - scores[theirs[place]])))
