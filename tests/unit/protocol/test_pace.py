"""A trainer takes on what its speed leaves time for, in pieces that divide among the steps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assay.protocol.pace import MARGIN_SECONDS, PIECES, UNKNOWN, Pace, budget, goes_on, piece_groups, pieces
from assay.protocol.spec import TaskSpec
from unit.protocol.example import example


def of(groups: int, steps: int) -> TaskSpec:
    plain = example()
    return replace(plain, rollout=replace(plain.rollout, groups=groups), inner=replace(plain.inner, steps=steps))


@pytest.mark.parametrize(
    ("groups", "steps", "piece"), [(256, 8, 32), (8, 2, 2), (16, 16, 16), (16, 4, 4), (72, 8, 16), (1, 1, 1)]
)
def test_pieces__any_task__cover_all_groups_in_whole_steps(groups: int, steps: int, piece: int) -> None:
    spec = of(groups, steps)
    cut = pieces(spec)
    assert piece_groups(spec) == piece and len(cut) <= PIECES
    assert [group for part in cut for group in part] == list(range(groups))
    assert all(len(part) % steps == 0 for part in cut)


@pytest.mark.parametrize(
    ("pace", "made", "left", "goes"),
    [
        (Pace(0.1, 0.05), 32, 8.0, True),  # 3.2 s to generate, 3.2 s to train on 64
        (Pace(0.1, 0.05), 32, 6.4, True),
        (Pace(0.1, 0.05), 32, 6.3, False),
        (Pace(0.1, None), 32, 9.5, False),  # training isn't known: as long as generation
        (Pace(0.1, None), 32, 9.7, True),
        (Pace(100.0, 100.0), 0, -1.0, True),  # the first piece measures
        (UNKNOWN, 32, 0.0, True),
    ],
)
def test_goes_on__time_that_is_left__holds_generation_and_training(
    pace: Pace, made: int, left: float, goes: bool
) -> None:
    assert goes_on(pace, made, 32, left) is goes


@pytest.mark.parametrize("speed", [0.01, 0.04, 0.16])
def test_goes_on__slower_machine__makes_less_and_ends_in_time(speed: float) -> None:
    pace, made, clock, window = Pace(speed, speed), 0, 0.0, 8.0
    while made < 256 and goes_on(pace, made, 32, window - clock):
        clock, made = clock + 32 * speed, made + 32
    assert made == {0.01: 256, 0.04: 96, 0.16: 32}[speed]
    assert clock + made * speed <= window or made == 32


def test_budget__short_and_long_windows__leave_room_for_the_transaction() -> None:
    assert (budget(8, 8.0), budget(600, 600.0)) == (8.0 - MARGIN_SECONDS, 570.0)
