"""Golden vectors of what an initiator freezes: specs and their refusals, windows, the economics of cheating."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from assay.errors import Refused
from assay.protocol import economics
from assay.protocol.hashing import hex32
from assay.protocol.sections import GWEI64
from assay.protocol.spec import TaskSpec, check, parse_json, parse_toml, spec_hash, terms, to_json
from assay.protocol.terms import refusals
from assay.protocol.windows import Schedule

TASK = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "task.toml"
ASY = 10**18

Rows = list[dict[str, Any]]

# Section of the spec and its changed fields. First for fields that are out of range, by the argument of BadTerms (seats
# have an error of their own), then for numbers that don't fit together, on the wrong side of the edge.
OUT_OF_RANGE: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("rounds", "rounds", {"count": 0}),
    ("rounds", "rounds", {"count": 65535}),
    ("period", "rounds", {"period": 0}),
    ("work", "rounds", {"work": 0}),
    ("commitWindow", "rounds", {"commit": 0}),
    ("revealWindow", "rounds", {"reveal": 0}),
    ("attestTime", "rounds", {"attest": 0}),
    ("staleness", "rounds", {"staleness": 0}),
    ("seats", "money", {"seats": 17}),
    ("maxUnits", "money", {"max_units": 0}),
    ("canaryRate", "money", {"canary_rate": 10_001}),
    ("power", "money", {"power": 10_001}),
    ("minStake", "money", {"min_stake": 0}),
    ("minStake", "money", {"min_stake": 2**64 * 10**9}),
    ("bond", "money", {"bond": 0}),
    ("bond", "money", {"bond": 20 * ASY + 1}),
    ("cut", "money", {"cut": ASY + 1}),
    ("price", "money", {"price": 2**64}),
    ("seatFee", "money", {"seat_fee": 2**72}),
    ("attestFee", "money", {"attest_fee": 2**72}),
    ("canaryFee", "money", {"canary_fee": 2**72}),
    ("pot", "money", {"pot": 2**87, "budget": 2**95}),
)
REFUSED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("rounds", {"work": 29}),
    ("rounds", {"period": 27}),
    ("rounds", {"extra": 1}),
    ("rounds", {"challenge": 5}),
    ("rounds", {"challenge": 200}),
    ("rounds", {"challenge": 186}),
    ("money", {"bond": 18 * ASY - 10**9}),
    ("money", {"bond": 8192 * 10**15 - 10**9, "seat_fee": 0}),
    (
        "money",
        {"price": 10**19, "max_units": 14 * 10**6, "pot": 2**87 - 1, "budget": 2**90, "bond": GWEI64, "power": 201},
    ),
    ("money", {"price": 2**64 - 1, "max_units": 2**32 - 1}),
    ("money", {"cut": 6_250_000_001 * 10**9}),
    ("money", {"cut": 0}),
    ("money", {"canary_fee": 3 * ASY + 1}),
    ("money", {"pot": 13_192 * 10**15 - 1}),
)
EDGES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("rounds", {}),
    ("rounds", {"challenge": 185}),
    ("rounds", {"challenge": 6}),
    ("rounds", {"extra": 5, "period": 33}),
    ("rounds", {"count": 65534, "period": 65535, "staleness": 255, "lead": 65535}),
    ("money", {"pot": 13_192 * 10**15}),
    ("money", {"bond": 18 * ASY}),
    ("money", {"bond": 8192 * 10**15, "seat_fee": 0, "canary_fee": 0}),
    ("money", {"canary_fee": 3 * ASY, "pot": 14_192 * 10**15}),
    ("money", {"cut": 6_250_000_000 * 10**9}),
    (
        "money",
        {"price": 10**19, "max_units": 14 * 10**6, "pot": 2**87 - 1, "budget": 2**90, "bond": GWEI64, "power": 202},
    ),
    ("money", {"seats": 16, "bond": 18 * ASY, "min_stake": GWEI64, "min_trainers": 255, "pot": 26_192 * 10**15}),
    (
        "money",
        {"price": 0, "seat_fee": 0, "attest_fee": 0, "pot": 0, "budget": 0, "canary_rate": 0, "cut": 0, "bond": 10**9},
    ),
)


def on_chain(spec: TaskSpec) -> dict[str, Any]:
    return {name: _plain(value) for name, value in terms(spec).items()}


def _plain(value: int | bytes) -> str | bool:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return value if isinstance(value, bool) else str(value)


def spec_vectors() -> dict[str, Rows]:
    base = parse_toml(TASK.read_text(encoding="utf-8"))
    valid: Rows = []
    for section, change in EDGES:
        spec = replace(base, **{section: replace(getattr(base, section), **change)})
        if spec.rounds.count > 6:
            spec = replace(spec, money=replace(spec.money, budget=spec.rounds.count * spec.money.pot))
        check(parse_json(to_json(spec)))
        valid.append({"json": to_json(spec).decode(), "hash": hex32(spec_hash(spec)), **on_chain(spec)})
    valid.append(private(base))
    return {"valid": valid, "refused": [*out_of_range(base), *misfits(base)]}


def private(base: TaskSpec) -> dict[str, Any]:
    spec = replace(base, private=True)
    return {"json": to_json(spec).decode(), "hash": hex32(spec_hash(spec)), **on_chain(spec)}


def out_of_range(base: TaskSpec) -> Rows:
    rows = []
    for what, section, change in OUT_OF_RANGE:
        spec = replace(base, **{section: replace(getattr(base, section), **change)})
        row = {"error": "BadTerms", "what": what, "have": "0", "needed": "0", "sentence": refusal(spec)}
        rows.append(row | on_chain(spec))
    for seats in (0, 1):
        spec = replace(base, money=replace(base.money, seats=seats))
        row = {"error": "SeatsTooFew", "what": "", "have": str(seats), "needed": "2", "sentence": refusal(spec)}
        rows.append(row | on_chain(spec))
    return rows


def misfits(base: TaskSpec) -> Rows:
    rows = []
    for section, change in REFUSED:
        spec = replace(base, **{section: replace(getattr(base, section), **change)})
        first = next(refusals(parse_json(to_json(spec))))
        row = {"error": first.error, "what": first.field.split(".")[1], "have": str(first.have)}
        rows.append(row | {"needed": str(first.needed), "sentence": first.sentence} | on_chain(spec))
    return rows


def refusal(spec: TaskSpec) -> str:
    try:
        parse_json(to_json(spec))
    except Refused as error:
        return str(error)
    raise AssertionError(f"nothing is out of range in {spec}")


# --- economics


def economics_vectors() -> dict[str, Rows]:
    chances = []
    for seats in range(1, 17):
        ways, every = economics.quorum_ways(seats)
        chances.append({"seats": seats, "ways": ways, "all": every})
    bonds: Rows = []
    for seats in (2, 3, 5, 7, 9, 15, 16):
        for draws in (1, 2):
            for power, pay in ((9000, 8192 * 10**15), (1, 1), (10_000, 0), (4321, 14 * 10**25), (10_000, 2**96 - 1)):
                caught, whole = economics.detection(seats, draws, power)
                least = economics.least_power(seats, draws, pay)
                row = {"seats": seats, "extra": draws == 2, "power": power, "pay": str(pay)}
                row |= {"caught": str(caught), "whole": str(whole), "leastPower": least}
                bonds.append(row | {"leastBond": str(economics.least_bond(seats, draws, power, pay))})
    return {"chances": chances, "bonds": bonds}


# --- windows


def window_vectors() -> dict[str, Rows]:
    rows: Rows = []
    for clock in (
        Schedule(1_700_000_000, 6, 28, 11, 1, 10, 3, 0, 3, 10, 1),
        Schedule(1_800_000_123, 65534, 65535, 65535, 0, 1, 1, 65535, 1, 2, 2),
        Schedule(1_750_000_000, 100, 600, 300, 255, 600, 900, 450, 60, 2700, 4),
    ):
        rows += [window_row(clock, r) for r in (1, 2, clock.rounds)]
    return {"rounds": rows}


def window_row(clock: Schedule, r: int) -> dict[str, Any]:
    terms_ = {
        "start": clock.start,
        "period": clock.period,
        "work": clock.work,
        "sealDelay": clock.seal_delay,
        "commitWindow": clock.commit,
        "revealWindow": clock.reveal,
        "extraWindow": clock.extra,
        "attestTime": clock.attest,
        "challengeWindow": clock.challenge,
    }
    ends = {
        "opens": clock.open(r),
        "workEnd": clock.work_end(r),
        "sealAt": clock.seal_at(r),
        "commitEnd": clock.commit_end(r),
        "revealEnd": clock.reveal_end(r),
        "votesEnd": clock.votes_end(r),
        "attestEnd": clock.attest_end(r),
        "challengeEnd": clock.challenge_end(r),
    }
    times = sorted({t + d for t in [*ends.values(), clock.start] for d in (-1, 0)})
    phases = [int(clock.phase(r, t)) for t in times]
    return (
        terms_ | {"round": r} | ends | {"times": times, "phases": phases, "rounds": [clock.round_at(t) for t in times]}
    )
