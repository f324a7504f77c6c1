"""The clock of rounds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Refused
from assay.protocol.windows import Phase, Schedule
from unit.protocol.example import example

CLOCK = Schedule.from_spec(example(), start=1000)


def test_from_spec__example__has_its_numbers() -> None:
    assert Schedule(1000, 6, 28, 11, 1, 10, 3, 0, 3, 10, 1) == CLOCK


def test_windows__second_round__follow_one_another() -> None:
    ends = [CLOCK.open(2), CLOCK.work_end(2), CLOCK.seal_at(2), CLOCK.commit_end(2), CLOCK.reveal_end(2)]

    assert ends == [1028, 1039, 1040, 1050, 1053]
    assert (CLOCK.votes_end(2), CLOCK.attest_end(2), CLOCK.challenge_end(2)) == (1053, 1056, 1063)


def test_windows__extra_draw__moves_what_follows_the_reveals() -> None:
    clock = replace(CLOCK, extra=7)

    assert (clock.reveal_end(2), clock.votes_end(2)) == (1053, 1060)
    assert (clock.attest_end(2), clock.challenge_end(2)) == (1063, 1070)
    phases = [clock.phase(2, t) for t in (1052, 1053, 1059, 1060, 1069, 1070)]
    assert phases == [Phase.REVEAL, *[Phase.EXTRA] * 2, *[Phase.CHALLENGE] * 2, Phase.FINAL]


@pytest.mark.parametrize(
    ("t", "phase"),
    [
        (0, Phase.WAITING),
        (1027, Phase.WAITING),
        (1028, Phase.WORK),
        (1038, Phase.WORK),
        (1039, Phase.SEAL_DELAY),
        (1040, Phase.COMMIT),
        (1049, Phase.COMMIT),
        (1050, Phase.REVEAL),
        (1053, Phase.CHALLENGE),
        (1062, Phase.CHALLENGE),
        (1063, Phase.FINAL),
    ],
)
def test_phase__each_border__belongs_to_the_window_it_begins(t: int, phase: Phase) -> None:
    assert CLOCK.phase(2, t) == phase


def test_phase__no_seal_delay__is_skipped() -> None:
    clock = Schedule(0, 6, 28, 11, 0, 10, 3, 0, 3, 10, 1)

    assert (clock.phase(1, 10), clock.phase(1, 11)) == (Phase.WORK, Phase.COMMIT)


@pytest.mark.parametrize(("t", "r"), [(0, 0), (999, 0), (1000, 1), (1027, 1), (1028, 2), (1000 + 28 * 6, 7)])
def test_round_at__second__is_the_newest_open_round(t: int, r: int) -> None:
    assert CLOCK.round_at(t) == r


@given(st.integers(1, 60_000), st.integers(0, 10**7))
def test_phase__time_passes__never_goes_back(r: int, t: int) -> None:
    assert CLOCK.phase(r, t) <= CLOCK.phase(r, t + 1)


def test_open__round_zero__is_refused() -> None:
    with pytest.raises(Refused):
        CLOCK.open(0)
