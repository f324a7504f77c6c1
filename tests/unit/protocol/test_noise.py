from __future__ import annotations

import math

import numpy as np
import pytest

from assay.protocol import noise
from assay.protocol.noise import LEAST, MOST, Races

KNOWN = [  # Random123, kat_vectors: philox4x32 10
    ([0, 0, 0, 0], [0, 0], [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_philox__known_answer__matches(counter: list[int], key: list[int], expected: list[int]) -> None:
    out = noise.philox4x32(np.array(counter, np.uint32), np.array(key, np.uint32))
    assert out.tolist() == expected


def test_philox__many_keys_and_counters__equals_one_by_one() -> None:
    counters = np.array([c for c, _, _ in KNOWN], np.uint32)[None]
    keys = np.array([k for _, k, _ in KNOWN], np.uint32)[:, None]
    out = noise.philox4x32(counters, keys)
    assert out.shape == (3, 3, 4)
    for i, (_, _, expected) in enumerate(KNOWN):
        assert out[i, i].tolist() == expected


def test_gumbel__one_cell__follows_the_formula() -> None:
    key, position, token = 0xA409382233445566, 5, 10
    counter = np.array([token // 4, position, 0, 0], np.uint32)
    word = int(noise.philox4x32(counter, np.array([key >> 32, key & 0xFFFFFFFF], np.uint32))[token % 4])
    expected = -np.log(-np.log((word + 0.5) / 2**32))
    assert noise.gumbel(np.array([key], np.uint64), 7, 11)[0, position, token] == expected


def test_gumbel_at__each_position__is_a_slice_of_the_whole() -> None:
    keys = np.array([1, 2**63 + 9, 2**64 - 1], np.uint64)
    whole = noise.gumbel(keys, 4, 13)
    assert whole.shape == (3, 4, 13) and whole.dtype == np.float64
    for position in range(4):
        assert np.array_equal(noise.gumbel_at(keys, position, 13), whole[:, position])


def test_gumbel__many_draws__are_finite_with_the_gumbel_mean_and_variance() -> None:
    draws = noise.gumbel(np.arange(64, dtype=np.uint64), 32, 64)
    assert np.isfinite(draws).all()
    assert abs(draws.mean() - np.euler_gamma) < 0.02
    assert abs(draws.var() - np.pi**2 / 6) < 0.04


def test_gumbel__different_keys__share_no_noise() -> None:
    draws = noise.gumbel(np.arange(16, dtype=np.uint64), 3, 8)
    assert len(np.unique(draws)) == draws.size


def test_bounds__no_word_gives_noise_beyond_them() -> None:
    least, most = (-math.log(-math.log((word + 0.5) * 2.0**-32)) for word in (0, 2**32 - 1))

    assert LEAST < least < LEAST + 1e-3
    assert MOST - 1e-3 < most < MOST


@pytest.mark.parametrize("vocab", [3, 4096, 20_001])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_races__whole__words_and_winners_are_those_of_the_whole_noise(vocab: int, temperature: float) -> None:
    rng, races, n = np.random.default_rng(5), Races(vocab), 6
    keys, places = rng.integers(0, 2**64, n, dtype=np.uint64), np.arange(n)
    logits = (rng.standard_normal((n, vocab)) * 4).astype(np.float32)
    noises = np.stack([noise.gumbel_at(keys[i : i + 1], i, vocab)[0] for i in range(n)])
    raced = noises + logits.astype(np.float64) / temperature
    for said in (raced.argmax(axis=1), rng.integers(vocab, size=n), raced.argmin(axis=1)):
        due, margins = races.run(keys, places, logits, temperature, said, np.ones(n, bool))

        assert (due == raced.argmax(axis=1)).all()
        assert (margins == raced.max(axis=1) - raced[np.arange(n), said]).all()
    words = np.stack([races.words(int(keys[i]), i).copy() for i in range(n)])
    assert (noise._gumbel_of(words) == noises).all()


def test_races__near_tokens_only__find_every_winner_that_isnt_far_behind() -> None:
    vocab, n, rng = 20_001, 40, np.random.default_rng(6)
    keys, places, every = np.full(n, 9, np.uint64), np.arange(n), np.arange(n)
    logits = (rng.standard_normal((n, vocab)) * 4).astype(np.float32)
    raced = np.stack([noise.gumbel_at(keys[:1], place, vocab)[0] for place in places]) + logits
    due, said = raced.argmax(axis=1), np.argsort(raced, axis=1)[:, -2]
    honest = Races(vocab).run(keys, places, logits, 1.0, due, np.zeros(n, bool))
    assert (honest[0] == due).all() and (honest[1] == 0).all()

    found, margins = Races(vocab).run(keys, places, logits, 1.0, said, np.zeros(n, bool))
    far = logits[every, due] < raced[every, said] - noise.HIGH
    assert 0 < far.sum() < n / 4
    assert (found == np.where(far, said, due)).all() and ((margins == 0) == far).all()


def test_races__flat_scores__a_token_far_behind_wins_by_its_word_alone() -> None:
    vocab, n = 50_000, 40
    logits = np.full((n, vocab), -9.0, np.float32)  # e^-9 · 50,000: the tail wins nearly always
    logits[:, 0] = 0.0
    keys, places = np.full(n, 77, np.uint64), np.arange(n)
    raced = np.stack([noise.gumbel_at(keys[:1], place, vocab)[0] for place in places]) + logits
    due, margins = Races(vocab).run(keys, places, logits, 1.0, np.zeros(n, np.int64), np.ones(n, bool))

    assert (due == raced.argmax(axis=1)).all() and (margins == raced.max(axis=1) - raced[:, 0]).all()
