"""Polynomials over GF(65497), many at once: what TOPLOC proofs are made of.

Arrays are uint32[batch, points] with values below the prime. Inside, numbers are whole float64 nearest to zero, because
NumPy multiplies matrices of those fast: sums of products stay below 2^43 and so are exact, in whatever order they are
added. Knows nothing of activations.

Sources: baby steps and giant steps for values at many points (Paterson and Stockmeyer); Lagrange's formula written as
the polynomial part of M(x) · Σ sᵢ/(x − xᵢ), whose series in 1/x has the power sums of the points as coefficients.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

PRIME = 65_497
MAX_POINTS = 4096
SLAB = 4096  # points looked at together
DIRECT = 4  # up to this length factors are multiplied term by term, beyond it by Fourier transform

U32 = NDArray[np.uint32]
F64 = NDArray[np.float64]


def interpolate(x: U32, y: U32) -> U32:
    """Return the coefficients, lowest degree first, of the polynomials through points whose x are distinct.

    x, y: uint32[batch, points], at most MAX_POINTS of them.
    """
    return _in_slabs(_interpolate, x, y)


def evaluate(coefficients: U32, x: U32) -> U32:
    """Return uint32[batch, points]: the polynomials uint32[batch, degree + 1] at x uint32[batch, points]."""
    return _in_slabs(_evaluate, coefficients, x)


def _in_slabs(work: Callable[[U32, U32], F64], first: U32, second: U32) -> U32:
    """Do a few polynomials at a time, so that what they need stays in the cache."""
    step = max(1, SLAB // max(1, first.shape[1]))
    parts = [work(first[at : at + step], second[at : at + step]) for at in range(0, len(first), step)]
    whole = np.concatenate(parts) if parts else np.zeros(second.shape)
    whole += np.where(whole < 0, float(PRIME), 0.0)
    return whole.astype(np.uint32)


def _interpolate(x: U32, y: U32) -> F64:
    points = x.shape[1]
    at, small, large = _powers(x, points)
    product = _with_roots(at)
    # M'(xᵢ) = Π (xᵢ − xⱼ): the weight of point i is yᵢ / M'(xᵢ)
    slope = _values(_reduce(product[:, 1:] * np.arange(1.0, points + 1)), small, large)
    weight = _reduce(y * _inverses()[slope.astype(np.intp)])
    large *= weight[:, :, None]
    sums = _reduce(np.matmul(_reduce(large).swapaxes(1, 2), small))
    moments = sums.reshape(len(x), -1)[:, :points]
    # c_j = Σ_{u ≥ j} M_{u+1} · moment_{u−j}
    whole = _multiply(np.stack([product[:, 1:], moments[:, ::-1]], axis=1))
    return _reduce(whole[:, points - 1 :])


def _evaluate(coefficients: U32, x: U32) -> F64:
    _, small, large = _powers(x, coefficients.shape[1])
    return _values(_reduce(coefficients.astype(np.float64)), small, large)


def _reduce(values: F64) -> F64:
    """Replace whole numbers below 2^51 by what is left of them mod the prime, nearest to zero: within ±32749."""
    quotient = values * (1 / PRIME)
    np.rint(quotient, out=quotient)
    quotient *= PRIME
    values -= quotient
    return values


def _powers(x: U32, count: int) -> tuple[F64, F64, F64]:
    """Return x, its powers 0 … s − 1, float64[batch, points, s], and those of x^s, as many as make up `count`."""
    width = 1 << math.isqrt(max(count - 1, 0)).bit_length()
    at = _reduce(x.astype(np.float64))
    small = _geometric(at, width)
    return at, small, _geometric(_reduce(small[:, :, -1] * at), -(-count // width))


def _geometric(ratio: F64, count: int) -> F64:
    """Return ratio^0 … ratio^(count − 1) along a new last axis."""
    powers = np.ones((*ratio.shape, count))
    have, step = 1, ratio
    while have < count:
        more = min(have, count - have)
        powers[:, :, have : have + more] = _reduce(powers[:, :, :more] * step[:, :, None])
        have += more
        if have < count:
            step = _reduce(step * step)
    return powers


def _values(coefficients: F64, small: F64, large: F64) -> F64:
    """Evaluate polynomials at the points whose powers are given."""
    batch, (width, blocks) = len(coefficients), (small.shape[2], large.shape[2])
    padded = np.zeros((batch, blocks * width))
    padded[:, : coefficients.shape[1]] = coefficients
    parts = _reduce(np.matmul(small, padded.reshape(batch, blocks, width).swapaxes(1, 2)))
    parts *= large
    return _reduce(parts.sum(axis=2))


def _with_roots(roots: F64) -> F64:
    """Return Π (x − root) as float64[batch, points + 1]: a tree of products of ever fewer, longer factors."""
    batch, points = roots.shape
    spare = (1 << max(points - 1, 0).bit_length()) - points
    factors = np.zeros((batch, points + spare, 1))  # monic, without their leading 1; spare ones are x
    factors[:, :points, 0] = -roots
    while factors.shape[1] > 1:
        pairs = factors.reshape(batch, -1, 2, factors.shape[2])
        size = factors.shape[2]
        product = np.zeros((batch, pairs.shape[1], 2 * size))
        product[:, :, :-1] = _multiply(pairs)
        product[:, :, size:] += pairs.sum(axis=2)
        factors = _reduce(product)
    whole: F64 = np.ones((batch, points + 1))
    whole[:, :points] = factors[:, 0, spare:]
    return whole


def _multiply(pairs: F64) -> F64:
    """Return the products, not reduced, of pairs [..., 2, n] of polynomials: [..., 2n − 1].

    The transform's error is below 2e-14 · n · p²/4, less than a tenth at 4096 points: rounding makes it exact.
    """
    size = pairs.shape[-1]
    if size <= DIRECT:
        left, right = pairs[..., 0, :], pairs[..., 1, :]
        product = np.zeros((*left.shape[:-1], 2 * size - 1))
        for place in range(size):
            product[..., place : place + size] += left[..., place : place + 1] * right
        return product
    span = 1 << (2 * size - 2).bit_length()
    spectra = np.fft.rfft(pairs, span)
    product = np.fft.irfft(spectra[..., 0, :] * spectra[..., 1, :], span)[..., : 2 * size - 1]
    return np.rint(product, out=product)


@cache
def _inverses() -> F64:
    """Return 1/x = x^(p − 2) for every x of the field (0 at 0): float64[65497], in which an index x < 0 finds x + p."""
    result = np.ones(PRIME)
    power = _reduce(np.arange(PRIME, dtype=np.float64))
    exponent = PRIME - 2
    while exponent:
        if exponent & 1:
            result = _reduce(result * power)
        power = _reduce(power * power)
        exponent >>= 1
    result.flags.writeable = False
    return result
