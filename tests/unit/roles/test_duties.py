"""From records to what is asked of a node when the votes are in: fresh seats, silence, wrong outcomes, what is settled
late and what is corrected."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assay.errors import Refused
from assay.protocol import sortition
from assay.protocol.corrections import Correction
from assay.protocol.votes import Vote, pack
from assay.roles import revising
from assay.roles.actions import Challenge
from assay.roles.challenging import challenge
from assay.roles.deciding import Doubt
from assay.roles.disputing import doubts, wrongs
from assay.roles.docket import case_views
from assay.roles.drawing import extra_seats_of, short_of, silent_of
from assay.roles.known import lots
from assay.store.rows import AsideRow, CaseRow
from assay.types import NO_INDEX, ClaimKind, CutReason, Outcome, Reason, Ruling, Stage, Verdict
from unit.roles.bench import Bench
from unit.roles.story import (
    BOB,
    CAROL,
    DAVE,
    ERIN,
    GENESIS,
    MALLORY,
    SEATS,
    SEED,
    START,
    TASK,
    TOKEN,
    VALIDATORS,
    Story,
    known,
)

VALID, INVALID = Verdict.VALID, Verdict.INVALID


@pytest.fixture
def story() -> Story:
    """Two submissions in a sealed round; everyone has committed."""
    told = Story(extra=6).begin()
    for index, who in enumerate((BOB, MALLORY)):
        told.submit(1, who, index)
    told.seal(1)
    for who in VALIDATORS:
        told("Committed", round=1, validator=who)
    return told


# --- the extra draw


def test_short__each_submission__asks_for_a_quorum_of_seats_and_two_voters(story: Story) -> None:
    assert short_of(story.store, TASK, 1, SEATS) == {0, 1}
    story.reveal(1, CAROL, {0: VALID, 1: VALID}, held=3)
    assert short_of(story.store, TASK, 1, SEATS) == {0, 1}
    story.reveal(1, DAVE, {1: INVALID}, held=3)
    story.reveal(1, ERIN, {1: VALID}, held=3)
    assert short_of(story.store, TASK, 1, SEATS) == {0}


def test_extra_seats__of_what_is_short_only__are_not_those_of_the_first_draw(story: Story) -> None:
    for who in VALIDATORS:
        story.reveal(1, who, {1: VALID}, held=3)
    seal, lot = story.store.seal(TASK, 1), lots(story.store, TASK)[CAROL]
    assert seal is not None
    drawn = sortition.extra_seats_of(SEED, 0, SEATS, seal.line, lot)
    found = extra_seats_of(story.store, known(CAROL), story.row, story.spec, 1)
    assert found == {0: sum(1 << seat for seat in drawn)}
    assert found[0] != story.seats(CAROL, 0)


def test_extra_seats__in_a_view__only_in_their_window(story: Story) -> None:
    ends = story.schedule.reveal_end(1), story.schedule.votes_end(1)
    seats = [story.view(now, known(CAROL)).rounds[0].extra_seats for now in (ends[0] - 1, ends[0], ends[1])]
    assert [bool(one) for one in seats] == [False, True, False]


# --- silence


def silent(story: Story, who: str = CAROL) -> tuple[tuple[str, int, int], ...]:
    return silent_of(story.store, known(who), story.row, story.spec, 1)


def test_silent__committed_and_not_revealed__seen_by_others_where_it_costs_something(story: Story) -> None:
    story.reveal(1, CAROL, {0: VALID, 1: VALID}, held=3)
    story.reveal(1, DAVE, {0: VALID, 1: VALID}, held=3)
    cut = int(story.row.terms["cut"])
    assert silent(story) == (((ERIN, 0, 0),) if cut else ())
    assert silent(story, ERIN) == ()


def test_silent__did_not_commit__seen_with_a_seat_that_was_drawn_for_it() -> None:
    told = Story().begin()
    told.submit(1, BOB)
    told.seal(1)
    for who in (CAROL, DAVE):
        told("Committed", round=1, validator=who)
        told.reveal(1, who, {0: VALID}, held=1)
    ((who, index, seat),) = silent(told)
    assert (who, index) == (ERIN, 0)
    assert told.seats(ERIN, 0) >> seat & 1
    told("Cut", round=1, validator=ERIN, index=NO_INDEX, reason=int(CutReason.ABSENT), burned=1, paid=1)
    assert silent(told) == ()


def test_silent__round_without_a_seal__nobody() -> None:
    told = Story().begin()
    told.submit(1, BOB)
    assert silent(told) == ()


# --- outcomes that a validator knows to be wrong


def finding(story: Story, index: int, verdict: Verdict, reason: Reason = Reason.NONE, leaf: int | None = None) -> None:
    story.store.put_finding(TASK, 1, index, {"verdict": int(verdict), "reason": int(reason), "leaf": leaf})


def test_wrongs__bad_work_was_passed__named_with_its_leaf_until_it_is_challenged(story: Story) -> None:
    finding(story, 0, INVALID, Reason.SAMPLING, 70_000)
    finding(story, 1, INVALID, Reason.REWARD, 4)
    for who in VALIDATORS:
        story.reveal(1, who, {0: VALID, 1: INVALID}, held=3)
    wrong = (0, int(ClaimKind.BAD_LEAF), int(Reason.SAMPLING), 0xFFFF)
    assert wrongs(story.store, story.row, 1, CAROL) == (wrong,)
    put(story, case(claim=ClaimKind.BAD_LEAF, check=Reason.SAMPLING, leaf=3))
    assert wrongs(story.store, story.row, 1, CAROL) == (wrong,)
    put(story, case(2, claim=ClaimKind.BAD_LEAF, check=Reason.SAMPLING, leaf=0xFFFF))
    assert wrongs(story.store, story.row, 1, CAROL) == ()


def test_wrongs__canary_opened__bad_work_is_no_wrong_and_a_false_one_is(story: Story) -> None:
    finding(story, 0, INVALID, Reason.REWARD, 4)
    finding(story, 1, VALID)
    for who in VALIDATORS:
        story.reveal(1, who, {0: VALID, 1: VALID}, held=3)
    for index in (0, 1):
        story("CanaryOpened", round=1, index=index, salt="0x" + "00" * 32, leaf=9, check=int(Reason.REWARD))
    assert wrongs(story.store, story.row, 1, CAROL) == ((1, int(ClaimKind.GOOD_LEAF), int(Reason.REWARD), 9),)


# --- what is refused and needs a jury


def doubted(story: Story, reason: Reason = Reason.SAMPLING, leaf: int | None = 4) -> None:
    for who in VALIDATORS:
        story.reveal(1, who, {0: INVALID, 1: VALID}, held=3, reason=int(reason))
    finding(story, 0, INVALID, reason, leaf)
    finding(story, 1, VALID)


def test_doubts__refused_on_a_tolerance__each_voter_has_its_turn_in_the_order_of_seats(story: Story) -> None:
    doubted(story)
    order = sorted(VALIDATORS, key=lambda who: story.seats(who, 0) & -story.seats(who, 0))
    for turn, who in enumerate(order):
        assert doubts(story.store, story.row, 1, who) == (Doubt(0, int(Reason.SAMPLING), 4, turn, 3),)
    assert doubts(story.store, story.row, 1, BOB) == (Doubt(0, int(Reason.SAMPLING), 4, 3, 3),)
    assert wrongs(story.store, story.row, 1, CAROL) == ()


def test_doubts__challenged_at_that_leaf__nothing_is_left_to_do(story: Story) -> None:
    doubted(story, Reason.GRADIENT, None)
    put(story, case(claim=ClaimKind.BAD_LEAF, check=Reason.GRADIENT, leaf=1))
    put(story, case(2, claim=ClaimKind.GOOD_LEAF, check=Reason.GRADIENT, leaf=0))
    assert len(doubts(story.store, story.row, 1, CAROL)) == 1
    put(story, case(3, claim=ClaimKind.BAD_LEAF, check=Reason.GRADIENT, leaf=0))
    assert doubts(story.store, story.row, 1, CAROL) == ()


def test_doubts__refused_on_something_exact__slashed_without_a_jury(story: Story) -> None:
    doubted(story, Reason.REWARD)
    assert doubts(story.store, story.row, 1, CAROL) == ()


def test_doubts__opened_canary_or_nothing_found__none(story: Story) -> None:
    doubted(story)
    story("CanaryOpened", round=1, index=0, salt="0x" + "00" * 32, leaf=9, check=int(Reason.SAMPLING))
    assert doubts(story.store, story.row, 1, CAROL) == ()
    finding(story, 0, VALID)
    assert doubts(story.store, story.row, 1, CAROL) == ()


def test_doubts__in_a_view__in_the_challenge_window_unless_the_node_challenges_nothing(story: Story) -> None:
    doubted(story)
    now = story.schedule.votes_end(1)
    assert len(story.view(now, known(CAROL)).rounds[0].doubts) == 1
    assert story.view(now - 1, known(CAROL)).rounds[0].doubts == ()
    assert story.view(now, replace(known(CAROL), challenges=False)).rounds[0].doubts == ()


def test_doubts__no_stake_for_the_bond__says_so_and_leaves_it_to_the_next(story: Story, tmp_path: Path) -> None:
    doubted(story)
    bench = Bench(tmp_path, story)
    bench.contracts.account = lambda _: SimpleNamespace(free=0)  # type: ignore[assignment, method-assign]
    bench.contracts.balance = lambda _: TOKEN  # type: ignore[method-assign]
    named = Challenge(1, 0, int(ClaimKind.BAD_LEAF), int(Reason.SAMPLING), 4)
    with pytest.raises(Refused, match="too few tokens for a challenge"):
        challenge(bench, story.row, named)
    assert bench.row(f"{TASK}:1:challenge:0:{int(Reason.SAMPLING)}:4") is None
    assert story.store.note(TASK, 1, "challenges") is None


# --- cases


def case(id_: int = 1, **changes: Any) -> CaseRow:
    plain = CaseRow(id_, TASK, 1, 0, int(ClaimKind.GOOD_LEAF), int(Reason.REWARD), 3, BOB, bytes(32), 1, "", 1_000, 5)
    return replace(
        plain, **{name: int(value) if name in {"claim", "check"} else value for name, value in changes.items()}
    )


def put(story: Story, row: CaseRow | AsideRow) -> None:
    with story.store.batch() as batch:
        batch.put(row)


def stages(story: Story, **changes: Any) -> list[Stage]:
    put(story, case(**changes))
    s = story.schedule
    ends = [0, s.seal_delay, s.commit, s.reveal, s.challenge, s.commit]
    moments = [1_000 + sum(ends[: n + 1]) for n in range(len(ends))]
    return [case_views(story.store, known(CAROL), TASK, s, now)[0].stage for now in moments]


def test_case__each_window__has_its_stage_and_a_vote_only_after_an_appeal(story: Story) -> None:
    course = [Stage.DRAWING, Stage.COMMITTING, Stage.REVEALING, Stage.APPEALING]
    assert stages(story) == [*course, Stage.READY, Stage.READY]
    assert stages(story, appellant=BOB) == [*course, Stage.VOTING, Stage.READY]


def test_case__jury_summoned__seats_are_those_of_the_draw(story: Story) -> None:
    line = 3 * 100 * 10**9
    put(story, case(seed=SEED, line=line))
    seats = {who: case_views(story.store, known(who), TASK, story.schedule, 1_010)[0].seats for who in VALIDATORS}
    assert sum(seats.values()) == sortition.JURY_SEATS
    for who, lot in lots(story.store, TASK).items():
        assert seats[who] == len(sortition.jury_seats_of(SEED, line, lot))
    (bobs,) = case_views(story.store, known(BOB), TASK, story.schedule, 1_010)
    assert (bobs.seats, bobs.in_line, bobs.is_mine, bobs.turn) == (0, False, True, 3)


def test_case__of_a_root__waits_for_its_round(story: Story) -> None:
    put(story, case(index=NO_INDEX, claim=ClaimKind.ROOT))
    ready = [case_views(story.store, known(CAROL), TASK, story.schedule, 2_000)[0].is_ready]
    story.final(1, bytes([Outcome.INVALID, Outcome.INVALID]))
    ready += [case_views(story.store, known(CAROL), TASK, story.schedule, 2_000)[0].is_ready]
    assert ready == [False, True]


def test_case__closed__is_no_duty_any_more(story: Story) -> None:
    put(story, case(ruling=int(Ruling.REJECTED)))
    assert case_views(story.store, known(CAROL), TASK, story.schedule, 1_010) == ()


# --- shares that wait


def ballot(who: str, verdict: Verdict, seats: int = 6) -> dict[str, Any]:
    return {"validator": who, "seats": seats, "verdict": int(verdict), "reason": 0, "leaf": 0}


def aside(verdict: Verdict, index: int = 0) -> AsideRow:
    ballots = [ballot(CAROL, verdict), ballot(DAVE, verdict)]
    plain = {"index": index, "who": int(BOB, 16) << 96 | 9 << 64, "mark": "0x" + "44" * 32, "canary": 0, "due": 1}
    return AsideRow(TASK, 1, index, {**plain, "isRefunded": False, "isHeld": True, "ballots": ballots}, 50)


def due(story: Story, row: AsideRow) -> int | None:
    return revising.due(story.store, story.row, story.schedule, row, {5: 900, 50: 1_500, 60: 1_600}.__getitem__)


def test_due__accepted_work_without_its_salt__a_challenge_window_later(story: Story) -> None:
    assert due(story, aside(VALID)) == 1_500 + story.schedule.challenge


def test_due__refused_work__at_once(story: Story) -> None:
    assert due(story, aside(INVALID)) == 1_500


def test_due__case_open__not_yet_and_then_from_its_end(story: Story) -> None:
    put(story, case())
    assert due(story, aside(VALID)) is None
    put(story, case(ruling=int(Ruling.REJECTED), block=60))
    assert due(story, aside(VALID)) == 1_600 + story.schedule.challenge


def test_shares__own_at_once_and_others_only_late(story: Story) -> None:
    put(story, aside(VALID))
    late = START + 500 + story.schedule.challenge

    def shares(who: str, now: int) -> Any:
        return story.view(now, replace(known(who, role=None), time_of=lambda _: START + 500)).shares

    assert shares(BOB, START + 501) == ((1, 0),)
    assert shares(ERIN, late - 1) == ()
    assert shares(ERIN, late + 10) == ((1, 0),)


# --- corrections


def test_corrections__canary_settled_after_the_votes__taken_back_by_the_next_checkpoint(story: Story) -> None:
    for who in VALIDATORS:
        story.reveal(1, who, {0: VALID, 1: VALID}, held=3)
    story.checkpoint(1, b"\x0c" * 32)
    at = story.schedule.challenge_end(1)
    story.final(1, bytes([Outcome.PAID, Outcome.CANARY]))

    def found(round_: int, base: int) -> tuple[Correction, ...]:
        return revising.corrections(story.store, story.row, story.schedule, round_, base, lambda _: at)

    assert found(2, 1) == (Correction(1, (0, 1), (0,)),)
    assert found(3, 2) == ()
    assert found(2, 0) == ()


def test_corrections__share_still_waits__counts_as_it_did_until_it_is_settled(story: Story) -> None:
    for who in VALIDATORS:
        story.reveal(1, who, {0: VALID, 1: INVALID}, held=3)
    story.checkpoint(1, b"\x0c" * 32)
    put(story, replace(aside(INVALID, 1), block=1))
    story.final(1, bytes([Outcome.PAID, Outcome.ASIDE]))
    times = lambda block: 1_130 if block == 9 else story.schedule.challenge_end(1)  # noqa: E731
    ask = (story.store, story.row, story.schedule, 6, 1, times)
    assert revising.corrections(*ask) == ()
    put(story, replace(aside(INVALID, 1), block=9, outcome=int(Outcome.PAID)))
    assert revising.corrections(*ask) == (Correction(1, (0,), (0, 1)),)


def test_following__in_a_view__names_what_has_to_be_fetched(story: Story) -> None:
    for who in VALIDATORS:
        story.reveal(1, who, {0: VALID, 1: VALID}, held=3)
    story.checkpoint(1, b"\x0c" * 32)
    story.final(1, bytes([Outcome.PAID, Outcome.CANARY]))
    knows = replace(known(CAROL, holds=[GENESIS]), time_of=lambda _: story.schedule.challenge_end(1))
    (second,) = [one for one in story.view(story.schedule.votes_end(2), knows).rounds if one.number == 2]
    assert second.corrections == (Correction(1, (0, 1), (0,)),)
    assert second.missing == ((1, 0), (1, 1))


def test_votes__packed_in_an_extra_draw__are_seen_as_said(story: Story) -> None:
    votes = pack([Vote(0, 5, VALID)])
    story("ExtraVoted", round=1, validator=CAROL, evidence="0x" + "00" * 32, votes="0x" + votes.hex())
    now = story.schedule.reveal_end(1)
    assert "extra" in story.view(now, known(CAROL)).rounds[0].done
    assert "extra" not in story.view(now, known(DAVE)).rounds[0].done
