#!/usr/bin/env python3
"""Gas per paid submission: all receipts of a round on Anvil (Prague) over its paid submissions, in steady state.

Six equal validators, 3 seats, one submission per trainer, a 48-byte URI, every transaction its own. 16 rounds warm the
ledger's rings; then the mean of the measured rounds. `--json` prints one object with these keys:

    gas_per_paid_submission           32 a round, a claim per trainer and round
    gas_per_paid_submission_claim10   one claim in 10 rounds
    gas_per_paid_submission_combined  commit + attest, submit + claim in one transaction each
    gas_per_paid_submission_5seats    5 seats, quorum 4
    gas_per_paid_submission_8, _256   other sizes
    max_call_gas                      the largest single call of all of them
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from driven import URI_BYTES, VALIDATORS, Driven, Manner, options

from assay.chain import localnet
from assay.errors import AssayError

WARM_UP = 16
PEER = {
    "submission": 226_765,
    "claim": 146_000,
    "what": "a bare submission of the peer protocol, without any attestation, and its claim (about)",
    "source": "the project's third issue, table `What it must show`",
}
STEPS = ("submit", "seal", "commit", "reveal", "attest", "finalize", "claim")


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table."""

    key: str
    submissions: int
    rounds: int
    target: int
    manner: Manner = field(default_factory=Manner)


CASES = (
    Case("", 32, 10, 150_000),
    Case("_claim10", 32, 10, 108_000, Manner(claim_every=10)),
    Case("_combined", 32, 10, 120_000, Manner(combined=True)),
    Case("_5seats", 32, 10, 155_000, Manner(seats=5)),
    Case("_8", 8, 10, 245_000),
    Case("_256", 256, 2, 120_000),
)
MAX_CALL = 3_500_000


def measure(case: Case, warm_up: int, rounds: int, more: tuple[str, ...]) -> dict[str, Any]:
    """Drive the rounds of one case; return means over the measured ones."""
    every = case.manner.claim_every
    with localnet.start(options(1 + VALIDATORS + case.submissions, more)) as net:
        first = warm_up + (-warm_up) % every  # whole cycles of claims
        driven = Driven(net, case.submissions, first + rounds, case.manner)
        for number in range(1, first + 1):
            driven.round(number)
        spent = [driven.round(first + 1 + step) for step in range(rounds)]
    paid = sum(one.paid for one in spent)
    gas: dict[str, int] = defaultdict(int)
    calls: dict[str, int] = defaultdict(int)
    largest: dict[str, int] = defaultdict(int)
    for one in spent:
        for step in one.gas:
            gas[step] += one.gas[step]
            calls[step] += one.calls[step]
            largest[step] = max(largest[step], one.largest[step])
    return {
        "submissions": case.submissions,
        "rounds": rounds,
        "seats": case.manner.seats,
        "paid_per_round": paid / rounds,
        "gas_per_paid_submission": round(sum(gas.values()) / paid),
        "target": case.target,
        "split_per_paid_submission": {step: round(gas[step] / paid) for step in gas},
        "per_call": {step: round(gas[step] / calls[step]) for step in gas if calls[step]},
        "largest_call": dict(largest),
    }


def report(cases: list[Case], warm_up: int, rounds: int | None, more: tuple[str, ...]) -> dict[str, Any]:
    """Measure every case and return what `--json` prints."""
    found = {case.key: measure(case, warm_up, rounds or case.rounds, more) for case in cases}
    whole: dict[str, Any] = {
        f"gas_per_paid_submission{key}": one["gas_per_paid_submission"] for key, one in found.items()
    }
    whole["max_call_gas"] = max(max(one["largest_call"].values()) for one in found.values())
    setting = {"hardfork": "prague", "validators": VALIDATORS, "uri_bytes": URI_BYTES, "warm_up": warm_up}
    return {**whole, "max_call_target": MAX_CALL, "cases": found, "setting": setting, "peer": PEER}


def table(whole: dict[str, Any]) -> str:
    """Return the report for people."""
    lines = [f"{'':>10}" + "".join(f"{step:>10}" for step in STEPS) + f"{'all':>10}{'target':>10}{'paid':>8}"]
    for key, one in whole["cases"].items():
        split = "".join(f"{one['split_per_paid_submission'].get(step, 0):>10,}" for step in STEPS)
        name = key.lstrip("_") or "32"
        lines.append(
            f"{name:>10}{split}{one['gas_per_paid_submission']:>10,}{one['target']:>10,}{one['paid_per_round']:>8.1f}"
        )
    peer = whole["peer"]
    lines.append("gas per paid submission; the same transactions for all that a round needs")
    lines.append(f"largest call: {whole['max_call_gas']:,}; target at most {whole['max_call_target']:,}")
    lines.append(f"peer: {peer['submission']:,} for a bare submission, about {peer['claim']:,} for its claim")
    return "\n".join(lines)


def missed(whole: dict[str, Any]) -> bool:
    """Tell whether a figure is above its target."""
    over = any(one["gas_per_paid_submission"] > one["target"] for one in whole["cases"].values())
    return over or whole["max_call_gas"] > whole["max_call_target"]


def main() -> int:
    """Print the figures; exit 1 when one misses its target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    names = ",".join(case.key.lstrip("_") or "32" for case in CASES)
    parser.add_argument("--cases", default=names, help="which of the keys, separated by commas (default: all)")
    parser.add_argument("--warm-up", type=int, default=WARM_UP)
    parser.add_argument("--rounds", type=int, default=None, help="measured rounds")
    parser.add_argument("--anvil", default="", help="more options for Anvil")
    given = parser.parse_args()
    begun = time.monotonic()
    wanted = given.cases.split(",")
    cases = [case for case in CASES if (case.key.lstrip("_") or "32") in wanted]
    if len(cases) != len(wanted):
        parser.error(f"--cases takes some of {names}")
    try:
        whole = report(cases, given.warm_up, given.rounds, tuple(given.anvil.split()))
    except AssayError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    whole["seconds"] = round(time.monotonic() - begun, 1)
    print(json.dumps(whole, indent=2) if given.json else table(whole))
    return int(missed(whole))


if __name__ == "__main__":
    sys.exit(main())
