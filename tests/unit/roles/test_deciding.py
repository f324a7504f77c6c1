"""What each role decides, from views alone: no chain, no clock, no model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assay.protocol.pace import MARGIN_SECONDS, Pace
from assay.protocol.windows import Phase, Schedule
from assay.roles.actions import (
    Attest,
    Check,
    Commit,
    Drop,
    Enlist,
    Evaluate,
    FetchCheckpoint,
    FetchOpening,
    FetchSubmission,
    Finalize,
    Generate,
    MakeCheckpoint,
    OpenSteps,
    Refund,
    Reveal,
    Seal,
    Skip,
    Submit,
    Train,
)
from assay.roles.deciding import RoundView, TaskView, decide_initiator, decide_trainer
from assay.roles.deciding_validator import decide_validator

GENESIS = b"\x01" * 32
NEXT = b"\x02" * 32
PACE = Pace(0.25, 0.5)
SCHEDULE = Schedule(
    start=1000,
    rounds=6,
    period=30,
    work=10,
    seal_delay=1,
    commit=10,
    reveal=4,
    extra=0,
    attest=3,
    challenge=5,
    staleness=1,
)


def view(now: int, *rounds: RoundView, **changes: object) -> TaskView:
    base = TaskView(
        now=now,
        schedule=SCHEDULE,
        genesis=GENESIS,
        genesis_final=True,
        head=0,
        head_root=GENESIS,
        last_round=6,
        staleness=1,
        enlisted=True,
        from_round=1,
        rounds=rounds,
        held_checkpoints=frozenset({0}),
        free_exposure=100,
        exposure_needed=20,
        pace=PACE,
        fastest=Pace(0.125, 0.25),
        least_groups=8,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def seen(phase: Phase, **changes: object) -> RoundView:
    return replace(RoundView(number=1, phase=phase), **changes)  # type: ignore[arg-type]


# --- everybody


@pytest.mark.parametrize("decide", [decide_validator, decide_trainer])
def test_node__not_enlisted__enlists_and_nothing_else(decide) -> None:
    assert decide(view(1000, seen(Phase.WORK), enlisted=False)) == [Enlist()]


@pytest.mark.parametrize("decide", [decide_validator, decide_trainer])
def test_node__enlisting_under_way__waits(decide) -> None:
    assert decide(view(1000, enlisted=False, running=frozenset({"enlist"}))) == []


@pytest.mark.parametrize("decide", [decide_validator, decide_trainer])
def test_node__newest_checkpoint_missing__fetches_it(decide) -> None:
    assert FetchCheckpoint(2, NEXT) in decide(view(1001, head=2, head_root=NEXT))


# --- validator


def test_validator__holds_genesis__attests_it_once() -> None:
    waiting = view(990, schedule=None, genesis_final=False)
    assert decide_validator(waiting) == [Attest(0, GENESIS)]
    assert decide_validator(replace(waiting, done=frozenset({"attest"}))) == []


def test_validator__base_not_held__never_attests_genesis() -> None:
    actions = decide_validator(view(990, schedule=None, genesis_final=False, held_checkpoints=frozenset()))
    assert actions == [FetchCheckpoint(0, GENESIS)]


def test_validator__submissions_arrive__fetches_each_that_it_lacks() -> None:
    actions = decide_validator(
        view(1005, seen(Phase.WORK, submissions=3, held=frozenset({1}), running=frozenset({"fetch:2"})))
    )
    assert actions == [FetchSubmission(1, 0)]


@pytest.mark.parametrize(("turn", "now", "expected"), [(0, 1011, [Seal(1)]), (1, 1012, []), (1, 1013, [Seal(1)])])
def test_validator__round_unsealed__seals_in_its_turn(turn: int, now: int, expected: list[object]) -> None:
    assert decide_validator(view(now, seen(Phase.COMMIT, submissions=1, held=frozenset({0}), turn=turn))) == expected


def test_validator__nothing_submitted__does_not_seal() -> None:
    assert decide_validator(view(1015, seen(Phase.COMMIT))) == []


def test_validator__drawn__checks_what_it_holds_and_commits_when_all_is_judged() -> None:
    here = frozenset({0, 1, 2})
    drawn = seen(Phase.COMMIT, submissions=3, sealed=True, seats={0: 1, 2: 4}, held=here, opened=here)
    assert decide_validator(view(1012, drawn)) == [Check(1, 0), Check(1, 2)]
    assert decide_validator(view(1013, replace(drawn, verdicts=frozenset({0})))) == [Check(1, 2)]
    assert decide_validator(view(1013, replace(drawn, verdicts=frozenset({0, 2})))) == [Commit(1)]


def test_validator__drawn_and_not_opened_yet__gets_the_opening_before_it_checks() -> None:
    drawn = seen(Phase.COMMIT, submissions=2, sealed=True, seats={0: 1, 1: 2}, held=frozenset({0, 1}))
    assert decide_validator(view(1012, drawn)) == [FetchOpening(1, 0), FetchOpening(1, 1)]
    under_way = replace(drawn, opened=frozenset({1}), running=frozenset({"opening:0"}))
    assert decide_validator(view(1012, under_way)) == [Check(1, 1)]
    assert decide_validator(view(1018, drawn))[-1] == Commit(1)


def test_validator__commit_window_ends__commits_what_it_has() -> None:
    drawn = seen(
        Phase.COMMIT, submissions=2, sealed=True, seats={0: 1, 1: 2}, held=frozenset({0}), verdicts=frozenset({0})
    )
    assert decide_validator(view(1017, drawn)) == [FetchSubmission(1, 1)]
    assert decide_validator(view(1018, drawn)) == [FetchSubmission(1, 1), Commit(1)]


def test_validator__not_drawn__commits_nothing() -> None:
    assert decide_validator(view(1018, seen(Phase.COMMIT, submissions=1, sealed=True, held=frozenset({0})))) == []


def test_validator__committed__reveals_once_and_only_in_its_window() -> None:
    committed = seen(Phase.REVEAL, submissions=1, sealed=True, held=frozenset({0}), done=frozenset({"commit"}))
    assert decide_validator(view(1022, committed)) == [Reveal(1)]
    assert decide_validator(view(1022, replace(committed, done=frozenset({"commit", "reveal"})))) == []
    assert (
        decide_validator(view(1012, replace(committed, phase=Phase.COMMIT, seats={0: 1}, verdicts=frozenset({0}))))
        == []
    )


def test_validator__never_committed__does_not_reveal() -> None:
    assert decide_validator(view(1022, seen(Phase.REVEAL, submissions=1, held=frozenset({0})))) == []


def test_validator__reveals_over__makes_the_checkpoint_then_attests_its_root() -> None:
    tallied = seen(Phase.CHALLENGE, submissions=2, held=frozenset({0, 1}), included=(0, 1))
    assert decide_validator(view(1026, tallied)) == [MakeCheckpoint(1, 0, (0, 1))]
    assert decide_validator(view(1026, replace(tallied, running=frozenset({"merge"})))) == []
    assert decide_validator(view(1026, replace(tallied, checkpoint=NEXT))) == [Attest(1, NEXT)]
    assert decide_validator(view(1026, replace(tallied, checkpoint=NEXT, done=frozenset({"attest"})))) == []


def test_validator__included_artifact_missing__fetches_before_it_merges() -> None:
    tallied = seen(Phase.CHALLENGE, submissions=2, held=frozenset({0}), included=(0, 1))
    assert decide_validator(view(1026, tallied)) == [FetchSubmission(1, 1)]


def test_validator__nothing_included__attests_the_same_checkpoint_again() -> None:
    assert decide_validator(view(1026, seen(Phase.CHALLENGE, included=()))) == [Attest(1, GENESIS)]


def test_validator__earlier_checkpoint_still_open__waits_for_it() -> None:
    first = seen(Phase.CHALLENGE, included=(), done=frozenset({"attest"}))
    second = replace(seen(Phase.CHALLENGE, included=()), number=2)
    assert decide_validator(view(1056, first, second)) == []


@pytest.mark.parametrize(
    ("turn", "now", "expected"), [(0, 1030, [Finalize(1)]), (2, 1032, []), (2, 1034, [Finalize(1)])]
)
def test_validator__challenge_over__finalizes_in_its_turn(turn: int, now: int, expected: list[object]) -> None:
    assert decide_validator(view(now, seen(Phase.FINAL, submissions=1, turn=turn))) == expected


def test_validator__round_final__is_done_with_it() -> None:
    assert decide_validator(view(1050, seen(Phase.FINAL, submissions=1, final=True))) == []


def test_validator__enlisted_from_a_later_round__leaves_earlier_ones_alone() -> None:
    assert decide_validator(view(1012, seen(Phase.COMMIT, submissions=1), from_round=2)) == []


def test_validator__has_left__serves_the_rounds_in_which_it_still_counts() -> None:
    first = seen(Phase.REVEAL, submissions=1, held=frozenset({0}), done=frozenset({"commit"}))
    second = replace(seen(Phase.WORK, submissions=1), number=2)
    assert decide_validator(view(1022, first, second, until_round=2)) == [Reveal(1)]
    assert decide_validator(view(990, schedule=None, genesis_final=False, until_round=1)) == []


# --- trainer


def generate(now: int, number: int = 1, base: int = 0) -> Generate:
    """As many rollouts as fit before the margin of two seconds at the end of a window of ten."""
    return Generate(number, base, 1000 + 30 * (number - 1) + 10 - now - MARGIN_SECONDS, PACE)


def test_trainer__work_opens__generates_trains_and_submits_once() -> None:
    assert decide_trainer(view(1001, seen(Phase.WORK))) == [generate(1001)]
    begun = seen(Phase.WORK, base=0, running=frozenset({"rollouts"}))
    assert decide_trainer(view(1002, begun)) == []
    rolled = seen(Phase.WORK, base=0, groups=8, done=frozenset({"rolled"}))
    assert decide_trainer(view(1003, rolled)) == [Train(1, 0)]
    assert decide_trainer(view(1003, replace(rolled, running=frozenset({"train"})))) == []
    trained = replace(rolled, done=frozenset({"rolled", "trained"}))
    assert decide_trainer(view(1004, trained)) == [Submit(1)]
    assert decide_trainer(view(1005, replace(trained, done=trained.done | {"submit"}))) == []


def test_trainer__killed_while_it_generated__goes_on_from_the_same_checkpoint() -> None:
    second = replace(seen(Phase.WORK, base=0), number=2)
    newer = view(1033, second, head=1, head_root=NEXT, staleness=2, held_checkpoints=frozenset({0, 1}))
    assert decide_trainer(newer) == [generate(1033, 2, 0)]
    lost = replace(newer, held_checkpoints=frozenset({1}))
    rolled = replace(second, done=frozenset({"rolled"}), groups=8)
    assert decide_trainer(lost) == [generate(1033, 2, 1)]
    assert decide_trainer(replace(lost, rounds=(rolled,))) == [generate(1033, 2, 1)]


def test_trainer__checkpoint_too_old_for_the_round__waits() -> None:
    second = replace(seen(Phase.WORK), number=2)
    assert decide_trainer(view(1031, second)) == []
    newest = view(1032, second, head=1, head_root=NEXT, held_checkpoints=frozenset({1}))
    assert decide_trainer(newest) == [generate(1032, 2, 1)]


def test_trainer__next_checkpoint_downloads__generates_on_the_newest_that_is_fresh_enough() -> None:
    third = replace(seen(Phase.WORK), number=3)
    held = view(1062, third, head=2, head_root=NEXT, held_checkpoints=frozenset({0, 1}), staleness=2)
    assert decide_trainer(held) == [FetchCheckpoint(2, NEXT), generate(1062, 3, 1)]
    assert decide_trainer(replace(held, running=frozenset({"checkpoint:2"}))) == [generate(1062, 3, 1)]
    assert decide_trainer(replace(held, staleness=1)) == [FetchCheckpoint(2, NEXT)]


def test_trainer__still_trains_for_the_round_before__generates_for_the_next() -> None:
    first = seen(Phase.SEAL_DELAY, base=0, done=frozenset({"rolled"}), running=frozenset({"train"}))
    second = replace(seen(Phase.WORK), number=2)
    assert decide_trainer(view(1031, first, second, staleness=2)) == [generate(1031, 2, 0)]


def test_trainer__work_would_not_fit__does_not_start() -> None:
    (skip,) = decide_trainer(view(1008, seen(Phase.WORK)))
    assert isinstance(skip, Skip)
    assert "work window" in skip.why


def test_trainer__training_would_not_fit__skips_and_is_dropped_with_a_sentence_once() -> None:
    rolled = seen(Phase.WORK, base=0, groups=8, done=frozenset({"rolled"}))
    (skip,) = decide_trainer(view(1009, rolled))
    assert isinstance(skip, Skip)
    late = replace(rolled, phase=Phase.SEAL_DELAY)
    (drop,) = decide_trainer(view(1010, late))
    assert isinstance(drop, Drop) and "too late" in drop.why
    for busy in (
        {"running": frozenset({"train"})}, {"done": rolled.done | {"dropped"}}, {"done": rolled.done | {"submit"}},
        {"base": None},
    ):  # fmt: skip
        assert decide_trainer(view(1010, replace(late, **busy))) == []  # type: ignore[arg-type]


def test_trainer__stake_does_not_cover_another_bond__is_barred() -> None:
    (skip,) = decide_trainer(view(1001, seen(Phase.WORK), free_exposure=19))
    assert isinstance(skip, Skip)
    assert "stake" in skip.why


def test_trainer__work_window_closed__does_not_submit() -> None:
    assert decide_trainer(view(1012, seen(Phase.COMMIT, done=frozenset({"trained"})))) == []


def test_trainer__its_submission_is_sealed__opens_what_was_drawn_once() -> None:
    sealed = seen(Phase.COMMIT, sealed=True, done=frozenset({"trained", "submit"}))
    assert decide_trainer(view(1012, sealed)) == [OpenSteps(1)]
    assert decide_trainer(view(1012, sealed, until_round=2)) == [OpenSteps(1)]
    for busy in ({"running": frozenset({"open"})}, {"done": sealed.done | {"opened"}}, {"sealed": False}):
        assert decide_trainer(view(1012, replace(sealed, **busy))) == []  # type: ignore[arg-type]
    assert decide_trainer(view(1012, replace(sealed, done=frozenset({"trained"})))) == []


def test_trainer__has_left__trains_no_more() -> None:
    assert decide_trainer(view(1001, seen(Phase.WORK), until_round=3)) == []


# --- initiator


def test_initiator__new_checkpoint_held__measures_it_once() -> None:
    assert decide_initiator(view(1001)) == [Evaluate(0)]
    assert decide_initiator(view(1001, running=frozenset({"evaluate:0"}))) == []
    assert decide_initiator(view(1001, evaluated=frozenset({0}))) == []


def test_initiator__task_over__asks_for_the_refund_once() -> None:
    over = view(1300, over=True, evaluated=frozenset({0}))
    assert decide_initiator(over) == [Refund()]
    assert decide_initiator(replace(over, done=frozenset({"refund"}))) == []


def test_initiator__head_moved_on_before_a_checkpoint_was_fetched__fetches_it_all_the_same() -> None:
    late = view(1060, head=2, head_root=NEXT, held_checkpoints=frozenset({0, 2}), evaluated=frozenset({0, 2}))
    late = replace(late, missing_checkpoints=((1, GENESIS),))
    assert decide_initiator(late) == [FetchCheckpoint(1, GENESIS)]
    assert decide_initiator(replace(late, running=frozenset({"checkpoint:1"}))) == []
