"""The token that each running rollout says next: arg-max of logits / T + its noise at its place, or of the logits.

Exact: the token that the race over the whole vocabulary gives, of equals the lowest; a large vocabulary's noise is only
made where it could win. Knows no model. Logits on another device are brought over in pieces; the race is run here.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from assay.model.loss import token_logprobs
from assay.protocol.noise import Races, gumbel_each

SMALL: Final = 4096
"""Vocabularies up to this size are raced in one piece."""
PIECE: Final = 1 << 22
"""Logits looked at together."""


class Race:
    """Chooses tokens for one call of an engine; without a temperature it is greedy."""

    def __init__(self, temperature: float | None) -> None:
        self.temperature = temperature
        self._races: Races | None = None

    def rows(self, vocabulary: int) -> int:
        """Return for how many rollouts logits should be made at once."""
        return max(1, PIECE // vocabulary)

    def choose(
        self, logits: torch.Tensor, keys: NDArray[np.uint64], places: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return tokens int64[n] and their log-probs float32[n] for logits [n, vocabulary] of n rollouts."""
        found = logits.float().cpu()
        chosen = self._winners(found, keys, places)
        spoken = token_logprobs(found[:, None], torch.from_numpy(chosen)[:, None], self.temperature or 1.0)
        return chosen, spoken[:, 0].numpy()

    def _winners(self, logits: torch.Tensor, keys: NDArray[np.uint64], places: NDArray[np.int64]) -> NDArray[np.int64]:
        best: NDArray[np.int64] = logits.argmax(dim=-1).numpy()
        if self.temperature is None:
            return best
        vocabulary = logits.shape[1]
        if vocabulary <= SMALL:
            scores = logits.numpy().astype(np.float64) / self.temperature
            scores += gumbel_each(keys, places, vocabulary)
            winners: NDArray[np.int64] = scores.argmax(axis=-1)
            return winners
        if self._races is None:
            self._races = Races(vocabulary)
        every = np.ones(len(best), bool)
        return self._races.run(keys, places, logits.numpy(), self.temperature, best, every)[0]
