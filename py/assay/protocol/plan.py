"""Which part of a submission every seat looks at, and what chance a cheat has against that.

The groups and inner steps follow from the audit seed, which nobody knows before the submission's root is on chain, and
from counts that the chain shows, so that all seats of a submission draw the same. Whoever is new is looked at more.
Inside a drawn group every rollout and every chunk is checked; what costs no model is checked of all groups.

One drawn item of each kind is enough to deter: the chance to be caught is concave in the faked fraction f, hence at
least f times that of wholly faked work, and what a cheat saves is at most f times the pay. More are drawn so that
small fractions don't go on for long. Knows nothing of models, and not whether a check notices what it should.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import comb
from typing import Final

from assay.protocol.hashing import keccak
from assay.protocol.sections import PARTS, TaskSpec
from assay.protocol.sortition import draw

CHECK_POWER: Final = Fraction(99, 100)
"""The chance that the checks of one faked item notice it: what the attack bench must show of every attack."""


@dataclass(frozen=True, slots=True)
class History:
    """What the chain shows of a trainer in a task: submissions accepted since its last refusal, and in how many rounds.

    Only what was final before the round was sealed counts.
    """

    accepted: int = 0
    rounds: int = 0


class Standing(StrEnum):
    """How much is known of a trainer."""

    NEW = "new"
    KNOWN = "known"
    PROVEN = "proven"


WHOLE_EVERY: Final = 4
"""Of so many places in a rollout of a large vocabulary, one is raced against every token."""
UNKNOWN: Final = History()
KNOWN_FROM: Final = History(accepted=4, rounds=2)
PROVEN_FROM: Final = History(accepted=16, rounds=8)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is drawn: numbers of groups and of inner steps, ascending."""

    groups: tuple[int, ...]
    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """How many groups and inner steps are drawn."""

    groups: int
    steps: int


def standing(history: History) -> Standing:
    """Return a trainer's standing. A refusal makes it new again, as another address would be."""
    for least, reached in ((PROVEN_FROM, Standing.PROVEN), (KNOWN_FROM, Standing.KNOWN)):
        if history.accepted >= least.accepted and history.rounds >= least.rounds:
            return reached
    return Standing.NEW


def size_of(spec: TaskSpec, reached: Standing) -> Size:
    """Return how much is drawn: the spec's groups and one step; twice that of a new worker, half the groups of a
    proven one.
    """
    groups, most, steps = spec.verification.groups, spec.rollout.groups, spec.inner.steps
    if reached is Standing.NEW:
        return Size(min(most, 2 * groups), min(steps, 2))
    return Size(min(most, groups if reached is Standing.KNOWN else -(-groups // 2)), 1)


def plan_of(seed: bytes, trainer: str, n: int, spec: TaskSpec, history: History, groups: int | None = None) -> Plan:
    """Return what all seats check of a trainer's n-th submission of a round; seed: the round's 16-byte audit seed.

    `groups` is how many the submission has, where it isn't all: its root fixed that before the seed was known. As many
    are drawn of fewer, so who submits less is looked at no less.
    """
    size, whose = size_of(spec, standing(history)), f"{trainer.lower()}/{n}"
    whole = spec.rollout.groups if groups is None else groups
    drawn = draw(seed, f"groups/{whose}", size.groups, whole)
    return Plan(tuple(drawn), tuple(draw(seed, f"steps/{whose}", size.steps, spec.inner.steps)))


def whole_race(seed: bytes, row: int) -> int:
    """Return the first of a rollout's places at which its token races with the whole of a large vocabulary."""
    return keccak(seed + b"race" + row.to_bytes(8, "big"))[0] % WHOLE_EVERY


def chance(whole: int, faked: int, drawn: int, power: Fraction = CHECK_POWER) -> Fraction:
    """Return the exact chance that one of `drawn` items out of `whole`, `faked` of them faked, is drawn and noticed.

    Hypergeometric; `power` is the chance that the checks of a drawn faked item notice it, each by itself.
    """
    drawn = min(drawn, whole)
    keep, part = power.denominator - power.numerator, power.denominator
    missed = sum(
        comb(faked, j) * comb(whole - faked, drawn - j) * keep**j * part ** (drawn - j)
        for j in range(max(0, drawn - whole + faked), min(faked, drawn) + 1)
    )
    return 1 - Fraction(missed, comb(whole, drawn) * part**drawn)


def true_power(spec: TaskSpec) -> int:
    """Return the largest `money.power` that is true: per 10,000, the least chance by which wholly faked work of either
    kind is found, whatever the trainer's standing and however few groups it submits. Rounded down.
    """
    every = []
    for reached in Standing:
        size = size_of(spec, reached)
        least = min(spec.inner.steps, spec.rollout.groups)  # a submission has at least one group for each step
        every += [chance(groups, groups, size.groups) for groups in (least, spec.rollout.groups)]
        every.append(chance(spec.inner.steps, spec.inner.steps, size.steps))
    found = min(every)
    return PARTS * found.numerator // found.denominator
