"""The pure rules of disputes: what open cases ask of jurors and of challengers, and how a finding reads as a vote."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from assay.roles.actions import Action, AppealVote, CloseCase, JuryCheck, JuryCommit, JuryReveal, Summon
from assay.types import ClaimKind, Reason, Stage, Verdict

# A transaction sent now lands one block later at the earliest; a vote goes out with room for two more tries.
MARGIN = 3
TURN_SECONDS = 2
HOLDS, FAILS = 1, 2

_ORDER = (
    {Reason.MISSING},
    {Reason.SCHEMA, Reason.SIZE, Reason.BINDING, Reason.UNITS},
    {Reason.ASSIGNMENT},
    {Reason.BOUNDS, Reason.TERMINATION},
    {Reason.REWARD},
    {Reason.UPDATE},
    {Reason.ACTIVATION},
    {Reason.SAMPLING},
    {Reason.STEP, Reason.GRADIENT},
)
"""The reasons in the order in which `verify.check` comes to them: what comes before a failure was passed."""
_OF_A_STEP = (Reason.STEP, Reason.GRADIENT)
"""Looked at step by step, in this order at each."""


@dataclass(frozen=True, slots=True)
class CaseView:
    """An open case. `seats` are this node's of the jury; `in_line` tells whether its lot counts in an appeal.

    `view` is what this node found: 1 the claim holds, 2 it doesn't, None before it looked. `is_mine`: it challenged or
    appealed. `is_ready`: whatever else the end of the case waits for has happened. `done` holds summon, ballot, open,
    appeal-vote, close.
    """

    id: int
    round: int
    stage: Stage
    draw_at: int
    jury_end: int
    vote_end: int
    close_at: int
    is_summoned: bool = False
    seats: int = 0
    in_line: bool = False
    view: int | None = None
    is_mine: bool = False
    is_ready: bool = True
    is_judging: bool = False
    done: frozenset[str] = frozenset()
    turn: int = 0


def serve_cases(now: int, cases: Iterable[CaseView]) -> list[Action]:
    """Return what a validator does for open cases: summon the jury, look, commit, reveal, vote on appeals, close."""
    return [action for case in cases for action in (*_move(now, case), *_speak(now, case))]


def move_own_cases(now: int, cases: Iterable[CaseView]) -> list[Action]:
    """Return what a challenger does so that its case comes to an end even if nobody else cares."""
    return [action for case in cases if case.is_mine for action in _move(now, case)]


def vote_on(claim: int, check: int, leaf: int, verdict: Verdict, reason: int, found: int) -> int:
    """Return how a finding on a submission (its verdict, reason and leaf) reads as a vote on a claim.

    A leaf is good if the check of it was passed. One that the node couldn't get to, because nobody served the artifact
    or it fails at something earlier, is bad.
    """
    is_good = _is_good(check, leaf, verdict, reason, found)
    return HOLDS if is_good == (claim == ClaimKind.GOOD_LEAF) else FAILS


def _is_good(check: int, leaf: int, verdict: Verdict, reason: int, found: int) -> bool:
    if verdict is Verdict.VALID:
        return True
    if check in _OF_A_STEP and reason in _OF_A_STEP:
        return (leaf, check) < (found, reason)
    failed, asked = _place(reason), _place(check)
    return asked < failed or (check == reason and leaf < found)


def _place(reason: int) -> int:
    return next((place for place, reasons in enumerate(_ORDER) if reason in reasons), len(_ORDER))


def _move(now: int, case: CaseView) -> list[Action]:
    wait = TURN_SECONDS * case.turn
    if case.stage is Stage.COMMITTING and not case.is_summoned and "summon" not in case.done:
        return [Summon(case.id)] if now >= case.draw_at + wait else []
    if case.stage is Stage.READY and case.is_ready and "close" not in case.done:
        return [CloseCase(case.id)] if now >= case.close_at + wait else []
    return []


def _speak(now: int, case: CaseView) -> list[Action]:
    if case.stage is Stage.COMMITTING and case.seats and "ballot" not in case.done:
        return _form_a_view(now, case, case.jury_end, JuryCommit(case.id))
    if case.stage is Stage.REVEALING and "ballot" in case.done and "open" not in case.done:
        return [JuryReveal(case.id)]
    if case.stage is Stage.VOTING and case.in_line and "appeal-vote" not in case.done:
        return _form_a_view(now, case, case.vote_end, AppealVote(case.id))
    return []


def _form_a_view(now: int, case: CaseView, end: int, then: Action) -> list[Action]:
    """Look first; who hasn't got to see anything by the end votes that it is bad."""
    if case.view is not None or now >= end - MARGIN:
        return [then]
    return [] if case.is_judging else [JuryCheck(case.id)]
