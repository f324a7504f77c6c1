"""What a scorer may do to those who run it: nothing."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from assay.model.reward import reward, rewards


def scorer(give):
    return SimpleNamespace(score=give)


@pytest.mark.parametrize(
    "give",
    [
        lambda seed, said: 1 / 0,
        lambda seed, said: said[99],
        lambda seed, said: math.nan,
        lambda seed, said: math.inf,
        lambda seed, said: -0.5,
        lambda seed, said: 1.5,
        lambda seed, said: "much",
        lambda seed, said: None,
        lambda seed, said: reward(scorer(give_again), seed, said) / 0,
    ],
)
def test_reward__scorer_that_raises_or_gives_no_reward__is_zero(give) -> None:
    assert reward(scorer(give), 3, [1, 2]) == 0.0


def give_again(seed, said):
    raise RecursionError


def test_reward__machine_out_of_memory__is_not_the_completions_fault() -> None:
    def give(seed, said):
        raise MemoryError

    with pytest.raises(MemoryError):
        reward(scorer(give), 3, [1])


def test_rewards__groups_of_two__each_seed_scores_its_own_completions() -> None:
    tokens, lengths = np.array([[5, -1], [5, 6], [7, -1], [7, 8]], np.int32), np.array([1, 2, 1, 2], np.int16)
    found = rewards(scorer(lambda seed, said: seed / 8 + len(said) / 16), [0, 4], 2, tokens, lengths)

    assert found.dtype == np.float32 and found.tolist() == [1 / 16, 1 / 8, 9 / 16, 5 / 8]
