"""The pure rules by which validators act: a view of one task in, actions out. Remembers nothing, as `deciding`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from assay.protocol.windows import Phase, Schedule
from assay.roles.actions import (
    Action,
    Attest,
    Challenge,
    Check,
    Commit,
    DropEvidence,
    Enlist,
    FetchOpening,
    FetchSubmission,
    Finalize,
    MakeCheckpoint,
    Reveal,
    Seal,
    ShowEvidence,
    ShowSilent,
    VoteExtra,
)
from assay.roles.deciding import RoundView, TaskView, has_left, hold_head, may_finalize, resolve_shares
from assay.roles.deciding_cases import MARGIN, TURN_SECONDS, serve_cases
from assay.types import ClaimKind


def decide_validator(view: TaskView) -> list[Action]:
    """Return what a validator does next: enlist, hold the newest checkpoint, attest genesis, then serve each open
    round, each case, and each share that only time is left to settle. Once it has left, it serves the rounds in which
    its stake still counts.
    """
    gone: list[Action] = [DropEvidence(round_) for round_ in view.stale]
    if view.over:
        return gone
    if not view.enlisted:
        return [*gone, *([] if "enlist" in view.running else [Enlist()])]
    actions = gone + hold_head(view)
    if not view.genesis_final and 0 in view.held_checkpoints and "attest" not in view.done and not has_left(view):
        actions.append(Attest(0, view.genesis))
    if view.schedule is None:
        return actions
    for seen in view.rounds:
        if view.from_round <= seen.number and (view.until_round is None or seen.number < view.until_round):
            actions += _serve_round(view, view.schedule, seen)
    return actions + serve_cases(view.now, view.cases) + resolve_shares(view)


def _serve_round(view: TaskView, schedule: Schedule, seen: RoundView) -> list[Action]:
    if seen.final:
        return []
    actions: list[Action] = [FetchSubmission(seen.number, index) for index in _to_fetch(seen)]
    if seen.phase is Phase.COMMIT:
        actions += _judge(view, schedule, seen)
    elif seen.phase is Phase.REVEAL:
        if "commit" in seen.done and "reveal" not in seen.done:
            actions.append(Reveal(seen.number))
    elif seen.phase is Phase.EXTRA:
        actions += _judge_again(view, schedule, seen)
    elif seen.phase is Phase.CHALLENGE:
        actions += _next_checkpoint(view, seen) + _challenges(view, schedule, seen)
        if seen.has_evidence and "evidence" not in seen.running:
            actions.append(ShowEvidence(seen.number))
    elif seen.phase is Phase.FINAL and may_finalize(view, schedule, seen):
        actions.append(Finalize(seen.number))
    return actions + _show_silent(view, schedule, seen)


def _to_fetch(seen: RoundView) -> list[int]:
    """A lazy validator gets only what the next checkpoint is made of."""
    if seen.phase is Phase.FINAL:
        return []
    wanted: Iterable[int] = (seen.included or ()) if seen.is_lazy else range(seen.submissions)
    return [i for i in wanted if i not in (seen.held | seen.verdicts) and f"fetch:{i}" not in seen.running]


def _judge(view: TaskView, schedule: Schedule, seen: RoundView) -> list[Action]:
    if not seen.submissions:
        return []
    if not seen.sealed:
        waited = view.now - schedule.seal_at(seen.number)
        return [Seal(seen.number)] if waited >= TURN_SECONDS * seen.turn and "seal" not in seen.done else []
    if not seen.seats or "commit" in seen.done:
        return []
    return _look_and_say(view, seen, seen.seats, schedule.commit_end(seen.number), Commit(seen.number))


def _judge_again(view: TaskView, schedule: Schedule, seen: RoundView) -> list[Action]:
    """Vote with the fresh seats on submissions for which too few spoke."""
    if not seen.extra_seats or "extra" in seen.done:
        return []
    return _look_and_say(view, seen, seen.extra_seats, schedule.votes_end(seen.number), VoteExtra(seen.number))


def _look_and_say(view: TaskView, seen: RoundView, seats: Mapping[int, int], end: int, then: Action) -> list[Action]:
    if seen.is_lazy:
        return [then]
    due = [index for index in sorted(seats) if index in seen.held and index not in seen.verdicts]
    actions: list[Action] = [
        Check(seen.number, index) if index in seen.opened else FetchOpening(seen.number, index)
        for index in due
        if f"{'check' if index in seen.opened else 'opening'}:{index}" not in seen.running
    ]
    complete = all(index in seen.verdicts for index in seats)
    return [*actions, then] if complete or view.now >= end - MARGIN else actions


def _show_silent(view: TaskView, schedule: Schedule, seen: RoundView) -> list[Action]:
    if seen.phase <= Phase.REVEAL or view.now < schedule.reveal_end(seen.number) + TURN_SECONDS * seen.turn:
        return []
    return [
        ShowSilent(seen.number, validator, index, seat)
        for validator, index, seat in seen.silent
        if f"silent:{validator}" not in seen.done
    ]


def _challenges(view: TaskView, schedule: Schedule, seen: RoundView) -> list[Action]:
    """Challenge only when no canary can be opened any more: what looks like a wrong outcome may be one.

    A doubt goes to the jury once: who refused it takes turns over half a challenge window, and whoever comes later
    finds it challenged.
    """
    waited = view.now - schedule.attest_end(seen.number)
    wrongs = seen.wrongs if waited >= TURN_SECONDS * seen.turn else ()
    due = [doubt for doubt in seen.doubts if waited >= doubt.turn * schedule.challenge // (2 * doubt.voters)]
    return [
        Challenge(seen.number, index, claim, check, leaf)
        for index, claim, check, leaf in (*wrongs, *((d.index, int(ClaimKind.BAD_LEAF), d.check, d.leaf) for d in due))
        if f"challenge:{index}:{check}:{leaf}" not in seen.done
    ]


def _next_checkpoint(view: TaskView, seen: RoundView) -> list[Action]:
    # A checkpoint is built on the newest final one: round by round, or over rounds whose checkpoint found no quorum
    # in time.
    if seen.number <= view.head or "attest" in seen.done or seen.included is None:
        return []
    earlier_open = any(
        other.number < seen.number and other.phase is Phase.CHALLENGE
        for other in view.rounds
        if other.number > view.head
    )
    if earlier_open or view.head not in view.held_checkpoints:
        return []
    if not seen.included and not seen.corrections:
        return [Attest(seen.number, view.head_root)]
    return [Attest(seen.number, seen.checkpoint)] if seen.checkpoint is not None else _make(view, seen, seen.included)


def _make(view: TaskView, seen: RoundView, included: tuple[int, ...]) -> list[Action]:
    if seen.missing:
        return [FetchSubmission(number, index) for number, index in seen.missing]
    if "merge" in seen.running or not all(index in seen.held for index in included):
        return []
    return [MakeCheckpoint(seen.number, view.head, included, seen.corrections)]
