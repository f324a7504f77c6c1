"""Work beside the cycle: one job per name, results handed over in the cycle's thread, pauses that double."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from assay.errors import AssayError, Refused, Unavailable
from assay.roles.jobs import FIRST_PAUSE, LONGEST_PAUSE, Jobs


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(clock: Clock) -> Iterator[Jobs]:
    made = Jobs(clock)
    yield made
    made.close()


def settled(jobs: Jobs) -> list[tuple[str, str]]:
    """Drain until something was handed over; return the failures."""
    failures: list[tuple[str, str]] = []
    for _ in range(1000):
        if jobs.drain(lambda name, error: failures.append((name, str(error)))):
            return failures
        threading.Event().wait(0.01)
    pytest.fail("no job ended")


def failing(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


def test_start__result__reaches_done_in_the_draining_thread_once(jobs: Jobs) -> None:
    seen: list[tuple[int, int]] = []
    assert jobs.start("a", lambda: 7, lambda result: seen.append((result, threading.get_ident())))
    assert settled(jobs) == []
    assert seen == [(7, threading.get_ident())]
    assert (jobs.names(), jobs.drain(lambda *_: None)) == (frozenset(), 0)


def test_start__same_name_while_it_runs__does_nothing(jobs: Jobs) -> None:
    gate = threading.Event()
    seen: list[int] = []
    assert jobs.start("a", lambda: int(gate.wait(10)), seen.append)
    assert not jobs.start("a", lambda: 2, seen.append)
    assert jobs.names() == {"a"}
    gate.set()
    settled(jobs)
    assert seen == [1]


def test_start__heavy_jobs__run_one_at_a_time_and_hold_up_no_download(jobs: Jobs) -> None:
    gate, second, light = threading.Event(), threading.Event(), threading.Event()
    jobs.start("heavy 1", lambda: gate.wait(10), lambda _: None, heavy=True)
    jobs.start("heavy 2", second.set, lambda _: None, heavy=True)
    jobs.start("light", light.set, lambda _: None)
    assert light.wait(10)
    assert not second.is_set()
    gate.set()
    assert second.wait(10)


@pytest.mark.parametrize("error", [Refused("no"), Unavailable("later")])
def test_drain__failed__is_reported_and_rests(jobs: Jobs, clock: Clock, error: AssayError) -> None:
    jobs.start("a", failing(error), lambda _: pytest.fail("a failed job has no result"))
    assert settled(jobs) == [("a", str(error))]
    assert jobs.names() == {"a"}
    assert not jobs.start("a", lambda: 1, lambda _: None)
    clock.now += FIRST_PAUSE
    assert jobs.names() == frozenset()
    assert jobs.start("a", lambda: 1, lambda _: None)


def test_drain__fails_again_and_again__pause_doubles_up_to_the_limit(jobs: Jobs, clock: Clock) -> None:
    pauses = []
    for _ in range(8):
        assert jobs.start("a", failing(Unavailable("later")), lambda _: None)
        settled(jobs)
        begin = clock.now
        while "a" in jobs.names():
            clock.now += 0.5
        pauses.append(clock.now - begin)
    assert pauses == [1, 2, 4, 8, 16, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]


def test_drain__succeeds_after_failures__next_failure_pauses_shortly(jobs: Jobs, clock: Clock) -> None:
    for work in (failing(Unavailable("1")), failing(Unavailable("2")), lambda: None, failing(Unavailable("3"))):
        jobs.start("a", work, lambda _: None)
        settled(jobs)
        clock.now += 2 * FIRST_PAUSE
    assert jobs.names() == frozenset()


def test_drain__a_defect__is_raised_and_does_not_hide_the_other_jobs(jobs: Jobs) -> None:
    jobs.start("bad", failing(ZeroDivisionError()), lambda _: None)
    with pytest.raises(ZeroDivisionError):
        settled(jobs)
    seen: list[int] = []
    jobs.start("good", lambda: 3, seen.append)
    settled(jobs)
    assert seen == [3]


def test_close__waiting_jobs__never_run(clock: Clock) -> None:
    jobs, gate, ran = Jobs(clock), threading.Event(), threading.Event()
    jobs.start("first", lambda: gate.wait(10), lambda _: None, heavy=True)
    jobs.start("second", ran.set, lambda _: None, heavy=True)
    jobs.close()
    gate.set()
    assert not ran.wait(0.2)


def test_start__heavy_jobs_of_two_lanes__run_side_by_side_and_of_one_lane_in_turn(jobs: Jobs) -> None:
    gate, order = threading.Event(), list[str]()

    def blocked() -> None:
        gate.wait(10)
        order.append("first")

    jobs.start("a", blocked, lambda _: None, heavy=True)
    jobs.start("b", lambda: order.append("second"), lambda _: None, heavy=True)
    jobs.start("c", lambda: order.append("beside"), lambda _: None, heavy=True, lane="rollouts")
    settled(jobs)
    assert order == ["beside"]
    gate.set()
    settled(jobs)
    while jobs.names():
        settled(jobs)
    assert order == ["beside", "first", "second"]
