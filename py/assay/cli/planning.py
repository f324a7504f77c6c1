"""What a spec's numbers come to, and which of them the contracts refuse. Pure arithmetic; knows nothing of a screen.

Looking must pay: a check that costs k is run by whoever risks more by skipping it, rate × (seat fee + cut) ≥ k, where
`rate` is the share of canaries that fail at this check first. No bonus is counted on: it comes out of what others lose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from assay.protocol import economics
from assay.protocol import terms as rules
from assay.protocol.sections import PARTS, TaskSpec
from assay.protocol.sortition import quorum

SHARES: Final = (Fraction(1, 10), Fraction(1, 5), economics.THIRD)
MOST_SUBMISSIONS: Final = 256
# Seconds of each check, on one thread, for one submission of the digits template; `--cost` says otherwise.
CHECKS: Final[Mapping[str, Fraction]] = {
    "schema": Fraction("0.12"),
    "assignment": Fraction("0.02"),
    "bounds": Fraction("0.01"),
    "reward": Fraction("0.02"),
    "activation": Fraction("0.13"),
    "sampling": Fraction("0.01"),
    "step": Fraction("0.95"),
    "update": Fraction("0.02"),
}


@dataclass(frozen=True, slots=True)
class Window:
    """One rule of the windows, in seconds: `needed` must be ≤ `allowed`, which is unknown before a vault is named."""

    rule: str
    needed: int
    allowed: int | None

    @property
    def slack(self) -> int | None:
        return None if self.allowed is None else self.allowed - self.needed


@dataclass(frozen=True, slots=True)
class Looking:
    """What one check costs in wei, the share of canaries from which on it pays, and the cut with which the task's does.

    None: no share is enough, or the task has no canaries.
    """

    check: str
    seconds: Fraction
    cost: int
    rate: Fraction | None
    cut: int | None


def windows(spec: TaskSpec, unbonding: int | None) -> list[Window]:
    """Return the contract's rules for a task's windows."""
    r = spec.rounds
    round_, both = rules.span(r), rules.span(r) + rules.court(r)
    return [
        Window("work to attest ≤ staleness × period", rules.ready(r), r.staleness * r.period),
        Window("twice attest ≤ challenge", 2 * r.attest, r.challenge),
        Window(f"a round ≤ {rules.SPAN_PERIODS} periods", round_, rules.SPAN_PERIODS * r.period),
        Window(f"a round and a court ≤ {rules.COURT_PERIODS} periods", both, rules.COURT_PERIODS * r.period),
        Window("a round, a court and challenge ≤ unbonding", rules.answerable(r), unbonding),
    ]


def looking(spec: TaskSpec, seconds: Mapping[str, Fraction], price: int) -> list[Looking]:
    """Return for each check what it costs at `price` wei a second, and what makes it pay."""
    money = spec.money
    rows = []
    for name, took in seconds.items():
        cost = _ceil(took * price)
        rate = economics.least_rate(cost, money.seat_fee, 0, money.cut)
        rows.append(Looking(name, took, cost, rate, _enough(spec, cost)))
    return rows


def together(spec: TaskSpec, rows: list[Looking]) -> Looking:
    """Return the same for all checks: a canary makes only one of them pay, so their shares add up."""
    cost = sum(row.cost for row in rows)
    rate = economics.least_rate(cost, spec.money.seat_fee, 0, spec.money.cut)
    return Looking("all", sum((row.seconds for row in rows), Fraction()), cost, rate, _enough(spec, cost))


def capacity(spec: TaskSpec) -> int:
    """Return how many full submissions the pot pays in one round, their canaries included; at most 256."""
    money, each = spec.money, rules.largest_pay(spec.money) + rules.fees(spec)
    for n in range(MOST_SUBMISSIONS, 0, -1):
        canaries = _ceil(Fraction(money.canary_rate * n, PARTS))
        if n * each + canaries * money.canary_fee <= money.pot:
            return n
    return 0


def to_json(spec: TaskSpec, seconds: Mapping[str, Fraction], price: int, unbonding: int | None) -> dict[str, Any]:
    """Return the whole plan for machines: wei as strings, shares as numbers."""
    money, tries = spec.money, rules.draws(spec.rounds)
    rows = looking(spec, seconds, price)
    caught, whole = economics.detection(money.seats, tries, money.power)
    return {
        "windows": [
            {"rule": w.rule, "seconds": w.needed, "allowed": w.allowed, "slack": w.slack}
            for w in windows(spec, unbonding)
        ],
        "quorum": quorum(money.seats),
        "seats": money.seats,
        "draws": tries,
        "chance_of_a_quorum": [
            {"share": float(share)}
            | {f"draws_{n}": float(economics.quorum_chance(money.seats, share, n)) for n in (1, 2)}
            for share in SHARES
        ],
        "q": caught / whole,
        "largest_pay": str(rules.largest_pay(money)),
        "bond": str(money.bond),
        "smallest_bond": None if money.power < rules.smallest_power(spec) else str(rules.smallest_bond(spec)),
        "pot": str(money.pot),
        "full_submissions_per_round": capacity(spec),
        "exposure": str(rules.exposure(spec)),
        "challenge_bond": str(money.bond),
        "appeal_bond": str(2 * money.bond),
        "jury": str(economics.JURY_SEATS * money.seat_fee),
        "canary_rate": money.canary_rate / PARTS,
        "cut": str(money.cut),
        "checks": [_looking_json(row) for row in [*rows, together(spec, rows)]],
        "refusals": [
            {"error": no.error or None, "field": no.field, "to": str(no.to), "sentence": no.sentence}
            for no in rules.refusals(spec, unbonding)
        ],
    }


def _looking_json(row: Looking) -> dict[str, Any]:
    rate = None if row.rate is None else float(row.rate)
    cut = None if row.cut is None else str(row.cut)
    return {"check": row.check, "seconds": float(row.seconds), "cost": str(row.cost), "rate": rate, "cut": cut}


def _enough(spec: TaskSpec, cost: int) -> int | None:
    """Return the smallest cut with which the task's rate of canaries makes a check of that cost pay."""
    if not spec.money.canary_rate:
        return 0 if cost == 0 else None
    wei = _ceil(Fraction(cost * PARTS, spec.money.canary_rate)) - spec.money.seat_fee
    return economics.in_gwei(max(0, wei))


def _ceil(number: Fraction) -> int:
    return -(-number.numerator // number.denominator)
