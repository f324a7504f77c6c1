"""The pure rules by which trainers and initiators act: a view of one task in, actions out. Validators' are in
`deciding_validator`, those of disputes in `deciding_cases`.

Knows no clock, chain, database or model: all that is in the view. Doesn't remember anything between calls, so a
restart at any point changes nothing: what has been done is on chain or in the records, and therefore in the next view.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from assay.protocol.corrections import Correction
from assay.protocol.pace import UNKNOWN, Pace, budget
from assay.protocol.windows import Phase, Schedule
from assay.roles.actions import (
    Action,
    Challenge,
    Drop,
    Enlist,
    Evaluate,
    FetchCheckpoint,
    Finalize,
    Generate,
    OpenCanary,
    OpenSteps,
    Refund,
    Replay,
    Resolve,
    Skip,
    Submit,
    Train,
)
from assay.roles.deciding_cases import TURN_SECONDS, CaseView, move_own_cases
from assay.types import ClaimKind


@dataclass(frozen=True, slots=True)
class Doubt:
    """A submission that the votes refuse and don't slash, and that this validator found bad too: at a leaf, by a check.

    `turn` is how many of the `voters` who refused it challenge before this one.
    """

    index: int
    check: int
    leaf: int
    turn: int
    voters: int


@dataclass(frozen=True, slots=True)
class RoundView:
    """One opened round as a node sees it. Indices are positions of submissions in the round.

    `done` names what this node has already put on chain or has under way for the round: seal, commit, reveal, attest,
    finalize, submit. `opened`: submissions whose drawn steps' openings are held.
    `included` is None until the votes are over. `canary`: this node's submission is one, and isn't
    opened yet. `refusals` are (index, check, leaf) of what the votes hold against this trainer's own work and nobody
    has challenged; `sound` those of its own submissions that its own replay passed.

    `extra_seats` are this validator's of the extra draw; `silent` are (validator, index, seat) of whoever said nothing
    and can be shown; `wrongs` are (index, claim, check, leaf) of outcomes that this validator knows to be wrong;
    `doubts` are what it takes to a jury, so that bad work is slashed;
    `corrections` go into this round's checkpoint, and `missing` are (round, index) of what they need and isn't held.
    `base` is the checkpoint that this trainer's rollouts are made from, `groups` how many there are once they are done.
    `is_lazy`: it votes without looking, for demonstrations. `has_evidence`: it has evidence that it doesn't serve yet.
    """

    number: int
    phase: Phase
    submissions: int = 0
    sealed: bool = False
    final: bool = False
    seats: Mapping[int, int] = field(default_factory=dict)
    verdicts: frozenset[int] = frozenset()
    held: frozenset[int] = frozenset()
    opened: frozenset[int] = frozenset()
    running: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()
    included: tuple[int, ...] | None = None
    checkpoint: bytes | None = None
    turn: int = 0
    base: int | None = None
    groups: int = 0
    canary: bool = False
    refusals: tuple[tuple[int, int, int], ...] = ()
    sound: frozenset[int] = frozenset()
    extra_seats: Mapping[int, int] = field(default_factory=dict)
    silent: tuple[tuple[str, int, int], ...] = ()
    wrongs: tuple[tuple[int, int, int, int], ...] = ()
    doubts: tuple[Doubt, ...] = ()
    corrections: tuple[Correction, ...] = ()
    missing: tuple[tuple[int, int], ...] = ()
    is_lazy: bool = False
    has_evidence: bool = False


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task as a node sees it. `running` and `done` are what concerns no single round. `now` is the newest block's
    time; `head` the round of the newest final checkpoint (0 genesis).

    `pace` is how fast this trainer was last, `fastest` how fast it ever was, `least_groups` the smallest submission.
    `held_checkpoints` are the final checkpoints this node holds, by round; `missing_checkpoints` those it doesn't, with
    their roots. `enlisted` is true until the node's stake is
    released; it counts from `from_round` on, and once the node has left, until before `until_round`. `shares` are
    (round, index) of what was set aside and this node can settle now; `stale` the rounds whose evidence can go.
    """

    now: int
    schedule: Schedule | None
    genesis: bytes
    genesis_final: bool
    head: int
    head_root: bytes
    last_round: int
    staleness: int
    enlisted: bool
    from_round: int
    until_round: int | None = None
    rounds: tuple[RoundView, ...] = ()
    held_checkpoints: frozenset[int] = frozenset()
    missing_checkpoints: tuple[tuple[int, bytes], ...] = ()
    running: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()
    evaluated: frozenset[int] = frozenset()
    free_exposure: int = 0
    exposure_needed: int = 0
    pace: Pace = UNKNOWN
    fastest: Pace = UNKNOWN
    least_groups: int = 0
    over: bool = False
    shares: tuple[tuple[int, int], ...] = ()
    stale: tuple[int, ...] = ()
    cases: tuple[CaseView, ...] = ()


