"""From folded events to views: phases, seats, what is included, what a trainer risks, turns and the end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assay.protocol.pace import UNKNOWN, Pace, piece_groups
from assay.protocol.windows import Phase
from assay.roles.observing import included, seats_of
from assay.store.settled import tally_of
from assay.types import Outcome, Role, Verdict
from unit.roles.story import (
    BOB,
    CAROL,
    DAVE,
    ERIN,
    GENESIS,
    MALLORY,
    SEATS,
    START,
    TASK,
    TOKEN,
    TRAINERS,
    VALIDATORS,
    Story,
    known,
)

EACH = 20 * TOKEN + SEATS * TOKEN  # bond and prepaid seat fees of the example


@pytest.fixture
def story() -> Story:
    return Story().begin()


def revealed(story: Story) -> None:
    """Two submissions: Bob's is accepted, Mallory's refused. Erin holds neither artifact."""
    for index, who in enumerate(TRAINERS):
        story.submit(1, who, index)
    story.seal(1)
    for who in VALIDATORS:
        story.reveal(1, who, {0: Verdict.VALID, 1: Verdict.INVALID}, held=0 if who == ERIN else 3)


# --- a round's phases


def test_observe__before_the_start__no_rounds_and_no_schedule() -> None:
    told = Story().publish()
    told.enlist(CAROL, Role.VALIDATOR)
    view = told.view(START, known(CAROL, holds=[GENESIS]))
    assert (view.schedule, view.rounds, view.genesis_final, view.enlisted, view.over) == (None, (), False, True, False)
    assert view.held_checkpoints == {0}


@pytest.mark.parametrize(
    ("second", "phase"),
    [(0, Phase.WORK), (11, Phase.SEAL_DELAY), (12, Phase.COMMIT), (22, Phase.REVEAL), (25, Phase.CHALLENGE)],
)
def test_observe__first_round__is_in_the_phase_of_its_second(story: Story, second: int, phase: Phase) -> None:
    (seen,) = story.view(START + second, known(CAROL)).rounds
    assert (seen.number, seen.phase, seen.included) == (1, phase, () if phase is Phase.CHALLENGE else None)


def test_observe__challenge_window_over__kept_until_final_only_with_submissions(story: Story) -> None:
    assert [seen.number for seen in story.view(START + 35, known(CAROL)).rounds] == [2]
    story.submit(1, BOB)
    assert [seen.number for seen in story.view(START + 35, known(CAROL)).rounds] == [1, 2]
    story.final(1, bytes([Outcome.PAID]))
    assert [seen.number for seen in story.view(START + 35, known(CAROL)).rounds] == [2]


def test_observe__after_the_last_round__no_round_that_never_opens(story: Story) -> None:
    view = story.view(START + 6 * 28 + 5, known(CAROL))
    assert [seen.number for seen in view.rounds] == [6]
    assert not view.over
    assert story.view(START + 5 * 28 + 35, known(CAROL)).over


def test_observe__last_round_not_settled__is_not_over(story: Story) -> None:
    story.submit(6, BOB)
    later = START + 5 * 28 + 500
    assert not story.view(later, known(CAROL)).over
    story.final(6, bytes([Outcome.PAID]))
    assert story.view(later, known(CAROL)).over


def test_observe__cancelled_before_the_start__is_over() -> None:
    told = Story().publish()
    told("TaskStopped", lastRound=0)
    assert told.view(START, known(CAROL)).over


def test_observe__refunded_by_anyone__is_over_and_needs_no_refund(story: Story) -> None:
    assert "refund" not in story.view(START, known(CAROL)).done
    story("TaskRefunded", initiator=ERIN, amount=1)
    view = story.view(START, known(CAROL))
    assert view.over
    assert "refund" in view.done


# --- seats


def test_seats__of_all_validators__are_each_seat_once(story: Story) -> None:
    for index, who in enumerate(TRAINERS):
        story.submit(1, who, index)
    assert seats_of(story.store, known(CAROL), story.row, story.spec, 1) == {}
    story.seal(1)
    drawn = [seats_of(story.store, known(who), story.row, story.spec, 1) for who in VALIDATORS]
    for index in (0, 1):
        masks = [mine.get(index, 0) for mine in drawn]
        assert sum(mask.bit_count() for mask in masks) == SEATS
        assert masks[0] | masks[1] | masks[2] == (1 << SEATS) - 1
    assert story.view(START + 13, known(CAROL)).rounds[0].seats == drawn[0]


def test_seats__of_someone_who_counts_later_or_no_more__are_none() -> None:
    told = Story().publish()
    told.enlist(CAROL, Role.VALIDATOR, from_round=2)
    told.enlist(DAVE, Role.VALIDATOR)
    told.enlist(ERIN, Role.VALIDATOR)
    told("TaskStarted", start=START)
    told("Left", account=DAVE, role=int(Role.VALIDATOR), untilRound=1)
    told.submit(1, BOB)
    told.seal(1)
    drawn = {who: seats_of(told.store, known(who), told.row, told.spec, 1) for who in VALIDATORS}
    assert drawn[CAROL] == drawn[DAVE] == {}
    assert drawn[ERIN][0].bit_count() >= 1


def test_seats__of_a_trainer__are_not_asked(story: Story) -> None:
    story.submit(1, BOB)
    story.seal(1)
    assert story.view(START + 13, known(BOB, Role.TRAINER)).rounds[0].seats == {}


# --- the tally


def test_included__accepted_and_held__only_that(story: Story) -> None:
    revealed(story)
    assert included(story.store, story.row, story.spec, 1) == (0,)
    assert story.view(START + 25, known(CAROL)).rounds[0].included == (0,)
    assert story.view(START + 24, known(CAROL)).rounds[0].included is None


def test_settle__accepted_but_held_by_a_third__not_held(story: Story) -> None:
    story.submit(1, BOB)
    story.seal(1)
    for who in VALIDATORS:
        story.reveal(1, who, {0: Verdict.VALID}, held=int(who == CAROL))
    assert tally_of(story.store, story.row, 1).outcomes == [Outcome.NOT_HELD]
    assert included(story.store, story.row, story.spec, 1) == ()


def test_settle__never_sealed__is_void(story: Story) -> None:
    story.submit(1, BOB)
    assert tally_of(story.store, story.row, 1).outcomes == [Outcome.VOID]


def test_settle__nobody_revealed__no_quorum(story: Story) -> None:
    story.submit(1, BOB)
    story.seal(1)
    assert tally_of(story.store, story.row, 1).outcomes == [Outcome.NO_QUORUM]


# --- what a trainer risks


def test_exposure__open_submission__binds_one_bond_until_it_is_final(story: Story) -> None:
    view = story.view(START + 1, known(BOB, Role.TRAINER))
    assert (view.free_exposure, view.exposure_needed) == (100 * TOKEN, EACH)
    story.submit(1, BOB)
    assert story.view(START + 1, known(BOB, Role.TRAINER)).free_exposure == 100 * TOKEN - EACH
    story.final(1, bytes([Outcome.PAID]))
    assert story.view(START + 40, known(BOB, Role.TRAINER)).free_exposure == 100 * TOKEN


def test_exposure__slashed__loses_what_was_taken_once(story: Story) -> None:
    story.submit(1, MALLORY)
    story.slash(1, MALLORY, 0, fees=12 * TOKEN)
    story.final(1, bytes([Outcome.INVALID]))
    assert story.view(START + 40, known(MALLORY, Role.TRAINER)).free_exposure == 68 * TOKEN


def test_exposure__slashes_leave_exactly_one_bond__the_trainer_may_still_submit() -> None:
    told = Story().publish()
    told.enlist(MALLORY, Role.TRAINER, tokens=3 * 32)
    told("TaskStarted", start=START)
    for number in (1, 2):
        told.submit(number, MALLORY)
        told.slash(number, MALLORY, 0, fees=12 * TOKEN)
        told.final(number, bytes([Outcome.INVALID]))
    view = told.view(START + 2 * 28 + 1, known(MALLORY, Role.TRAINER))
    assert (view.free_exposure, view.exposure_needed) == (EACH, EACH)


def test_pace__is_what_was_measured_last_and_the_fastest_so_far(story: Story) -> None:
    alone = story.view(START + 60, known(BOB, Role.TRAINER))
    assert (alone.pace, alone.fastest) == (UNKNOWN, UNKNOWN)
    for number, groups, seconds in ((1, 8, 4.0), (2, 4, 1.0), (3, 8, 3.0)):
        story.store.put_note(TASK, number, "rolled", {"seconds": seconds, "groups": groups})
        story.store.put_note(TASK, number, "trained", {"training": 2 * seconds, "groups": groups})
    story.store.put_note(TASK, 4, "trained", {"training": None, "groups": 8})  # it was cut off and went on
    view = story.view(START + 60, known(BOB, Role.TRAINER))
    assert (view.pace, view.fastest) == (Pace(0.375, 0.75), Pace(0.25, 0.5))
    assert view.least_groups == piece_groups(story.spec)


def test_begun__trainer_restarted__goes_on_with_its_checkpoint_and_groups(story: Story) -> None:
    story.store.put_note(TASK, 3, "begun", {"base": 1})
    story.store.put_note(TASK, 3, "rolled", {"seconds": 1.0, "groups": 4})
    seen = {one.number: one for one in story.view(START + 57, known(BOB, Role.TRAINER)).rounds}
    assert (seen[3].base, seen[3].groups, "rolled" in seen[3].done) == (1, 4, True)


# --- enlistment


def test_enlisted__left_and_then_released__counts_until_then(story: Story) -> None:
    role = int(Role.VALIDATOR)
    story("Left", account=CAROL, role=role, untilRound=3)
    view = story.view(START + 30, known(CAROL))
    assert (view.enlisted, view.from_round, view.until_round) == (True, 1, 3)
    story("Released", account=CAROL, role=role, amount=100 * TOKEN)
    assert not story.view(START + 300, known(CAROL)).enlisted


def test_enlisted__in_the_other_role__does_not_count(story: Story) -> None:
    assert not story.view(START, known(BOB, Role.VALIDATOR)).enlisted


# --- what is done, held, under way


def test_done__what_was_sent_or_is_on_chain__is_named(story: Story) -> None:
    story.submit(1, BOB)
    story("Committed", round=1, validator=CAROL)
    (seen,) = story.view(START + 13, known(CAROL, sent=f"{TASK}:1:seal {TASK}:2:attest")).rounds
    assert seen.done == {"commit", "seal"}
    (other,) = story.view(START + 13, known(DAVE)).rounds
    assert other.done == frozenset()
    assert story.view(START + 13, known(BOB, Role.TRAINER)).rounds[0].done == {"submit"}


def test_running__jobs_of_other_tasks_and_rounds__are_not_this_ones(story: Story) -> None:
    jobs = [f"{TASK}:1:fetch:0", f"{TASK}:2:check:1", f"{TASK}:0:checkpoint:0", "70:1:fetch:1"]
    view = story.view(START + 1, known(CAROL, jobs=jobs))
    assert view.rounds[0].running == {"fetch:0"}
    assert view.running == {"checkpoint:0"}


def test_held__by_root_and_finding__are_reported_by_index(story: Story) -> None:
    first = story.submit(1, BOB, 0)
    story.submit(1, MALLORY, 1)
    story.store.put_finding(TASK, 1, 1, {"verdict": 2})
    (seen,) = story.view(START + 13, known(CAROL, holds=[first])).rounds
    assert (seen.submissions, seen.held, seen.verdicts) == (2, {0}, {1})


def test_checkpoint__made_from_another_base__is_not_attested(story: Story) -> None:
    story.submit(1, BOB)
    story.store.put_note(TASK, 1, "checkpoint", {"root": "cc" * 32, "base": 0})
    assert story.view(START + 26, known(CAROL)).rounds[0].checkpoint == b"\xcc" * 32
    story.checkpoint(1, b"\xdd" * 32)
    assert story.view(START + 26, known(CAROL)).rounds[0].checkpoint is None
    assert story.view(START + 26, known(CAROL, holds=[b"\xdd" * 32])).held_checkpoints == {1}


# --- turns


def test_turn__of_the_validators__is_each_rank_once_and_moves_on(story: Story) -> None:
    def turns(number: int) -> list[int]:
        at = START + (number - 1) * 28 + 1
        views = [story.view(at, known(who)) for who in VALIDATORS]
        return [next(seen.turn for seen in view.rounds if seen.number == number) for view in views]

    first, second = turns(1), turns(2)
    assert sorted(first) == sorted(second) == [0, 1, 2]
    assert [(turn - 1) % 3 for turn in first] == second


def test_turn__of_one_without_a_lot__is_the_last(story: Story) -> None:
    assert story.view(START + 1, replace(known(ERIN), account=BOB, role=None)).rounds[0].turn == 3
