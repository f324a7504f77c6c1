from __future__ import annotations

import numpy as np
import pytest
import torch

from assay.protocol.noise import gumbel_at, gumbel_each
from assay.train.engines.race import Race


@pytest.mark.parametrize("vocabulary", [13, 9001])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_choose__any_vocabulary__the_token_of_the_whole_race(vocabulary: int, temperature: float) -> None:
    chance = np.random.default_rng(vocabulary)
    n = 24
    logits = (chance.standard_normal((n, vocabulary)) * np.linspace(0.1, 6, n)[:, None]).astype(np.float32)
    logits[0] = 0.0  # all alike: the noise alone decides
    keys, places = chance.integers(0, 2**64, n, dtype=np.uint64), chance.integers(0, 300, n)
    race = Race(temperature)
    chosen, spoken = race.choose(torch.from_numpy(logits), keys, places)
    scores = logits.astype(np.float64) / temperature + gumbel_each(keys, places, vocabulary)
    assert np.array_equal(chosen, scores.argmax(axis=1))
    expected = torch.log_softmax(torch.from_numpy(logits) / temperature, -1).numpy()[np.arange(n), chosen]
    np.testing.assert_allclose(spoken, expected, atol=1e-5)


def test_choose__without_temperature__lowest_of_the_likeliest() -> None:
    logits = torch.tensor([[1.0, 2.0, 2.0], [0.0, -1.0, -2.0]])
    assert Race(None).choose(logits, np.zeros(2, np.uint64), np.zeros(2, np.int64))[0].tolist() == [1, 0]


def test_gumbel_each__rows_of_different_places__what_gumbel_at_gives() -> None:
    keys, places = np.array([5, 2**63 + 1, 5], np.uint64), np.array([0, 9, 300])
    each = gumbel_each(keys, places, 11)
    for row, (key, place) in enumerate(zip(keys, places, strict=True)):
        assert np.array_equal(each[row], gumbel_at(np.array([key]), int(place), 11)[0])
