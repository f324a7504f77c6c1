"""The sampling noise that a task assigns: Philox4x32-10 counters turned into Gumbel noise.

Every token of a rollout is the arg-max of logits / T + noise, and the noise follows from the rollout's 64-bit key:
a validator that has the logits knows which token had to come out. Knows nothing of models, beacons or how a key is
derived (`assignment`). Doesn't protect against a trainer who knows the noise early: that is the beacon's work.

Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011); known-answer vectors of Random123.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

U32 = NDArray[np.uint32]
F64 = NDArray[np.float64]

ROUNDS = 10
MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
WEYL = (np.uint32(0x9E3779B9), np.uint32(0xBB67AE85))
LANES = 4
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
    blocks = -(-vocab // LANES)
    counter = np.zeros((1, len(positions), blocks, LANES), dtype=np.uint32)
    counter[..., 0] = np.arange(blocks, dtype=np.uint32)
    counter[..., 1] = positions.astype(np.uint32)[:, None]
    wide = np.asarray(keys, dtype=np.uint64)
    key = np.stack([wide >> _SHIFT, wide & _LOW], axis=-1).astype(np.uint32)[:, None, None, :]
    lanes = philox4x32(counter, key).reshape(len(wide), len(positions), blocks * LANES)[..., :vocab]
    uniform = lanes.astype(np.float64)
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
    return _gumbel(keys, np.arange(positions, dtype=np.int64), vocab)


def gumbel_at(keys: NDArray[np.uint64], position: int, vocab: int) -> F64:
    """Return the noise of one position: float64[n, vocab]. What a generating engine needs at each decoded token."""
    return _gumbel(keys, np.array([position], dtype=np.int64), vocab)[:, 0]