def decide_trainer(view: TaskView) -> list[Action]:
    """Return what a trainer does next: enlist, hold the newest checkpoint, and in each round generate, train, submit,
    once. The three loops wait for nothing but each other's results: rollouts begin on the newest checkpoint that is
    held and fresh enough, whatever is being fetched or trained on.

    It begins when its stake covers one more submission and, as fast as it ever was, the smallest submission still fits
    into the work window: a slow round must not keep it out for good.
    """
    if view.over:
        return []
    if not view.enlisted:
        return [] if "enlist" in view.running else [Enlist()]
    actions = hold_head(view)
    if view.schedule is None:
        return actions
    actions += resolve_shares(view) + move_own_cases(view.now, view.cases)
    for seen in view.rounds:
        actions += _open(seen)
        if seen.phase is Phase.CHALLENGE:
            actions += _stand_up_for(view, view.schedule, seen)
        actions += _drop(seen)
    if has_left(view):
        return actions
    for seen in view.rounds:
        if seen.phase is Phase.WORK and seen.number >= view.from_round and "submit" not in seen.done:
            actions += _work(view, view.schedule, seen)
    return actions


def decide_initiator(view: TaskView) -> list[Action]:
    """Return what an initiator does next: hold and measure each new checkpoint, settle what nobody settled, get the
    rest refunded.
    """
    actions = hold_head(view)
    actions += [
        FetchCheckpoint(number, root)
        for number, root in view.missing_checkpoints
        if number != view.head and f"checkpoint:{number}" not in view.running
    ]
    for number in sorted(view.held_checkpoints - view.evaluated):
        if f"evaluate:{number}" not in view.running:
            actions.append(Evaluate(number))
            break
    for seen in view.rounds:
        if seen.phase is Phase.FINAL and may_finalize(view, view.schedule, seen):
            actions.append(Finalize(seen.number))
    actions += resolve_shares(view)
    if view.over and "refund" not in view.done:
        actions.append(Refund())
    return actions


def resolve_shares(view: TaskView) -> list[Action]:
    return [Resolve(number, index) for number, index in view.shares]


def has_left(view: TaskView) -> bool:
    return view.until_round is not None


def hold_head(view: TaskView) -> list[Action]:
    if view.head in view.held_checkpoints or f"checkpoint:{view.head}" in view.running:
        return []
    return [FetchCheckpoint(view.head, view.head_root)]


def _work(view: TaskView, schedule: Schedule, seen: RoundView) -> list[Action]:
    """Return the next thing to do for a round that takes submissions."""
    if "trained" in seen.done:
        return [Submit(seen.number)]
    if {"rollouts", "train"} & seen.running:
        return []
    is_rolled = "rolled" in seen.done and seen.base in view.held_checkpoints
    left = schedule.work_end(seen.number) - view.now
    takes = view.fastest.seconds(seen.groups) if is_rolled else view.fastest.seconds(0, view.least_groups)
    base = _base(view, seen)
    if not is_rolled and view.free_exposure < view.exposure_needed:
        action: Action = Skip(seen.number, "the enlisted stake doesn't cover another submission's bond and fees")
    elif takes >= left:
        action = Skip(seen.number, f"what is left of the work window is less than the {takes:.0f} s it takes")
    elif base is None:
        return []  # the checkpoint that this round needs may still come
    elif is_rolled:
        action = Train(seen.number, base)
    else:
        action = Generate(seen.number, base, budget(schedule.work, left), view.pace)
    return [action]


def _base(view: TaskView, seen: RoundView) -> int | None:
    """Return the checkpoint that rollouts were begun from, else the newest that is held and fresh enough."""
    if seen.base is not None and seen.base in view.held_checkpoints:
        return seen.base
    fresh = [at for at in view.held_checkpoints if at <= view.head and seen.number - at <= view.staleness]
    return max(fresh, default=None)


def _drop(seen: RoundView) -> list[Action]:
    """Drop what was begun and not submitted while the round took it: no other round may use it."""
    if seen.phase <= Phase.WORK or seen.base is None or {"rollouts", "train"} & seen.running:
        return []
    if {"submit", "dropped"} & seen.done:
        return []
    made = "the submission" if "trained" in seen.done else "the rollouts" if "rolled" in seen.done else "what was begun"
    return [Drop(seen.number, f"{made} came too late for the work window")]


def _open(seen: RoundView) -> list[Action]:
    """Open the drawn steps of its own submission as soon as they are known, for as long as somebody may judge it."""
    if not seen.sealed or seen.phase is Phase.FINAL or not {"submit", "trained"} <= seen.done:
        return []
    return [] if "opened" in seen.done or "open" in seen.running else [OpenSteps(seen.number)]


def _stand_up_for(view: TaskView, schedule: Schedule, seen: RoundView) -> list[Action]:
    """Open a canary while it may be opened; check again what was refused, and challenge what isn't at fault."""
    actions: list[Action] = []
    if seen.canary and "canary" not in seen.done and view.now < schedule.attest_end(seen.number):
        actions.append(OpenCanary(seen.number))
    if view.now >= schedule.challenge_end(seen.number):
        return actions
    for index in dict.fromkeys(index for index, _, _ in seen.refusals):
        if index not in seen.sound and not {f"replay:{index}", f"replayed:{index}"} & (seen.running | seen.done):
            actions.append(Replay(seen.number, index))
    actions += [
        Challenge(seen.number, index, ClaimKind.GOOD_LEAF, check, leaf)
        for index, check, leaf in seen.refusals
        if index in seen.sound and f"challenge:{index}:{check}:{leaf}" not in seen.done
    ]
    return actions


def may_finalize(view: TaskView, schedule: Schedule | None, seen: RoundView) -> bool:
    if schedule is None or seen.final or not seen.submissions or "finalize" in seen.done:
        return False
    return view.now - schedule.challenge_end(seen.number) >= TURN_SECONDS * seen.turn
