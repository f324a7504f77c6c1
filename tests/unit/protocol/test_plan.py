"""What every seat draws, and the chance of a cheat against it."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import Refused
from assay.protocol.economics import detection
from assay.protocol.plan import (
    CHECK_POWER,
    KNOWN_FROM,
    PROVEN_FROM,
    UNKNOWN,
    History,
    Standing,
    chance,
    plan_of,
    size_of,
    standing,
    true_power,
)
from assay.protocol.terms import check, draws, largest_pay
from unit.protocol.example import example

SEED, TRAINER = b"\x05" * 16, "0x" + "Ab" * 20
NEW, KNOWN, PROVEN = UNKNOWN, KNOWN_FROM, PROVEN_FROM


@pytest.mark.parametrize(
    ("history", "reached"),
    [
        (History(0, 0), Standing.NEW),
        (History(100, 1), Standing.NEW),  # many at once show nothing of later rounds
        (History(3, 3), Standing.NEW),
        (History(4, 2), Standing.KNOWN),
        (History(100, 7), Standing.KNOWN),
        (History(16, 8), Standing.PROVEN),
    ],
)
def test_standing__of_counts(history: History, reached: Standing) -> None:
    assert standing(history) is reached


def test_plan__new_known_proven__draws_less_and_less_of_what_is_there() -> None:
    spec = example()

    drawn = [plan_of(SEED, TRAINER, 0, spec, history) for history in (NEW, KNOWN, PROVEN)]

    assert [(len(plan.groups), len(plan.steps)) for plan in drawn] == [(8, 2), (4, 1), (2, 1)]
    for plan in drawn:
        assert list(plan.groups) == sorted(set(plan.groups)) and set(plan.groups) < set(range(spec.rollout.groups))
        assert set(plan.steps) <= set(range(spec.inner.steps))


def test_plan__same_facts__same_draw_and_any_other_fact_another() -> None:
    spec = example()
    one = plan_of(SEED, TRAINER, 0, spec, NEW)

    assert plan_of(SEED, TRAINER.lower(), 0, spec, NEW) == one
    others = [
        plan_of(b"\x06" * 16, TRAINER, 0, spec, NEW),
        plan_of(SEED, "0x" + "cd" * 20, 0, spec, NEW),
        plan_of(SEED, TRAINER, 1, spec, NEW),
    ]
    assert all(other.groups != one.groups for other in others)


def test_plan__everything_drawn__is_everything() -> None:
    spec = example()
    spec = replace(spec, verification=replace(spec.verification, groups=spec.rollout.groups))

    assert plan_of(SEED, TRAINER, 0, spec, NEW).groups == tuple(range(spec.rollout.groups))


@pytest.mark.parametrize(("whole", "faked", "drawn"), [(6, 2, 3), (6, 6, 1), (7, 1, 7), (5, 0, 2), (6, 3, 6)])
def test_chance__every_draw_counted__agrees(whole: int, faked: int, drawn: int) -> None:
    power = Fraction(3, 4)
    every = [sum(item < faked for item in one) for one in combinations(range(whole), drawn)]

    assert chance(whole, faked, drawn, power) == 1 - sum((1 - power) ** j for j in every) / Fraction(len(every))


def test_chance__simulated__agrees() -> None:
    rng = random.Random(4)  # noqa: S311
    caught = 0
    for _ in range(4000):
        hits = sum(item < 13 for item in rng.sample(range(256), 32))
        caught += any(rng.random() < 0.9 for _ in range(hits))

    assert caught / 4000 == pytest.approx(float(chance(256, 13, 32, Fraction(9, 10))), abs=0.02)


@settings(max_examples=60)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 99))
def test_chance__is_concave_so_that_deterring_whole_fakes_deters_every_fraction(n: int, k: int, parts: int) -> None:
    at = [chance(n, m, k, Fraction(parts, 100)) for m in range(n + 1)]
    steps = [b - a for a, b in pairwise(at)]

    assert steps == sorted(steps, reverse=True)
    assert all(found >= Fraction(m, n) * at[-1] for m, found in enumerate(at))


def test_cheating__at_any_fraction_under_any_standing__loses_by_the_contracts_economics() -> None:
    spec = example()
    pay, bond = largest_pay(spec.money), spec.money.bond
    free = Fraction(*detection(spec.money.seats, draws(spec.rounds), 10_000))
    check(spec)

    for reached in Standing:
        size = size_of(spec, reached)
        for whole, drawn in ((spec.rollout.groups, size.groups), (spec.inner.steps, size.steps)):
            for faked in range(1, whole + 1):
                q = chance(whole, faked, drawn) * free
                # what isn't spent on the faked part, against the pay and the half of the bond that is burned
                assert q * (pay + Fraction(bond, 2)) > Fraction(faked, whole) * pay


def test_check__power_that_the_plan_cant_keep__is_refused() -> None:
    spec = example()
    said = replace(spec, money=replace(spec.money, power=9901))

    assert true_power(spec) == 9900 == int(10_000 * CHECK_POWER)
    check(replace(spec, money=replace(spec.money, power=9900)))
    with pytest.raises(Refused, match=r"money\.power: 9901 isn't true: .* in 9900 of 10000 cases; lower it to 9900"):
        check(said)
