"""The interface of an environment: where prompts come from and what an answer is worth.

An environment is a pure function of its options and of a seed; it never sees a model, a key or a file.
It doesn't protect against its own code: only environments that the operator trusts by hash are run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from assay.protocol.fields import Option


class Environment(Protocol):
    """Prompts by seed, and a reward in [0, 1] for a completion."""

    @property
    def name(self) -> str: ...

    @property
    def options(self) -> Mapping[str, Option]: ...

    @property
    def hash(self) -> bytes:
        """32 bytes over the code, its version and the options: what a task names and an operator trusts."""
        ...

    @property
    def vocab_size(self) -> int: ...

    @property
    def eos(self) -> int: ...

    @property
    def pad(self) -> int: ...

    @property
    def training_seeds(self) -> int:
        """Seeds 0 up to this, exclusive, may be trained on; the held-out ones lie outside."""
        ...

    def prompt(self, seed: int) -> list[int]:
        """Return the tokens of a seed's prompt."""
        ...

    def score(self, seed: int, completion: Sequence[int]) -> float:
        """Return the reward in [0, 1] of a completion (tokens, EOS included if it was sampled)."""
        ...

    def held_out(self, n: int) -> list[int]:
        """Return n seeds whose prompts no training seed has. Refused if the environment has fewer."""
        ...

    def warm_up_target(self, seed: int) -> list[int]:
        """Return the completion, EOS included, that supervised warm-up teaches for a seed."""
        ...

    def describe(self, tokens: Sequence[int]) -> str:
        """Return tokens as a person reads them."""
        ...


@runtime_checkable
class Batched(Protocol):
    """An environment that scores many completions at once faster than one by one."""

    def score_many(self, seeds: Sequence[int], completions: Sequence[Sequence[int]]) -> list[float]:
        """Return the reward in [0, 1] of each completion to the seed at its place; 0 where scoring failed."""
        ...


@runtime_checkable
class Labelled(Protocol):
    """An environment of items that are labelled: what `label` is paid for."""

    def key(self, seed: int) -> str:
        """Return what names a seed's item by its content."""
        ...

    def labelled(self, letter: str) -> list[int]:
        """Return the tokens of a label, EOS included."""
        ...


@runtime_checkable
class Paired(Protocol):
    """An environment that knows a preferred and a rejected completion: what `dpo` learns from."""

    def pair(self, seed: int) -> tuple[list[int], list[int]]:
        """Return the tokens of both, EOS included. Refused if the environment has none for this seed."""
        ...


@runtime_checkable
class Windowed(Protocol):
    """An environment of running text: what `pretrain` learns from. Others give prompt and right completion."""

    def window(self, seed: int) -> list[int]:
        """Return the tokens of a stretch of text, two or more."""
        ...
