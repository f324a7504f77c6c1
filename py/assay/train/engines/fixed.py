"""Fixed batches: prompts of equal length are decoded together until the last of them has ended.

For models whose states the rooms can't hold, and what the other engines are compared with: it leaves keys, values and
attention to the library. Knows no reward, no file, and of proofs only where states go.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.cache_utils import DynamicCache

from assay.model import load
from assay.model.load import CausalLM
from assay.train.engines.base import Progress, Prompts
from assay.train.engines.continuous import Texts
from assay.train.engines.race import Race
from assay.train.engines.states import States

I64 = NDArray[np.int64]


def decode(
    model: CausalLM,
    prompts: Prompts,
    keys: NDArray[np.uint64],
    width: int,
    race: Race,
    eos: int,
    states: States,
    rows: int,
    progress: Progress | None,
) -> Texts:
    """Decode all rollouts, about `rows` at a time."""
    groups, size = keys.shape
    texts, done = Texts.empty(keys.size, width), 0
    for batch in _batches(prompts, max(1, rows // size)):
        _decode(model, prompts, batch, keys, race, eos, states, texts)
        done += len(batch)
        if progress is not None:
            progress("rollouts", done / groups)
    return texts


def _batches(prompts: Prompts, groups: int) -> Iterator[I64]:
    """Yield the numbers of at most `groups` groups with equally long prompts at a time."""
    lengths = np.array([len(prompt) for prompt in prompts])
    for length in np.unique(lengths):
        alike = np.flatnonzero(lengths == length)
        for at in range(0, alike.size, groups):
            yield alike[at : at + groups]


def _decode(
    model: CausalLM,
    prompts: Prompts,
    batch: I64,
    keys: NDArray[np.uint64],
    race: Race,
    eos: int,
    states: States,
    texts: Texts,
) -> None:
    size = keys.shape[1]
    rollouts = (batch[:, None] * size + np.arange(size)[None, :]).reshape(-1)
    cache = DynamicCache(config=model.config)
    asked = torch.tensor([list(prompts[g]) for g in batch], dtype=torch.int64, device=model.device)
    found = load.decoder(model)(input_ids=asked, past_key_values=cache, use_cache=True).last_hidden_state
    states.put_prompts(batch, found)
    if size > 1:
        cache.batch_repeat_interleave(size)
    last = found[:, -1].repeat_interleave(size, dim=0)
    running = np.ones(len(rollouts), bool)
    width = texts.tokens.shape[1]
    for place in range(width):
        tokens = _speak(model, race, last, keys.reshape(-1)[rollouts], place, texts, rollouts, running)
        live = rollouts[running]
        ended = (tokens == eos) | (place + 1 == width)
        states.put(live, np.full(len(live), place, np.int64), last[torch.from_numpy(running)], ended[running])
        running &= ~ended
        if not running.any():
            return
        last = load.decoder(model)(
            input_ids=torch.from_numpy(tokens).to(model.device)[:, None], past_key_values=cache, use_cache=True
        ).last_hidden_state[:, -1]


def _speak(
    model: CausalLM,
    race: Race,
    last: torch.Tensor,
    keys: NDArray[np.uint64],
    place: int,
    texts: Texts,
    rollouts: I64,
    running: NDArray[np.bool_],
) -> I64:
    """Choose a token for each row of the batch and note it for those that run."""
    tokens, spoken = np.zeros(len(rollouts), np.int64), np.zeros(len(rollouts), np.float32)
    piece = race.rows(model.config.vocab_size)
    for at in range(0, len(rollouts), piece):
        part = slice(at, at + piece)
        places = np.full(len(rollouts[part]), place, np.int64)
        tokens[part], spoken[part] = race.choose(load.head(model)(last[part]), keys[part], places)
    live = rollouts[running]
    texts.tokens[live, place], texts.logprobs[live, place] = tokens[running], spoken[running]
    texts.lengths[live] = place + 1
    return tokens
