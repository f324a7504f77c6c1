#!/usr/bin/env python3
"""Gas per paid submission: all receipts of a round on Anvil (Prague) over its paid submissions, in steady state.

Six equal validators, 3 seats, one submission per trainer, a 48-byte URI, one claim per trainer and round. 16 rounds
warm the ledger's rings; then the mean of the measured rounds. `--json` prints one object; keys
`gas_per_paid_submission` (32 submissions), `_8` and `_256`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from typing import Any

from driven import SEATS, URI_BYTES, VALIDATORS, Driven, options

from assay.chain import localnet
from assay.errors import AssayError

WARM_UP = 16
MEASURED = {8: 4, 32: 4, 256: 1}
TARGET = 180_000
PEER = {
    "submission": 226_765,
    "claim": 146_000,
    "what": "a bare submission of the peer protocol, without any attestation, and its claim (about)",
    "source": "the project's first issue, table `What it must show`",
}


def measure(submissions: int, warm_up: int, measured: int, more: tuple[str, ...]) -> dict[str, Any]:
    """Drive the rounds of one size; return means over the measured ones."""
    with localnet.start(options(1 + VALIDATORS + submissions, more)) as net:
        driven = Driven(net, submissions, warm_up + measured)
        for number in range(1, warm_up + 1):
            driven.round(number)
        spent = [driven.round(warm_up + 1 + step) for step in range(measured)]
    paid = sum(one.paid for one in spent)
    gas: dict[str, int] = defaultdict(int)
    calls: dict[str, int] = defaultdict(int)
    for one in spent:
        for step in one.gas:
            gas[step] += one.gas[step]
            calls[step] += one.calls[step]
    return {
        "submissions": submissions,
        "rounds": measured,
        "paid_per_round": paid / measured,
        "gas_per_paid_submission": round(sum(gas.values()) / paid),
        "split_per_paid_submission": {step: round(gas[step] / paid) for step in gas},
        "per_call": {step: round(gas[step] / calls[step]) for step in gas},
        "without_claims": round((sum(gas.values()) - gas["claim"]) / paid),
    }


def report(sizes: list[int], warm_up: int, rounds: int | None, more: tuple[str, ...]) -> dict[str, Any]:
    """Measure every size and return what `--json` prints."""
    found = {size: measure(size, warm_up, rounds or MEASURED.get(size, 3), more) for size in sizes}
    whole: dict[str, Any] = {}
    for size, one in found.items():
        whole["gas_per_paid_submission" if size == 32 else f"gas_per_paid_submission_{size}"] = one[
            "gas_per_paid_submission"
        ]
    setting = {
        "hardfork": "prague",
        "validators": VALIDATORS,
        "seats": SEATS,
        "uri_bytes": URI_BYTES,
        "warm_up": warm_up,
    }
    return {
        **whole,
        "target": TARGET,
        "sizes": {str(size): one for size, one in found.items()},
        "setting": setting,
        "peer": PEER,
    }


def table(whole: dict[str, Any]) -> str:
    """Return the report for people."""
    steps = ["submit", "seal", "commit", "reveal", "attest", "finalize", "claim"]
    lines = ["submissions " + "".join(f"{step:>10}" for step in steps) + f"{'all':>10}{'paid':>8}"]
    for size, one in whole["sizes"].items():
        split = "".join(f"{one['split_per_paid_submission'][step]:>10,}" for step in steps)
        lines.append(f"{size:>11} {split}{one['gas_per_paid_submission']:>10,}{one['paid_per_round']:>8.1f}")
    peer = whole["peer"]
    lines.append(f"gas per paid submission; target at 32: at most {whole['target']:,}")
    lines.append(f"peer: {peer['submission']:,} for a bare submission, about {peer['claim']:,} for its claim")
    return "\n".join(lines)


def main() -> int:
    """Print the figures; exit 1 when the one at 32 misses its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--sizes", default="8,32,256", help="submissions per round, separated by commas")
    parser.add_argument("--warm-up", type=int, default=WARM_UP)
    parser.add_argument("--rounds", type=int, default=None, help="measured rounds")
    parser.add_argument("--anvil", default="", help="more options for Anvil")
    given = parser.parse_args()
    begun = time.monotonic()
    try:
        sizes = [int(size) for size in given.sizes.split(",")]
        whole = report(sizes, given.warm_up, given.rounds, tuple(given.anvil.split()))
    except AssayError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    whole["seconds"] = round(time.monotonic() - begun, 1)
    print(json.dumps(whole, indent=2) if given.json else table(whole))
    return int(whole.get("gas_per_paid_submission", 0) > TARGET)


if __name__ == "__main__":
    sys.exit(main())
