"""Polynomials over GF(65497), many at once: what TOPLOC proofs are made of.

All arrays are uint32[points, batch], values below the prime; a product of two fits 32 bits, so no wider type is needed.
Knows nothing of activations. Source: Newton's divided differences and Horner's scheme.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

PRIME = 65_497
_P = np.uint32(PRIME)

U32 = NDArray[np.uint32]


def _reduce(values: U32) -> U32:
    """Return values mod the prime. NumPy divides by a scalar with multiplications, but has no such path for `%`."""
    quotient = values // _P
    quotient *= _P
    reduced: U32 = values - quotient
    return reduced


@cache
def _inverses() -> U32:
    """Return 1/x for every x of the field as uint32[65497] (0 at 0): x^(p − 2) by squaring."""
    result = np.ones(PRIME, dtype=np.uint32)
    power = np.arange(PRIME, dtype=np.uint32)
    exponent = PRIME - 2
    while exponent:
        if exponent & 1:
            result = _reduce(result * power)
        power = _reduce(power * power)
        exponent >>= 1
    result[0] = 0
    result.flags.writeable = False
    return result


def interpolate(x: U32, y: U32) -> U32:
    """Return the coefficients, lowest degree first, of the polynomials through points whose x are distinct."""
    inverse = _inverses()
    points = len(x)
    newton = y.copy()
    for order in range(1, points):
        rise = newton[order:] + (_P - newton[order - 1 : -1])
        run = x[order:] + (_P - x[:-order])
        np.subtract(run, _P, out=run, where=run >= _P)
        newton[order:] = _reduce(_reduce(rise) * inverse[run])
    coefficients = np.zeros_like(newton)
    minus = _P - x
    coefficients[0] = newton[-1]
    for degree, place in enumerate(range(points - 2, -1, -1), start=1):
        lower = coefficients[:degree] * minus[place]
        coefficients[1 : degree + 1] = coefficients[:degree]
        coefficients[0] = newton[place]
        coefficients[1:degree] += _reduce(lower[1:])
        coefficients[0] += _reduce(lower[0])
        low = coefficients[:degree]
        np.subtract(low, _P, out=low, where=low >= _P)
    return coefficients


def evaluate(coefficients: U32, x: U32) -> U32:
    """Return the values uint32[points, batch] of polynomials uint32[degree + 1, batch] at x uint32[points, batch]."""
    x = _reduce(x)
    value = np.zeros_like(x)
    for row in coefficients[::-1]:
        value *= x
        value += row
        value = _reduce(value)
    return value
