"""The built-in task: answer with the digits of the prompt in reverse order.

`481516=` asks for `615184` and an end mark. The reward is the share of digits in their right place, so that a model
that gets a few of them can already tell better from worse. Seeds map one to one to prompts, hence held-out prompts
never occur in training. Two answers of the same reward are the same to it: it doesn't say which digit was wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from assay.errors import Refused
from assay.protocol.fields import Option

NAME: Final = "digits"
VERSION: Final = 1
EQUALS: Final = 10
EOS: Final = 11
PAD: Final = 12
VOCAB: Final = 13
MIN_DIGITS: Final = 4
MAX_DIGITS: Final = 8
HELD_OUT: Final = 2048
STRIDE: Final = 61_803_397  # prime and coprime to every power of ten, so that seed → prompt is one to one
SYMBOLS: Final = "0123456789=.~"


class Digits:
    """Reverse `digits` decimal digits. Vocabulary: 0-9, `=` (10), end (11), padding (12)."""

    def __init__(self, options: Mapping[str, Option], content_hash: bytes) -> None:
        unknown = set(options) - {"digits"}
        if unknown:
            raise Refused(f"environment digits knows no option {sorted(unknown)[0]!r}")
        digits = options.get("digits", 6)
        if type(digits) is not int or not MIN_DIGITS <= digits <= MAX_DIGITS:
            raise Refused(f"environment digits: digits must lie in {MIN_DIGITS}..{MAX_DIGITS}, not {digits}")
        self._digits: int = digits
        self._range: int = 10**self._digits
        self._hash = content_hash

    @property
    def name(self) -> str:
        return NAME

    @property
    def options(self) -> Mapping[str, Option]:
        return {"digits": self._digits}

    @property
    def hash(self) -> bytes:
        return self._hash

    @property
    def vocab_size(self) -> int:
        return VOCAB

    @property
    def eos(self) -> int:
        return EOS

    @property
    def pad(self) -> int:
        return PAD

    @property
    def training_seeds(self) -> int:
        return self._range - HELD_OUT

    def prompt(self, seed: int) -> list[int]:
        return [*self._asked(seed), EQUALS]

    def score(self, seed: int, completion: Sequence[int]) -> float:
        """Return the share of right digits in their place, over the longer of answer and solution."""
        answer = list(completion)
        if EOS in answer:
            answer = answer[: answer.index(EOS)]
        right = sum(a == b for a, b in zip(answer, reversed(self._asked(seed)), strict=False))
        return right / max(self._digits, len(answer))

    def held_out(self, n: int) -> list[int]:
        if not 0 <= n <= HELD_OUT:
            raise Refused(f"environment digits holds out {HELD_OUT} items, not {n}")
        return list(range(self._range - HELD_OUT, self._range - HELD_OUT + n))

    def warm_up_target(self, seed: int) -> list[int]:
        return [*reversed(self._asked(seed)), EOS]

    def pair(self, seed: int) -> tuple[list[int], list[int]]:
        """Return the right answer, and one in which a digit, which the seed chooses, is wrong."""
        right = self.warm_up_target(seed)
        place = seed % self._digits
        return right, [(token + 1) % EQUALS if at == place else token for at, token in enumerate(right)]

    def describe(self, tokens: Sequence[int]) -> str:
        return "".join(SYMBOLS[token] if 0 <= token < VOCAB else "?" for token in tokens)

    def _asked(self, seed: int) -> list[int]:
        if not 0 <= seed < self._range:
            raise Refused(f"environment digits has no seed {seed}")
        return [int(digit) for digit in str(seed * STRIDE % self._range).zfill(self._digits)]
