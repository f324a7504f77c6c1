"""What a completion is worth, as trainer, validator and evaluation must all compute it.

A scorer that raises, or gives anything but a number from 0 to 1, gives 0: a completion that breaks the scorer earns
nothing and doesn't stop a round. Doesn't bound time or memory itself: `env.host` does for code that isn't this
software's, and the sandbox's child that this runs in is bounded as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.model.env.base import Batched, Environment


def reward(env: Environment, seed: int, completion: Sequence[int]) -> float:
    """Return the reward in [0, 1] of a completion (tokens, EOS included). Raises MemoryError, the machine's trouble."""
    try:
        found = float(env.score(seed, completion))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  whatever a scorer raises is a score of 0, on every machine alike
        return 0.0
    return found if 0.0 <= found <= 1.0 else 0.0


def rewards(
    env: Environment, seeds: Sequence[int], size: int, tokens: NDArray[np.int32], lengths: NDArray[np.int16]
) -> NDArray[np.float32]:
    """Return the rewards float32[n] of completions tokens[n, t] of `lengths`, `size` of them to each seed."""
    completions = [row[:length] for row, length in zip(tokens.tolist(), lengths.tolist(), strict=True)]
    asked = [seeds[i // size] for i in range(len(completions))]
    if isinstance(env, Batched):
        return np.array(env.score_many(asked, completions), np.float32)
    return np.array([reward(env, *one) for one in zip(asked, completions, strict=True)], np.float32)
