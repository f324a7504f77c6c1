"""The sampling noise that a task assigns: Philox4x32-10 counters turned into Gumbel noise.

Every token of a rollout is the arg-max of logits / T + noise, and the noise follows from the rollout's 64-bit key:
a validator that has the logits knows which token had to come out. Knows nothing of models, beacons or how a key is
derived (`assignment`). Doesn't protect against a trainer who knows the noise early: that is the beacon's work.

Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011); known-answer vectors of Random123.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

U32 = NDArray[np.uint32]
F64 = NDArray[np.float64]

ROUNDS = 10
MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
WEYL = (np.uint32(0x9E3779B9), np.uint32(0xBB67AE85))
LANES = 4
HIGH: Final = 8.0
_RARE: Final = np.uint32(int(2**32 * math.exp(-math.exp(-HIGH))) - 4096)
"""Every word below gives noise below HIGH, with room for any rounding; one word in 3,000 lies above."""
_BLOCKS: Final = 4096
MOST: Final = 22.8739
"""No noise is larger: −ln(−ln u) of u = 1 − 2⁻³³, rounded up."""
LEAST: Final = -3.1300
"""No noise is smaller: of u = 2⁻³³, rounded down."""
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


def _multiply(factor: np.uint64, word: U32) -> tuple[U32, U32]:
    """Return the high and the low 32 bits of factor · word."""
    product = word.astype(np.uint64) * factor
    return (product >> _SHIFT).astype(np.uint32), (product & _LOW).astype(np.uint32)


def philox4x32(counter: U32, key: U32) -> U32:
    """Encrypt counters.

    counter: uint32[..., 4]; key: uint32[..., 2]; the leading axes broadcast against each other. Returns uint32[..., 4].
    """
    lead = np.broadcast_shapes(counter.shape[:-1], key.shape[:-1])
    words = [np.broadcast_to(counter[..., lane], lead) for lane in range(LANES)]
    # at least one axis: NumPy arrays wrap silently, its scalars warn of overflow
    first, second = (np.array(key[..., i], dtype=np.uint32, ndmin=1) for i in range(2))
    for turn in range(ROUNDS):
        if turn:
            first, second = first + WEYL[0], second + WEYL[1]
        high0, low0 = _multiply(MULTIPLIERS[0], words[0])
        high1, low1 = _multiply(MULTIPLIERS[1], words[2])
        words = [high1 ^ words[1] ^ first, low1, high0 ^ words[3] ^ second, low0]
    return np.stack([np.broadcast_to(word, lead) if lead else word.reshape(()) for word in words], axis=-1)


def _gumbel(keys: NDArray[np.uint64], positions: NDArray[np.int64], vocab: int) -> F64:
    """Return the noise of keys at positions, whose shapes broadcast: float64[*shape, vocab]."""
    blocks = -(-vocab // LANES)
    counter = np.zeros((*positions.shape, blocks, LANES), dtype=np.uint32)
    counter[..., 0] = np.arange(blocks, dtype=np.uint32)
    counter[..., 1] = positions.astype(np.uint32)[..., None]
    wide = np.asarray(keys, dtype=np.uint64)
    key = np.stack([wide >> _SHIFT, wide & _LOW], axis=-1).astype(np.uint32)[..., None, :]
    words = philox4x32(counter, key)
    return _gumbel_of(words.reshape(*words.shape[:-2], blocks * LANES)[..., :vocab])


def _gumbel_of(words: U32) -> F64:
    uniform = words.astype(np.float64)
    uniform += 0.5
    uniform *= 2.0**-32
    np.log(uniform, out=uniform)
    np.negative(uniform, out=uniform)
    np.log(uniform, out=uniform)
    return np.negative(uniform, out=uniform)


def gumbel(keys: NDArray[np.uint64], positions: int, vocab: int) -> F64:
    """Return the noise of whole rollouts, positions 0 … positions − 1.

    keys: uint64[n], the 8 key bytes of each rollout read as one big-endian integer; the Philox key is its high, then
    its low 32 bits. Token v at position p takes lane v mod 4 of counter (v // 4, p, 0, 0); u = (x + ½) / 2^32 and
    g = −ln(−ln u). Returns float64[n, positions, vocab].
    """
    return _gumbel(keys[:, None], np.arange(positions, dtype=np.int64)[None], vocab)


def gumbel_at(keys: NDArray[np.uint64], position: int, vocab: int) -> F64:
    """Return the noise of one position: float64[n, vocab]. What a generating engine needs at each decoded token."""
    return _gumbel(keys, np.array([position], dtype=np.int64), vocab)


def gumbel_each(keys: NDArray[np.uint64], positions: NDArray[np.int64], vocab: int) -> F64:
    """Return the noise of key i at position i: float64[n, vocab]."""
    return _gumbel(keys, positions, vocab)


class Races:
    """Races over a large vocabulary, as `gumbel` gives them and to the last bit, for much less than all of the noise.

    A token that lies more than HIGH behind the one that was taken can only win with noise above HIGH. Whether it has
    that is seen on its word, without a logarithm; a race that isn't whole takes it that none has. Words are made in
    blocks that stay in the processor's cache.
    """

    def __init__(self, vocab: int) -> None:
        self._vocab, self._blocks = vocab, -(-vocab // LANES)
        size = min(_BLOCKS, self._blocks)
        self._words = np.empty((self._blocks, LANES), np.uint32)
        self._counters = np.arange(self._blocks, dtype=np.uint64)
        self._rooms = [np.empty(size, np.uint64) for _ in range(6)]

    def words(self, key: int, position: int) -> U32:
        """Return the word of each token at a position, uint32[vocab]; the next call overwrites it."""
        size = len(self._rooms[0])
        for at in range(0, self._blocks, size):
            counters = self._counters[at : at + size]
            for lane, word in enumerate(_encrypted(key, position, counters, self._rooms)):
                self._words[at : at + size, lane] = word
        return self._words.reshape(-1)[: self._vocab]

    def run(
        self,
        keys: NDArray[np.uint64],
        positions: NDArray[np.int64],
        logits: NDArray[np.float32],
        temperature: float,
        said: NDArray[np.int64],
        whole: NDArray[np.bool_],
    ) -> tuple[NDArray[np.int64], F64]:
        """Run n races: keys[n], positions[n], logits float32[n, vocab], the tokens said[n], which races are whole.

        Returns the tokens int64[n] that had to come, and float64[n], by how much `said` lost to them.
        """
        every = np.arange(len(said))
        mine = logits[every, said].astype(np.float64) / temperature + _gumbel_of(_words_of(keys, positions, said))
        least = (mine - HIGH) * temperature
        near = logits >= (least - 1e-5 * (1.0 + np.abs(least))).astype(np.float32)[:, None]  # rather one too many
        near[every, said] = True
        for race in np.flatnonzero(whole).tolist():
            near[race] |= self.words(int(keys[race]), int(positions[race])) >= _RARE
        races, tokens = np.divmod(np.flatnonzero(near), self._vocab)
        found = logits[races, tokens].astype(np.float64) / temperature
        found += _gumbel_of(_words_of(keys[races], positions[races], tokens))
        first = np.searchsorted(races, every)  # each race has the token that was said at least
        won = np.maximum.reduceat(found, first)
        best = np.flatnonzero(found == won[races])
        best = best[np.unique(races[best], return_index=True)[1]]  # of equals the lowest token
        return tokens[best], won - mine


def _words_of(keys: NDArray[np.uint64], positions: NDArray[np.int64], tokens: NDArray[np.int64]) -> U32:
    """Return the words of single tokens, each at a position under a key of its own: uint32[n]."""
    counter = np.zeros((len(tokens), LANES), np.uint32)
    counter[:, 0], counter[:, 1] = tokens // LANES, positions
    key = np.stack([keys >> _SHIFT, keys & _LOW], axis=-1).astype(np.uint32)
    return philox4x32(counter, key)[np.arange(len(tokens)), tokens % LANES]


def _encrypted(key: int, position: int, counters: NDArray[np.uint64], rooms: list[NDArray[np.uint64]]) -> list[Any]:
    """Encrypt counters (c, position, 0, 0) in place of `rooms`; the first round is written out, most of it is zero."""
    w0, w1, w2, w3, p0, p1 = (room[: len(counters)] for room in rooms)
    first, second = key >> 32, key & 0xFFFF_FFFF
    np.multiply(counters, MULTIPLIERS[0], out=p0)
    w0.fill((position & 0xFFFF_FFFF) ^ first)
    w1.fill(0)
    np.bitwise_xor(np.right_shift(p0, _SHIFT, out=w2), np.uint64(second), out=w2)
    np.bitwise_and(p0, _LOW, out=w3)
    for _ in range(1, ROUNDS):
        first, second = (first + int(WEYL[0])) & 0xFFFF_FFFF, (second + int(WEYL[1])) & 0xFFFF_FFFF
        np.multiply(w0, MULTIPLIERS[0], out=p0)
        np.multiply(w2, MULTIPLIERS[1], out=p1)
        for product, other, word, part in ((p1, w1, w0, first), (p0, w3, w2, second)):
            np.bitwise_xor(np.right_shift(product, _SHIFT, out=word), other, out=word)
            np.bitwise_xor(word, np.uint64(part), out=word)
            np.bitwise_and(product, _LOW, out=other)
    return [w0, w1, w2, w3]
