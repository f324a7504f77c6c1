"""The teacher-forced forward pass: what the model said at each place of a text that is already there.

For training, texts are laid out without gaps, prompt then completion, and padded on the right, so that under causal
attention no mask is needed and a row's numbers don't depend on how long its neighbours are. For a check, a group's
prompt is read once and its completions on the same cache. Knows no sampling and no proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.cache_utils import DynamicCache

from assay.errors import Refused
from assay.model import load
from assay.model.load import CausalLM

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
    _check_rows(prompts, prompt_lengths, tokens, lengths)
    n, width = tokens.shape
    starts, ends = prompt_lengths.astype(np.int64), lengths.astype(np.int64)
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


def _check_rows(prompts: Ints, prompt_lengths: Ints, tokens: Ints, lengths: Ints) -> None:
    for rows, found in ((prompts, prompt_lengths), (tokens, lengths)):
        if len(found) and not 1 <= int(found.min()) <= int(found.max()) <= rows.shape[1]:
            raise Refused("a prompt or completion is empty or longer than its row")


def states(model: CausalLM, ids: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Return the final hidden states (after the last norm) [n, t, h] at `places`, with gradient if it is enabled.

    Refused if an id lies outside the vocabulary.
    """
    return torch.take_along_dim(_read(model, ids, None), places[:, :, None], dim=1)


def _read(model: CausalLM, ids: torch.Tensor, cache: DynamicCache | None) -> torch.Tensor:
    if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < model.config.vocab_size:
        raise Refused("a text has a token outside the model's vocabulary")
    hidden: torch.Tensor = load.decoder(model)(
        input_ids=ids, past_key_values=cache, use_cache=cache is not None
    ).last_hidden_state
    return hidden


def prefill(
    model: CausalLM,
    prompts: Ints,
    prompt_lengths: Ints,
    tokens: Ints,
    lengths: Ints,
    batch: int = 256,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (logits float32[n, t, v], hidden float32[n, t, h]); position j is what produced token j.

    Places beyond a row's length repeat its last one. `batch` rows are computed at a time.
    """
    return prefill_groups(model, prompts, prompt_lengths, tokens, lengths, 1, batch)[:2]


def prefill_groups(
    model: CausalLM,
    prompts: Ints,
    prompt_lengths: Ints,
    tokens: Ints,
    lengths: Ints,
    size: int,
    batch: int = 256,
    watch: Watch | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return what `prefill` does, and the states of the prompts float32[n / size, p, h], 0 after the end.

    `size` rows after one another share their prompt, which is read once for all of them. A `watch` is filled by the
    same passes.
    """
    _check_rows(prompts, prompt_lengths, tokens, lengths)
    shape = (len(tokens), tokens.shape[1], size, prompts.shape[1], model.config.hidden_size)
    room, inner = _Room(*shape), _Room(*shape)
    logits = torch.zeros(*tokens.shape, model.config.vocab_size)
    with torch.inference_mode(), _outputs(model, watch) as outputs:
        for groups in alike(prompt_lengths[::size], max(1, batch // size)):
            rows = (groups[:, None] * size + np.arange(size)).reshape(-1)
            asked = prompts[groups * size, : int(prompt_lengths[groups[0] * size])]
            passes = _passes(model, asked, tokens[rows], lengths[rows], size)
            room.put(groups, rows, passes, lengths[rows])
            if watch is not None:
                inner.put(groups, rows, outputs, lengths[rows])
                outputs.clear()
            logits[rows] = load.head(model)(room.hidden[rows].to(passes[0].dtype)).float()
    if watch is not None:
        watch.hidden, watch.prompts = inner.hidden, inner.prompts
    return logits, room.hidden, room.prompts


def group_states(model: CausalLM, asked: Ints, tokens: Ints, lengths: Ints, size: int) -> torch.Tensor:
    """Return the states float32[g · size, t, h] that produced the tokens of groups with equally long prompts [g, p].

    Each prompt is read once for its group, and gradients flow through it; that costs a part of what `states` of the
    same rows costs where prompts are longer than completions. Places after a row's length repeat its last one.
    """
    passes = _passes(model, asked, tokens, lengths, size)
    return _of_tokens(passes, lengths, size, tokens.shape[1])


def alike(lengths: Ints, most: int) -> Iterator[NDArray[np.int64]]:
    """Yield the numbers of at most `most` groups with equally long prompts at a time: none needs a mask then."""
    for length in np.unique(lengths):
        found = np.flatnonzero(lengths == length)
        for at in range(0, found.size, most):
            yield found[at : at + most]


def _of_tokens(passes: Sequence[torch.Tensor], lengths: Ints, size: int, width: int) -> torch.Tensor:
    """Put the last state of each prompt before those of its completions, and take the place of each token."""
    first = passes[0][:, -1:].repeat_interleave(size, dim=0)
    found = torch.cat([first, *passes[1:]], dim=1)
    places = np.minimum(np.arange(width)[None, :], lengths.astype(np.int64)[:, None] - 1)
    return torch.take_along_dim(found, torch.from_numpy(places)[:, :, None], dim=1)


class _Room:
    """Where the states of all rows and prompts come to lie, whatever the order they are read in."""

    def __init__(self, rows: int, width: int, size: int, longest: int, hidden: int) -> None:
        self.hidden = torch.zeros(rows, width, hidden)
        self.prompts = torch.zeros(-(-rows // size), longest, hidden)

    def put(
        self, groups: NDArray[np.int64], rows: NDArray[np.int64], passes: Sequence[torch.Tensor], lengths: Ints
    ) -> None:
        """Store the states of some groups: those of their prompts [g, p, h] and, if any, of their completions."""
        self.prompts[groups, : passes[0].shape[1]] = passes[0].float()
        found = _of_tokens(passes, lengths, len(rows) // len(groups), self.hidden.shape[1])
        self.hidden[rows] = found.float()


def _passes(model: CausalLM, asked: Ints, tokens: Ints, lengths: Ints, size: int) -> list[torch.Tensor]:
    """Read prompts [g, p], then on the same cache the completions [g · size, t]; the last token is never fed."""
    cache = DynamicCache(config=model.config)
    found = [_read(model, torch.from_numpy(asked.astype(np.int64)), cache)]
    longest = int(lengths.max()) - 1
    if longest:
        inside = np.arange(longest)[None, :] < (lengths.astype(np.int64) - 1)[:, None]
        said = torch.from_numpy(np.where(inside, tokens[:, :longest], 0).astype(np.int64))
        if size > 1:
            cache.batch_repeat_interleave(size)
        found.append(_read(model, said, cache))
    return found


@contextmanager
def _outputs(model: CausalLM, watch: Watch | None) -> Iterator[list[torch.Tensor]]:
    """Give a list to which each pass adds the watched layer's output."""
    seen: list[torch.Tensor] = []
    if watch is None:
        yield seen
        return

    def keep(_module: Any, _inputs: Any, output: Any) -> None:
        seen.append(output[0] if isinstance(output, tuple) else output)

    handle = load.layers(model)[watch.layer].register_forward_hook(keep)
    try:
        yield seen
    finally:
        handle.remove()
