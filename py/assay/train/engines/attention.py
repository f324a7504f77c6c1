"""Attention of one new token per running rollout over its row in the rooms, plugged into models of transformers.

The library lets a model's attention be replaced by name; the replacement here writes the new keys and values into
`Rooms` and reads them there, without copying or repeating anything. Query heads that share a key head are one small
matrix. Models whose attention is more than that (windows, caps, sinks, states of another kind) don't fit: `fits` asks
the model's description, and then the model itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.cache_utils import DynamicCache
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from assay.errors import Broken
from assay.model import load
from assay.model.load import CausalLM
from assay.train.engines.rooms import Rooms, Shelf

NAME: Final = "assay_rooms"
_ODD: Final = ("softcap", "s_aux", "sliding_window", "position_bias")
"""What some models give their attention, and this one can't take."""
TOLERANCE: Final = {torch.float32: 1e-3, torch.bfloat16: 0.1}


class Step:
    """One pass of all running rollouts: what the layers' attention needs."""

    def __init__(self, rooms: Rooms) -> None:
        self.rooms = rooms
        self.parts: list[tuple[slice, Shelf, torch.Tensor, torch.Tensor, torch.Tensor | None]] = []
        start = 0
        for shelf in rooms.shelves:
            rows = len(shelf.rollouts)
            if rows:
                at = torch.from_numpy(shelf.lengths).to(shelf.keys.device)
                span = int(shelf.lengths.max()) + 1
                mask = None
                if int(shelf.lengths.min()) + 1 < span:
                    beyond = torch.arange(span, device=at.device)[None] > at[:, None]
                    mask = torch.zeros(beyond.shape, dtype=shelf.keys.dtype, device=at.device)
                    mask = mask.masked_fill_(beyond, float("-inf"))[:, None, None]
                places = torch.arange(rows, device=at.device)
                self.parts.append((slice(start, start + rows), shelf, places, at, mask))
                start += rows

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """Return [rows, 1, query heads, width] for query, key, value [rows, heads, 1, width] of the new tokens."""
        rows, heads, _, width = query.shape
        shared = key.shape[1]
        asked = query.reshape(rows, shared, heads // shared, width)
        found = torch.empty_like(asked)
        for part, shelf, places, at, mask in self.parts:
            keys, values = shelf.keys[layer], shelf.values[layer]
            keys[places, :, at], values[places, :, at] = key[part, :, 0], value[part, :, 0]
            span = int(shelf.lengths.max()) + 1
            found[part] = torch.nn.functional.scaled_dot_product_attention(
                asked[part], keys[: len(places), :, :span], values[: len(places), :, :span], mask, scale=scale
            )
        return found.reshape(rows, 1, heads, width)


def _forward(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    _mask: Any,
    scaling: float | None = None,
    step: Step | None = None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """What the library calls in place of its own attention."""
    if step is None or query.shape[2] != 1 or any(more.get(name) is not None for name in _ODD):
        raise Broken("this attention only serves the rollout engine")
    layer: Any = module.layer_idx
    return step.attend(layer, query, key, value, query.shape[-1] ** -0.5 if scaling is None else scaling), None


ALL_ATTENTION_FUNCTIONS.register(NAME, _forward)


@contextmanager
def _replaced(model: CausalLM) -> Iterator[None]:
    config: Any = model.config
    before = config._attn_implementation
    config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = before


def feed(model: CausalLM, rooms: Rooms, tokens: NDArray[np.int64]) -> torch.Tensor:
    """Read one more token of each row; return the final states [rows, h]. Each row must have room (`Rooms.grow`)."""
    device = model.device
    if not len(tokens):
        return torch.zeros(0, model.config.hidden_size, dtype=model.dtype, device=device)
    ids = torch.from_numpy(tokens).to(device)[:, None]
    places = torch.from_numpy(rooms.lengths()).to(device)[:, None]
    with _replaced(model):
        states: torch.Tensor = load.decoder(model)(
            input_ids=ids, position_ids=places, use_cache=False, step=Step(rooms)
        ).last_hidden_state
    rooms.told()
    return states[:, -1]


def prefill(model: CausalLM, asked: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Read prompts int64[n, p] of equal length with the model's own attention.

    Returns the final states [n, p, h], and keys and values [layers, n, heads, p, width].
    """
    cache = DynamicCache(config=model.config)
    states = load.decoder(model)(input_ids=asked, past_key_values=cache, use_cache=True).last_hidden_state
    layers: Any = cache.layers
    return states, torch.stack([one.keys for one in layers]), torch.stack([one.values for one in layers])


def fits(model: CausalLM) -> bool:
    """Say whether a model's rollouts can run in rooms: its states must then be what it gives by itself."""
    config: Any = model.config
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if kinds != {"full_attention"} or not getattr(model, "_supports_attention_backend", False):
        return False
    if getattr(config, "use_sliding_window", True) and getattr(config, "sliding_window", None):
        return False
    ids = (torch.arange(7, device=model.device) * 37 + 5) % config.vocab_size
    try:
        return _same(model, ids)
    except (TypeError, ValueError, RuntimeError, AttributeError, KeyError, Broken):
        return False


@torch.inference_mode()
def _same(model: CausalLM, ids: torch.Tensor) -> bool:
    whole = load.decoder(model)(input_ids=ids[None], use_cache=False).last_hidden_state[0]
    _, keys, values = prefill(model, ids[None, :-2])
    rooms = Rooms(len(ids))
    rooms.add(keys, values, np.zeros(2, np.int64), np.arange(2))
    for place in (-2, -1):
        rooms.grow()
        found = feed(model, rooms, np.full(2, int(ids[place])))
        apart = (found - whole[place]).abs().max() / whole[place].abs().max()
        if not float(apart) <= TOLERANCE.get(model.dtype, 0.1):
            return False
    return True
