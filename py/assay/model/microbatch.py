"""How a batch is cut so that what a backward pass keeps of it fits in memory.

The cut follows from the model's sizes and the texts' lengths only, so that every run on every machine makes the same.
It bounds activations by an estimate; weights, gradients and what torch itself takes come on top. A text that is too
long by itself has its layers computed twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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


def activation_bytes(model: CausalLM, tokens: int, said: int) -> int:
    """Return about how many bytes of activations a backward pass keeps of `tokens`, `said` of which are in the loss."""
    config = model.config
    inner = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    floats = tokens * config.num_hidden_layers * (10 * config.hidden_size + 5 * inner)
    # At its largest: logits, their log-softmax, and the gradients of both.
    return 4 * int(floats + 4 * said * config.vocab_size)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One micro-batch: its rows int64[n], and how many rows after one another share a prompt, which is read once."""

    rows: NDArray[np.int64]
    size: int


def cut(model: CausalLM, prompts: Ints, said: Ints, size: int, least: int = 1) -> list[Part]:
    """Return the micro-batches of texts with prompts int[n] tokens and said int[n] tokens in the loss.

    `size` rows after one another have one prompt; at `least` so many stay together. Micro-batches of groups have
    prompts of one length, so that none is padded; of single texts, like lengths come together. What is too large by
    itself stands alone.
    """
    room = room_of(model)

    def fits(rows: NDArray[np.int64], share: int) -> bool:
        return activation_bytes(model, tokens_of(prompts[rows], said[rows], share), int(said[rows].sum())) <= room

    whole = np.arange(len(said))
    if fits(whole, size) and (size == 1 or len(np.unique(prompts)) == 1):
        return [Part(whole, size)]
    blocks = [(block, share) for item in whole.reshape(-1, size) for block, share in _blocks(item, least, fits)]
    blocks.sort(key=lambda one: (one[1], int(prompts[one[0]].max()), int(said[one[0]].max()), int(one[0][0])))
    parts: list[Part] = []
    for block, share in blocks:
        last = parts[-1] if parts else None
        if last is not None and last.size == share and (share == 1 or prompts[last.rows[0]] == prompts[block[0]]):
            more = np.concatenate([last.rows, block])
            if fits(more, share):
                parts[-1] = Part(more, share)
                continue
        parts.append(Part(block, share))
    return parts


def tokens_of(prompts: Ints, said: Ints, size: int) -> int:
    """Return how many tokens are computed for texts of these lengths, padding included."""
    if size == 1:
        return len(said) * int((prompts.astype(np.int64) + said).max())
    return len(said) // size * int(prompts.max()) + len(said) * int(said.max())


def _blocks(
    item: NDArray[np.int64], least: int, fits: Callable[[NDArray[np.int64], int], bool]
) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Yield a group in the fewest equal pieces that fit, each with the number of its rows."""
    for pieces in range(1, len(item) + 1):
        share = len(item) // pieces
        if len(item) % pieces or share < least:
            continue
        found = item.reshape(pieces, share)
        smallest = share in {least, 1}
        if smallest or all(fits(block, share) for block in found):
            for block in found:
                yield block, share
            return


@contextmanager
def fitting(model: CausalLM, tokens: int, said: int) -> Iterator[bool]:
    """Inside, if all would be too much, layers keep only what goes in and are computed again on the way back; then
    True is given, and nothing can be read through a cache.
    """
    if activation_bytes(model, tokens, said) <= room_of(model) or not model.supports_gradient_checkpointing:
        yield False
        return
    before = model.training
    model.train()  # only then layers may be computed twice; nothing drops out (`model.pretrained`)
    model.activation_checkpointing_enable({"use_reentrant": False})
    try:
        yield True
    finally:
        model.activation_checkpointing_disable()  # type: ignore[no-untyped-call]
        model.train(before)
