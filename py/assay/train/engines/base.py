"""What every rollout engine gives, however it computes: the `Engine` protocol, `Sampled`, and what it asks of callers.

token = argmax over the vocabulary of logits / T + g, in float64, with g from `protocol.noise`; so whoever has the
weights can tell which token had to come, and all engines give the same tokens but where a race is nearly even. Knows
no model, no reward and no file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from assay.errors import Refused

EMPTY: Final = -1
Progress = Callable[[str, float], None]
Prompts = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True, eq=False)
class Proofs:
    """Fingerprints made while sampling: those of each rollout, and of each group's prompt, one after another.

    rollouts uint8[n, w], prompts uint8[groups, w']: rows as long as the longest possible text needs, 0 after the last.
    """

    rollouts: NDArray[np.uint8]
    prompts: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """Completions of n rollouts, rows in the order of the keys.

    tokens int32[n, t], −1 beyond a row's length; lengths int16[n], EOS included; logprobs float32[n, t] of the chosen
    tokens under softmax(logits / T), 0 beyond; hidden float32[n, t, h]: the final state that produced each token.
    prompts float32[groups, p, h]: the final states of each group's prompt, 0 beyond its end. An engine that was given
    a profile keeps `proofs` of the states instead, and t and p of both are 0.
    """

    tokens: NDArray[np.int32]
    lengths: NDArray[np.int16]
    logprobs: NDArray[np.float32]
    hidden: NDArray[np.float32]
    prompts: NDArray[np.float32]
    proofs: Proofs | None = None


class Engine(Protocol):
    """Makes completions of prompts with one model."""

    def sample(
        self,
        prompts: Prompts,
        keys: NDArray[np.uint64],
        max_new_tokens: int,
        temperature: float,
        eos: int,
        progress: Progress | None = None,
    ) -> Sampled:
        """Sample one completion per key. keys: uint64[groups, size], one row per prompt; rollout g·size + m has
        keys[g, m].

        Refused if a prompt is empty or too long for the model, or there is no row of keys for each.
        `progress("rollouts", share)` is called as rollouts end.
        """
        ...

    def greedy(self, prompts: Prompts, max_new_tokens: int, eos: int) -> Sampled:
        """Return the most likely completion of each prompt (argmax, the lowest token among equals)."""
        ...


def check(prompts: Prompts, keys: NDArray[np.uint64], max_new_tokens: int, positions: int | None = None) -> None:
    """Refuse an order that no engine can fill; `positions` is the longest text that the model reads."""
    if keys.ndim != 2 or keys.shape[0] != len(prompts) or not keys.shape[1] or not all(map(len, prompts)):
        raise Refused("the engine needs one row of keys for each prompt, and no empty prompt")
    if not 1 <= max_new_tokens <= np.iinfo(np.int16).max:
        raise Refused(f"an engine makes 1 to {np.iinfo(np.int16).max} tokens, not {max_new_tokens}")
    longest = max(map(len, prompts), default=0)
    if positions is not None and longest + max_new_tokens - 1 > positions:  # the last token is never read
        raise Refused(f"a prompt of {longest} and {max_new_tokens} new tokens don't fit a context of {positions}")
