"""What the audit plan of a spec comes to: chances by faked fraction, the cost of a seat, whether `power` is true.

Pure arithmetic; knows nothing of a screen. A trainer who fakes the fraction f of its work saves at most f · R, R being
the largest pay; found out, it loses R and the half of its bond that is burned even if a friend challenges. So cheating
pays where q(f) · (R + bond / 2) < f · R, q(f) being the plan's chance times that of a committee that isn't captured.
With f = 1 this is the contracts' rule.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from assay.protocol import economics
from assay.protocol import terms as rules
from assay.protocol.plan import CHECK_POWER, Size, Standing, chance, size_of, true_power
from assay.protocol.sections import PARTS, TaskSpec

FRACTIONS: Final = tuple(Fraction(part, 100) for part in (1, 2, 5, 10, 20, 50, 100))
KINDS: Final = ("groups", "steps")


@dataclass(frozen=True, slots=True)
class Seat:
    """What one seat of a submission looks at, for a trainer of some standing."""

    standing: Standing
    size: Size
    rollouts: int
    share: Fraction


@dataclass(frozen=True, slots=True)
class Row:
    """One faked fraction: chances to be found by kind and standing, and the chance from which on cheating loses."""

    fraction: Fraction
    faked: dict[str, int]
    found: dict[str, dict[Standing, Fraction]]
    needed: Fraction


def seats(spec: TaskSpec) -> list[Seat]:
    """Return what a seat costs, by standing."""
    rows = []
    for standing in Standing:
        size = size_of(spec, standing)
        share = Fraction(size.groups, spec.rollout.groups)
        rows.append(Seat(standing, size, size.groups * spec.rollout.group_size, share))
    return rows


def table(spec: TaskSpec, fractions: Sequence[Fraction] = FRACTIONS, power: Fraction = CHECK_POWER) -> list[Row]:
    """Return a row per fraction; faked items are whole, rounded up. `power`: of the checks of one of them."""
    rows = []
    for fraction in fractions:
        faked = {kind: -(-fraction.numerator * _whole(spec, kind) // fraction.denominator) for kind in KINDS}
        found = {kind: {s: found_of(spec, kind, faked[kind], s, power) for s in Standing} for kind in KINDS}
        rows.append(Row(fraction, faked, found, needed(spec, fraction)))
    return rows


def found_of(spec: TaskSpec, kind: str, faked: int, standing: Standing, power: Fraction = CHECK_POWER) -> Fraction:
    """Return the plan's chance to find `faked` items of a kind."""
    return chance(_whole(spec, kind), faked, getattr(size_of(spec, standing), kind), power)


def needed(spec: TaskSpec, fraction: Fraction) -> Fraction:
    """Return the chance with which a plan must find a faked fraction so that faking it loses. Above 1: none does."""
    pay = rules.largest_pay(spec.money)
    return fraction * pay / ((pay + Fraction(spec.money.bond, 2)) * uncaptured(spec))


def uncaptured(spec: TaskSpec) -> Fraction:
    """Return the chance that a third of the stake doesn't fill a submission's quorum."""
    return 1 - economics.quorum_chance(spec.money.seats, economics.THIRD, rules.draws(spec.rounds))


def pays_from(spec: TaskSpec, power: Fraction = CHECK_POWER) -> Fraction | None:
    """Return the smallest fraction of faked groups or steps from which on cheating pays under the plan; None if none
    does.

    What a cheat loses is concave in the fraction and 0 at 0: where faking everything loses, every fraction does.
    """
    found = []
    for kind in KINDS:
        whole = _whole(spec, kind)
        for standing in Standing:

            def pays(faked: int, kind: str = kind, standing: Standing = standing, whole: int = whole) -> bool:
                return found_of(spec, kind, faked, standing, power) < needed(spec, Fraction(faked, whole))

            if pays(whole):
                found.append(Fraction(bisect_left(range(1, whole), True, key=pays) + 1, whole))
    return min(found, default=None)


def to_json(spec: TaskSpec, fractions: Sequence[Fraction], power: Fraction) -> dict[str, Any]:
    """Return all of it for machines."""
    pays = pays_from(spec, power)
    return {
        "seats": [
            {"standing": s.standing, "groups": s.size.groups, "rollouts": s.rollouts, "steps": s.size.steps,
             "share_of_rollouts": float(s.share), "share_of_steps": s.size.steps / spec.inner.steps}
            for s in seats(spec)
        ],
        "check_power": float(power),
        "fractions": [
            {"fraction": float(row.fraction), "needed": float(row.needed)}
            | {kind: {s: float(p) for s, p in row.found[kind].items()} for kind in KINDS}
            for row in table(spec, fractions, power)
        ],
        "power": spec.money.power / PARTS,
        "true_power": true_power(spec) / PARTS,
        "power_is_true": spec.money.power <= true_power(spec),
        "cheating_pays_from": None if pays is None else float(pays),
    }  # fmt: skip


def _whole(spec: TaskSpec, kind: str) -> int:
    return spec.rollout.groups if kind == "groups" else spec.inner.steps
