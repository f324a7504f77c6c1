"""How a batch is cut so that what a backward pass keeps of it fits in memory.

The cut follows from the model's sizes and the texts' lengths only, so that every run on every machine makes the same.
It bounds activations by an estimate; weights, gradients and what torch itself takes come on top. A text that is too
long by itself has its layers computed twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assay.model.load import CausalLM

ROOM_BYTES: Final = 512 << 20
"""Activations that are kept whatever the model's size; of a larger model, a third of its weights."""
Ints = NDArray[np.integer]


def room_of(model: CausalLM) -> int:
    """Return how many bytes of activations a backward pass may keep."""
    return max(ROOM_BYTES, 4 * sum(value.numel() for value in model.parameters()) // 3)


def activation_bytes(model: CausalLM, rows: int, width: int, said: int) -> int:
    """Return about how many bytes of activations a backward pass keeps of `rows` texts of `width` tokens, `said` of
    which are in the loss."""
    config = model.config
    inner = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    floats = rows * width * config.num_hidden_layers * (10 * config.hidden_size + 5 * inner)
    # At its largest: logits, their log-softmax, and the gradients of both.
    return 4 * int(floats + 4 * said * config.vocab_size)


def cut(model: CausalLM, widths: Ints, said: Ints, size: int) -> list[NDArray[np.int64]]:
    """Return the rows of each micro-batch: texts have widths int[n] tokens, said int[n] of them in the loss.

    `size` rows after one another stay together. What fits is one micro-batch in the given order; else texts of like
    lengths come together, so that little is padded, and a micro-batch that is still too large has one item.
    """
    room, rows = room_of(model), np.arange(len(widths))
    if activation_bytes(model, len(rows), int(widths.max()), int(said.sum())) <= room:
        return [rows]
    items = rows.reshape(-1, size)
    longest = widths.reshape(-1, size).max(axis=1)
    parts = [[int(item)] for item in np.argsort(longest, kind="stable")[:1]]
    for item in np.argsort(longest, kind="stable")[1:].tolist():
        more = items[[*parts[-1], item]].reshape(-1)  # ascending: the new one is the longest
        if activation_bytes(model, len(more), int(longest[item]), int(said[more].sum())) <= room:
            parts[-1].append(item)
        else:
            parts.append([item])
    return [items[part].reshape(-1) for part in parts]


@contextmanager
def fitting(model: CausalLM, rows: int, width: int, said: int) -> Iterator[None]:
    """Inside, if all would be too much, layers keep only what goes in and are computed again on the way back."""
    if activation_bytes(model, rows, width, said) <= room_of(model) or not model.supports_gradient_checkpointing:
        yield
        return
    before = model.training
    model.train()  # only then layers may be computed twice; nothing drops out (`model.pretrained`)
    model.activation_checkpointing_enable({"use_reentrant": False})
    try:
        yield
    finally:
        model.activation_checkpointing_disable()  # type: ignore[no-untyped-call]
        model.train(before)
