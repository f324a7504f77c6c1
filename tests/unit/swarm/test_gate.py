"""How often strangers may ask, with times that are passed in."""

from __future__ import annotations

import random

import pytest

from assay.swarm.gate import READ, WRITE, Gate, Limits, TooMuch, name_of

LIMITS = Limits(source=1, source_burst=5, strangers=2, strangers_burst=8, friends=4, friends_burst=20, sources=16)


def let_in(gate: Gate, source: str, now: float, most: int = 100, cost: float = WRITE) -> int:
    """How many calls in a row are let in."""
    for count in range(most):
        try:
            gate.enter(source, cost, now)
        except TooMuch:
            return count
    return most


def test_enter__one_source__burst_then_its_rate() -> None:
    gate = Gate(LIMITS, 0.0)
    assert let_in(gate, "1.1.1.1", 0.0) == 5
    with pytest.raises(TooMuch) as caught:
        gate.enter("1.1.1.1", WRITE, 0.0)
    assert caught.value.seconds == 1.0
    assert let_in(gate, "1.1.1.1", 2.0) == 2
    assert let_in(Gate(LIMITS, 0.0), "1.1.1.1", 0.0, cost=READ) == 20


def test_enter__many_strangers__share_one_allowance_and_friends_keep_theirs() -> None:
    gate = Gate(LIMITS, 0.0)
    gate.thank("9.9.9.9", 0.0)
    assert sum(let_in(gate, f"1.1.1.{number}", 0.0, 1) for number in range(100)) == 8
    assert let_in(gate, "9.9.9.9", 0.0) == 5
    assert let_in(gate, "9.9.9.9", 3601.0) == 5  # no friend any more, but the strangers' allowance has refilled


def test_blame__eight_lies__ban_and_old_lies_are_forgotten() -> None:
    gate = Gate(LIMITS, 0.0)
    assert not any(gate.blame("1.1.1.1", float(60 * minute)) for minute in range(50))
    assert [gate.blame("2.2.2.2", number / 100) for number in range(8)] == [False] * 7 + [True]
    with pytest.raises(TooMuch, match="banned"):
        gate.enter("2.2.2.2", READ, 599.0)
    assert list(gate.banned(599.0)) == ["2.2.2.2"]
    gate.enter("2.2.2.2", READ, 601.0)
    assert gate.banned(601.0) == {}


def test_wait__too_many__are_sent_away_and_places_come_back() -> None:
    gate = Gate(Limits(waiting=3, waiting_each=2), 0.0)
    gate.begin_wait("1.1.1.1", 0.0)
    gate.begin_wait("1.1.1.1", 0.0)
    with pytest.raises(TooMuch):
        gate.begin_wait("1.1.1.1", 0.0)
    gate.begin_wait("2.2.2.2", 0.0)
    with pytest.raises(TooMuch):
        gate.begin_wait("3.3.3.3", 0.0)
    gate.end_wait("1.1.1.1", 0.0)
    gate.begin_wait("3.3.3.3", 0.0)


def test_enter__very_many_sources__table_stays_bounded_and_bans_outlive_it() -> None:
    gate = Gate(LIMITS, 0.0)
    for _ in range(8):
        gate.blame("6.6.6.6", 0.0)
    draw = random.Random(5)  # noqa: S311  seeded on purpose
    for number in range(500):
        let_in(gate, str(draw.randrange(1 << 30)), number / 10, 1)
    assert len(gate._sources) == LIMITS.sources
    assert "6.6.6.6" in gate.banned(50.0)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
        ("x" * 100, "x" * 64),
    ],
)
def test_name_of__address__counts_as(source: str, name: str) -> None:
    assert name_of(source) == name


def test_enter__clock_goes_back__gives_nothing() -> None:
    gate = Gate(LIMITS, 100.0)
    assert let_in(gate, "1.1.1.1", 100.0) == 5
    assert let_in(gate, "1.1.1.1", 50.0) == 0
