"""The teacher-forced forward pass: what the model said at each place of a text that is already there.

Texts are laid out without gaps, prompt then completion, and padded on the right, so that under causal attention no
mask is needed and a row's numbers don't depend on how long its neighbours are. Knows no sampling and no proof.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.models.llama.modeling_llama import LlamaForCausalLM

from assay.errors import Refused

Ints = NDArray[np.integer]


@dataclass(slots=True)
class Watch:
    """Asks a prefill for the output of one more decoder layer, counted from 0, and holds what it gave.

    hidden float32[n, t, h] are its states at the places that produced the tokens, prompts float32[n / size, p, h] those
    of the prompts, as `prefill_groups` gives the last ones.
    """

    layer: int
    hidden: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    prompts: torch.Tensor = field(default_factory=lambda: torch.zeros(0))


def layout(prompts: Ints, prompt_lengths: Ints, tokens: Ints, lengths: Ints) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (ids int64[n, s], places int64[n, t]): the texts, and where the state that produced token j stands.

    prompts [n, p] and tokens [n, t] are padded on the right with anything; places after the end repeat the last.
    Refused if a prompt or completion is empty or longer than its row.
    """
    n, width = tokens.shape
    starts, ends = prompt_lengths.astype(np.int64), lengths.astype(np.int64)
    if n and (starts.min() < 1 or starts.max() > prompts.shape[1] or ends.min() < 1 or ends.max() > width):
        raise Refused("a prompt or completion is empty or longer than its row")
    # The last token of a text is never fed: nothing is asked after it.
    span = int((starts + ends).max(initial=2)) - 1
    column = np.arange(span)[None, :]
    ids = np.zeros((n, span), np.int64)
    asked = column < starts[:, None]
    ids[asked] = prompts[np.arange(prompts.shape[1])[None, :] < starts[:, None]]
    said = (column >= starts[:, None]) & (column < (starts + ends - 1)[:, None])
    ids[said] = tokens[np.arange(width)[None, :] < (ends - 1)[:, None]]
    places = np.minimum(np.arange(width)[None, :], (ends - 1)[:, None]) + (starts - 1)[:, None]
    return torch.from_numpy(ids), torch.from_numpy(places)


def states(model: LlamaForCausalLM, ids: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Return the final hidden states (after the last norm) [n, t, h] at `places`, with gradient if it is enabled.

    Refused if an id lies outside the vocabulary.
    """
    return torch.take_along_dim(_read(model, ids), places[:, :, None], dim=1)


def _read(model: LlamaForCausalLM, ids: torch.Tensor) -> torch.Tensor:
    if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < model.config.vocab_size:
        raise Refused("a text has a token outside the model's vocabulary")
    hidden: torch.Tensor = model.model(input_ids=ids, use_cache=False).last_hidden_state
    return hidden


def prefill(
    model: LlamaForCausalLM,
    prompts: Ints,
    prompt_lengths: Ints,
    tokens: Ints,
    lengths: Ints,
    batch: int = 256,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (logits float32[n, t, v], hidden float32[n, t, h]); position j is what produced token j.

    Places beyond a row's length repeat its last one. `batch` rows are computed at a time.
    """
    return prefill_groups(model, prompts, prompt_lengths, tokens, lengths, max(1, len(tokens)), batch)[:2]


def prefill_groups(
    model: LlamaForCausalLM,
    prompts: Ints,
    prompt_lengths: Ints,
    tokens: Ints,
    lengths: Ints,
    size: int,
    batch: int = 256,
    watch: Watch | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return what `prefill` does, and the states of the prompts float32[n / size, p, h], 0 or anything after the end.

    `size` rows after one another share their prompt; its states are those of the first. A `watch` is filled by the same
    pass.
    """
    logits, hidden, watched = [], [], []
    asked = torch.zeros(-(-len(tokens) // size), prompts.shape[1], model.config.hidden_size)
    watched_prompts = torch.zeros_like(asked) if watch is not None else None
    with torch.inference_mode(), _outputs(model, watch) as outputs:
        for at in range(0, len(tokens), batch):
            rows = slice(at, at + batch)
            ids, places = layout(prompts[rows], prompt_lengths[rows], tokens[rows], lengths[rows])
            whole = _read(model, ids)
            found = torch.take_along_dim(whole, places[:, :, None], dim=1)
            hidden.append(found.float())
            logits.append(model.lm_head(found).float())
            _first_of_each(whole, at, size, asked)
            if watched_prompts is not None:
                inner = outputs.pop()
                watched.append(torch.take_along_dim(inner, places[:, :, None], dim=1).float())
                _first_of_each(inner, at, size, watched_prompts)
    if watch is not None and watched_prompts is not None:
        watch.hidden, watch.prompts = torch.cat(watched), watched_prompts
    return torch.cat(logits), torch.cat(hidden), asked


def _first_of_each(whole: torch.Tensor, at: int, size: int, into: torch.Tensor) -> None:
    """Copy the prompt's states of the first row of each group that begins in a batch that begins at row `at`."""
    first = whole[-at % size :: size, : into.shape[1]]
    group = -(-at // size)
    into[group : group + len(first), : first.shape[1]] = first


@contextmanager
def _outputs(model: LlamaForCausalLM, watch: Watch | None) -> Iterator[list[torch.Tensor]]:
    """Give a list to which each pass adds the watched layer's output."""
    seen: list[torch.Tensor] = []
    if watch is None:
        yield seen
        return

    def keep(_module: Any, _inputs: Any, output: Any) -> None:
        seen.append(output[0] if isinstance(output, tuple) else output)

    handle = model.model.layers[watch.layer].register_forward_hook(keep)
    try:
        yield seen
    finally:
        handle.remove()
