"""What open cases ask of a juror and of a challenger, and how a finding reads as a vote on a claim."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assay.roles.actions import Action, AppealVote, CloseCase, JuryCheck, JuryCommit, JuryReveal, Summon
from assay.roles.deciding_cases import FAILS, HOLDS, CaseView, move_own_cases, serve_cases, vote_on
from assay.types import ClaimKind, Reason, Stage, Verdict

CASE = CaseView(id=4, round=1, stage=Stage.COMMITTING, draw_at=100, jury_end=120, vote_end=160, close_at=150)


def served(now: int, **changes: object) -> list[Action]:
    return serve_cases(now, [replace(CASE, **changes)])  # type: ignore[arg-type]


# --- the course of a case


def test_case__jury_not_drawn__summoned_in_turn_and_once() -> None:
    assert served(100) == [Summon(4)]
    assert served(101, turn=1) == []
    assert served(102, turn=1) == [Summon(4)]
    assert served(102, done=frozenset({"summon"})) == []


def test_case__still_before_the_draw__nothing() -> None:
    assert served(99, stage=Stage.DRAWING) == []


def test_juror__drawn__looks_then_commits_then_reveals() -> None:
    drawn = {"is_summoned": True, "seats": 3}
    assert served(105, **drawn) == [JuryCheck(4)]
    assert served(105, **drawn, is_judging=True) == []
    assert served(105, **drawn, view=1) == [JuryCommit(4)]
    committed = {**drawn, "view": 1, "done": frozenset({"ballot"})}
    assert served(105, **committed) == []
    assert served(125, **committed, stage=Stage.REVEALING) == [JuryReveal(4)]
    assert served(125, **{**committed, "done": frozenset({"ballot", "open"})}, stage=Stage.REVEALING) == []


def test_juror__saw_nothing_until_the_end__commits_all_the_same() -> None:
    assert served(117, is_summoned=True, seats=3, is_judging=True) == [JuryCommit(4)]


def test_validator__not_drawn__has_no_say_until_an_appeal() -> None:
    assert served(105, is_summoned=True, in_line=True) == []
    voting = {"is_summoned": True, "in_line": True, "stage": Stage.VOTING}
    assert served(155, **voting) == [JuryCheck(4)]
    assert served(155, **voting, view=2) == [AppealVote(4)]
    assert served(155, **voting, view=2, done=frozenset({"appeal-vote"})) == []


def test_case__over__closed_in_turn_unless_it_waits_for_the_round() -> None:
    assert served(150, stage=Stage.READY) == [CloseCase(4)]
    assert served(151, stage=Stage.READY, turn=1) == []
    assert served(190, stage=Stage.READY, is_ready=False) == []
    assert served(190, stage=Stage.READY, done=frozenset({"close"})) == []


def test_challenger__own_case_only__moved_but_not_judged() -> None:
    mine = replace(CASE, is_mine=True, seats=2, is_summoned=True, stage=Stage.READY)
    assert move_own_cases(150, [mine, replace(mine, is_mine=False)]) == [CloseCase(4)]


# --- a finding as a vote

FOUND_GOOD = (Verdict.VALID, Reason.NONE, 0)
CLAIMS = [ClaimKind.BAD_LEAF, ClaimKind.GOOD_LEAF]


@pytest.mark.parametrize(
    ("check", "leaf", "found", "is_good"),
    [
        (Reason.REWARD, 5, FOUND_GOOD, True),
        (Reason.REWARD, 5, (Verdict.INVALID, Reason.REWARD, 5), False),
        (Reason.REWARD, 5, (Verdict.INVALID, Reason.REWARD, 9), True),
        (Reason.REWARD, 9, (Verdict.INVALID, Reason.REWARD, 5), False),
        (Reason.REWARD, 5, (Verdict.INVALID, Reason.STEP, 0), True),
        (Reason.STEP, 0, (Verdict.INVALID, Reason.REWARD, 5), False),
        (Reason.REWARD, 5, (Verdict.MALFORMED, Reason.SCHEMA, 0), False),
        (Reason.REWARD, 5, (Verdict.UNAVAILABLE, Reason.MISSING, 0), False),
        (Reason.MISSING, 0, (Verdict.UNAVAILABLE, Reason.MISSING, 0), False),
        (Reason.MISSING, 0, (Verdict.INVALID, Reason.SAMPLING, 1), True),
        (Reason.GRADIENT, 2, (Verdict.INVALID, Reason.GRADIENT, 2), False),
        (Reason.GRADIENT, 1, (Verdict.INVALID, Reason.STEP, 2), True),
        (Reason.GRADIENT, 2, (Verdict.INVALID, Reason.STEP, 2), False),
        (Reason.STEP, 2, (Verdict.INVALID, Reason.GRADIENT, 2), True),
        (Reason.STEP, 3, (Verdict.INVALID, Reason.GRADIENT, 2), False),
        (Reason.SAMPLING, 3, (Verdict.INVALID, Reason.GRADIENT, 2), True),
        (99, 0, FOUND_GOOD, True),
    ],
)
def test_vote__each_finding__good_only_where_the_check_was_passed(
    check: int, leaf: int, found: tuple[Verdict, int, int], is_good: bool
) -> None:
    assert [vote_on(claim, check, leaf, *found) for claim in CLAIMS] == ([FAILS, HOLDS] if is_good else [HOLDS, FAILS])
