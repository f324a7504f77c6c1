"""Chances of committees and the inequality that says when cheating can't pay."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.protocol.economics import (
    MAX_BOND,
    THIRD,
    detection,
    in_gwei,
    least_bond,
    least_power,
    least_rate,
    quorum_chance,
    quorum_ways,
)
from assay.protocol.sections import GWEI

SEATS, DRAWS, POWER, PAY = st.integers(2, 16), st.integers(1, 2), st.integers(1, 10_000), st.integers(0, 2**96 - 1)


@pytest.mark.parametrize(
    ("seats", "tenth", "fifth", "third"),
    [(3, 2.8, 10.4, 25.9), (5, 0.05, 0.7, 4.5), (7, 0.02, 0.5, 4.5), (15, 0.0, 0.01, 0.9)],
)
def test_quorum_chance__table_of_the_mechanism(seats: int, tenth: float, fifth: float, third: float) -> None:
    shares = (Fraction(1, 10), Fraction(1, 5), THIRD)

    found = [float(100 * quorum_chance(seats, share)) for share in shares]

    assert found == pytest.approx([tenth, fifth, third], abs=0.05)


@pytest.mark.parametrize("seats", range(1, 9))
def test_quorum_ways__every_committee_counted__agrees(seats: int) -> None:
    committees = list(product((True, False, False), repeat=seats))

    ways, every = quorum_ways(seats)

    assert (ways, every) == (sum(3 * sum(c) >= 2 * seats for c in committees), len(committees))
    assert quorum_chance(seats, THIRD) == Fraction(ways, every)


@given(SEATS, DRAWS, POWER)
def test_detection__is_power_times_the_chance_of_no_captured_draw(seats: int, draws: int, power: int) -> None:
    caught, whole = detection(seats, draws, power)

    assert Fraction(caught, whole) == Fraction(power, 10_000) * (1 - quorum_chance(seats, THIRD, draws))


@given(SEATS, DRAWS, POWER, PAY)
def test_least_bond__cheating_loses__and_with_one_gwei_less_it_does_not(
    seats: int, draws: int, power: int, pay: int
) -> None:
    q = Fraction(*detection(seats, draws, power))

    bond = least_bond(seats, draws, power, pay)

    assert bond % GWEI == 0
    assert q * bond / 2 >= (1 - q) * pay
    assert bond == 0 or q * (bond - GWEI) / 2 < (1 - q) * pay


@given(SEATS, DRAWS, PAY)
def test_least_power__is_where_the_largest_bond_begins_to_deter(seats: int, draws: int, pay: int) -> None:
    power = least_power(seats, draws, pay)

    assert power > 10_000 or least_bond(seats, draws, power, pay) <= MAX_BOND
    assert power == 1 or power > 10_001 or least_bond(seats, draws, power - 1, pay) > MAX_BOND


@pytest.mark.parametrize(
    ("cost", "fee", "cut", "rate"),
    [(2, 10, 200, Fraction(2, 210)), (10, 10, 200, Fraction(10, 210)), (0, 0, 0, Fraction(0)), (1, 0, 0, None)],
)
def test_least_rate__what_looking_costs_over_what_passing_loses(
    cost: int, fee: int, cut: int, rate: Fraction | None
) -> None:
    assert least_rate(cost, fee, 0, cut) == rate


@pytest.mark.parametrize(("wei", "rounded"), [(0, 0), (1, GWEI), (GWEI, GWEI), (GWEI + 1, 2 * GWEI)])
def test_in_gwei__rounds_up(wei: int, rounded: int) -> None:
    assert in_gwei(wei) == rounded
