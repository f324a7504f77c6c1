"""Whether cheating can pay: the market's inequality in exact whole numbers, and what a committee's chances are.

With P the chance that a third of the stake fills a quorum of a submission's seats (1 − (1 − P)² where an extra draw
follows), q = power / 10,000 · (1 − P) and R the largest pay, a task is refused unless q · bond / 2 ≥ (1 − q) · R.
Mirrors libraries/Economics.sol. Knows nothing of specs.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb

from assay.protocol.sections import GWEI, GWEI64, PARTS
from assay.protocol.sortition import quorum

THIRD = Fraction(1, 3)
MAX_BOND = GWEI64
JURY_SEATS = 9


def quorum_ways(seats: int) -> tuple[int, int]:
    """Return (ways, all): P = ways / all, the chance that a third of the stake fills a quorum of `seats`."""
    ways = sum(comb(seats, k) * 2 ** (seats - k) for k in range(quorum(seats), seats + 1))
    return ways, 3**seats


def quorum_chance(seats: int, share: Fraction, draws: int = 1) -> Fraction:
    """Return the chance that `share` of the stake fills a quorum in one of `draws` independent draws."""
    one = sum(
        (comb(seats, k) * share**k * (1 - share) ** (seats - k) for k in range(quorum(seats), seats + 1)), Fraction()
    )
    return 1 - (1 - one) ** draws


def detection(seats: int, draws: int, power: int) -> tuple[int, int]:
    """Return (caught, whole): q = caught / whole, the chance that wholly faked work is found out."""
    ways, every = quorum_ways(seats)
    return power * (every - ways) ** draws, PARTS * every**draws


def least_power(seats: int, draws: int, pay: int) -> int:
    """Return the smallest power, per 10,000, with which any bond deters; above 10,000 where none does. At least 1."""
    per_part, whole = detection(seats, draws, 1)
    return max(1, _ceil(2 * whole * pay, per_part * (MAX_BOND + 2 * pay)))


def least_bond(seats: int, draws: int, power: int, pay: int) -> int:
    """Return the smallest bond, in whole gwei as wei, that makes cheating for `pay` wei a loss."""
    caught, whole = detection(seats, draws, power)
    return in_gwei(_ceil(2 * (whole - caught) * pay, caught))


def least_rate(cost: int, seat_fee: int, bonus: int, cut: int) -> Fraction | None:
    """Return the share of canaries from which on looking pays: cost ÷ what a seat loses by passing one, all in wei.

    None where passing a canary costs nothing and looking does: no rate makes anyone look.
    """
    if cost == 0:
        return Fraction()
    loss = seat_fee + bonus + cut
    return Fraction(cost, loss) if loss else None


def in_gwei(wei: int) -> int:
    """Return wei rounded up to whole gwei."""
    return _ceil(wei, GWEI) * GWEI


def _ceil(a: int, b: int) -> int:
    return -(-a // b)
