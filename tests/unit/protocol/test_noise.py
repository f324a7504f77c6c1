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
def test_races__words_and_winners__are_those_of_the_whole_noise(vocab: int) -> None:
    rng, races = np.random.default_rng(5), Races(vocab)
    for position in range(6):
        key = int(rng.integers(0, 2**64, dtype=np.uint64))
        scores = rng.standard_normal(vocab) * 4
        whole = noise.gumbel_at(np.array([key], np.uint64), position, vocab)[0] + scores
        for said in (int(np.argmax(whole)), int(rng.integers(vocab)), int(np.argmin(whole))):
            due, margin = races.run(key, position, scores, said)

            assert due == int(np.argmax(whole))
            assert margin == whole.max() - whole[said]


def test_races__flat_scores__a_token_far_behind_wins_by_its_word_alone() -> None:
    vocab, races = 50_000, Races(50_000)
    scores = np.full(vocab, -9.0)
    scores[0] = 0.0
    for position in range(40):  # e^-9 · 50,000: the tail wins nearly always
        whole = noise.gumbel_at(np.array([77], np.uint64), position, vocab)[0] + scores

        assert races.run(77, position, scores, 0) == (int(np.argmax(whole)), float(whole.max() - whole[0]))
