"""The engine over any causal language model of transformers, in process, where the model lies: CPU or GPU.

Continuous batching where the model's attention allows it, else fixed batches; the tokens are the same. Adapters in
place, grouped heads, float32 and bf16 are the model's own business. On a GPU the noise is still made by the processor.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from assay.model.load import CausalLM
from assay.protocol.profile import Profile
from assay.train.engines import attention, base, fixed
from assay.train.engines.base import Progress, Prompts, Sampled
from assay.train.engines.continuous import Run
from assay.train.engines.race import Race
from assay.train.engines.states import Fingerprints, States, Whole

SLOTS: Final = 2048
BUDGET: Final = 1 << 30


class TransformersEngine:
    """Samples from a model with at most `slots` rollouts at once, whose keys and values take `budget` bytes.

    With `rules` the states become proofs under that profile as chunks fill up, and aren't kept. `continuous` False
    asks for fixed batches of `slots` rows.
    """

    def __init__(
        self,
        model: CausalLM,
        rules: Profile | None = None,
        slots: int = SLOTS,
        budget: int = BUDGET,
        continuous: bool = True,
    ) -> None:
        self._model, self._rules, self._slots, self._budget = model, rules, max(1, slots), budget
        self._continuous = continuous and attention.fits(model)

    def sample(
        self,
        prompts: Prompts,
        keys: NDArray[np.uint64],
        max_new_tokens: int,
        temperature: float,
        eos: int,
        progress: Progress | None = None,
    ) -> Sampled:
        """See `Engine.sample`."""
        return self._run(prompts, keys, max_new_tokens, Race(temperature), eos, progress)

    def greedy(self, prompts: Prompts, max_new_tokens: int, eos: int) -> Sampled:
        """See `Engine.greedy`."""
        return self._run(prompts, np.zeros((len(prompts), 1), np.uint64), max_new_tokens, Race(None), eos, None)

    def _run(
        self, prompts: Prompts, keys: NDArray[np.uint64], width: int, race: Race, eos: int, progress: Progress | None
    ) -> Sampled:
        base.check(prompts, keys, width, getattr(self._model.config, "max_position_embeddings", None))
        states = self._states(prompts, keys.size, width)
        with torch.inference_mode():
            if self._continuous:
                run = Run(self._model, prompts, keys, width, race, eos, states, self._slots, self._budget)
                texts = run.finish(progress)
            else:
                texts = fixed.decode(self._model, prompts, keys, width, race, eos, states, self._slots, progress)
        return Sampled(texts.tokens, texts.lengths, texts.logprobs, *states.kept())

    def _states(self, prompts: Prompts, rollouts: int, width: int) -> States:
        shape = (rollouts, width, len(prompts), max(map(len, prompts), default=0), self._model.config.hidden_size)
        return Whole(*shape) if self._rules is None else Fingerprints(self._rules, *shape)
