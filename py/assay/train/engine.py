"""The rollout engine: batched decoding with a KV cache, sampled by noise that the task assigns.

token = argmax over the vocabulary of logits / T + g, in float64, with g from `protocol.noise`; so whoever has the
weights can tell which token had to come. Groups share their prompt's prefill, and groups whose prompts are equally
long share a batch. Knows no reward, no proof and no file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.cache_utils import DynamicCache

from assay.errors import Refused
from assay.model import load
from assay.model.load import CausalLM
from assay.model.loss import token_logprobs
from assay.protocol.noise import gumbel_at

BATCH_ROWS: Final = 2048
EMPTY: Final = -1
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Sampled:
    """Completions of n rollouts, rows in the order of the keys.

    tokens int32[n, t], −1 beyond a row's length; lengths int16[n], EOS included; logprobs float32[n, t] of the chosen
    tokens under softmax(logits / T), 0 beyond; hidden float32[n, t, h]: the final state that produced each token.
    prompts float32[groups, p, h]: the final states of each group's prompt, 0 beyond its end.
    """

    tokens: NDArray[np.int32]
    lengths: NDArray[np.int16]
    logprobs: NDArray[np.float32]
    hidden: NDArray[np.float32]
    prompts: NDArray[np.float32]


def sample(
    model: CausalLM,
    prompts: Sequence[Sequence[int]],
    keys: NDArray[np.uint64],
    max_new_tokens: int,
    temperature: float,
    eos: int,
    batch_rows: int = BATCH_ROWS,
    progress: Progress | None = None,
) -> Sampled:
    """Sample one completion per key. keys: uint64[groups, size], one row per prompt; rollout g·size + m has keys[g, m].

    Refused if a prompt is empty or there is no row of keys for each. `progress("rollouts", share)` is called per batch.
    """
    if keys.ndim != 2 or keys.shape[0] != len(prompts) or not all(prompts):
        raise Refused("the engine needs one row of keys for each prompt, and no empty prompt")
    groups, size = keys.shape
    room = _room(groups * size, max_new_tokens, prompts, model.config.hidden_size)
    done = 0
    with torch.inference_mode():
        for batch in _batches(prompts, max(1, batch_rows // size)):
            rows = (batch[:, None] * size + np.arange(size)[None, :]).reshape(-1)
            asked = torch.tensor([list(prompts[g]) for g in batch], dtype=torch.int64)
            _decode(model, asked, keys[batch].reshape(-1), batch, rows, room, temperature, eos)
            done += len(batch)
            if progress is not None:
                progress("rollouts", done / groups)
    return room


def greedy(model: CausalLM, prompts: Sequence[Sequence[int]], max_new_tokens: int, eos: int) -> Sampled:
    """Return the most likely completion of each prompt (argmax, the lowest token among equals)."""
    keys = np.zeros((len(prompts), 1), np.uint64)
    room = _room(len(prompts), max_new_tokens, prompts, model.config.hidden_size)
    with torch.inference_mode():
        for batch in _batches(prompts, BATCH_ROWS):
            asked = torch.tensor([list(prompts[g]) for g in batch], dtype=torch.int64)
            _decode(model, asked, keys[batch].reshape(-1), batch, batch, room, None, eos)
    return room


def _room(rows: int, width: int, prompts: Sequence[Sequence[int]], hidden: int) -> Sampled:
    return Sampled(
        np.full((rows, width), EMPTY, np.int32),
        np.zeros(rows, np.int16),
        np.zeros((rows, width), np.float32),
        np.zeros((rows, width, hidden), np.float32),
        np.zeros((len(prompts), max(map(len, prompts), default=0), hidden), np.float32),
    )


def _batches(prompts: Sequence[Sequence[int]], groups: int) -> Iterator[NDArray[np.int64]]:
    """Yield the numbers of at most `groups` groups with equally long prompts at a time."""
    lengths = np.array([len(prompt) for prompt in prompts])
    for length in np.unique(lengths):
        alike = np.flatnonzero(lengths == length)
        for at in range(0, alike.size, groups):
            yield alike[at : at + groups]


def _decode(
    model: CausalLM,
    asked: torch.Tensor,
    keys: NDArray[np.uint64],
    groups: NDArray[np.int64],
    rows: NDArray[np.int64],
    room: Sampled,
    temperature: float | None,
    eos: int,
) -> None:
    """Decode one batch into `room`: asked int64[groups, p], keys uint64[len(rows)]; no temperature means greedy."""
    cache = DynamicCache(config=model.config)
    states = load.decoder(model)(input_ids=asked, past_key_values=cache, use_cache=True).last_hidden_state
    room.prompts[groups, : asked.shape[1]] = states.float().numpy()
    hidden = states[:, -1]
    size = keys.size // asked.shape[0]
    if size > 1:
        cache.batch_repeat_interleave(size)
        hidden = hidden.repeat_interleave(size, dim=0)
    running = np.ones(keys.size, bool)
    for place in range(room.tokens.shape[1]):
        logits = load.head(model)(hidden).float()
        if temperature is None:
            chosen = logits.argmax(dim=-1)
        else:
            noise = torch.from_numpy(gumbel_at(keys, place, logits.shape[-1]))
            chosen = (logits.to(torch.float64) / temperature + noise).argmax(dim=-1)
        spoken = token_logprobs(logits[:, None], chosen[:, None], temperature or 1.0)[:, 0].numpy()
        live = rows[running]
        room.tokens[live, place] = chosen.numpy()[running]
        room.logprobs[live, place] = spoken[running]
        room.hidden[live, place] = hidden.float().numpy()[running]
        room.lengths[live] = place + 1
        running &= chosen.numpy() != eos
        if not running.any() or place + 1 == room.tokens.shape[1]:
            return
        hidden = load.decoder(model)(
            input_ids=chosen[:, None], past_key_values=cache, use_cache=True
        ).last_hidden_state[:, -1]
