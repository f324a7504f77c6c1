"""Mutate what strangers send, 100,000 times: readers may refuse it and do nothing else, within 1 s and 200 MB.

    python scripts/fuzz.py [--cases 100000] [--seed 0] [--workers 2] [--each 20] [--json]
    python scripts/fuzz.py --case "rollouts:1234" [--seed 0]       # one case again, here, with its traceback

Proofs, rollouts, updates, weights, checkpoints, submissions, openings, evidence, manifests, traces, profiles and task
specs. Cases run in children of the product's own sandbox, under its limits, twenty to a child; where a child dies, each
of its cases in one of its own. Time is CPU time of the reading, memory the peak of the whole child. Exit 1 if a case
crashed, raised anything but Refused, was refused though valid, or took too much.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import fuzz_targets
from assay.artifact.sandbox import Sandbox
from assay.errors import AssayError

MEMORY, SECONDS, WAIT = 200_000_000, 1.0, 120.0


@dataclass
class Tally:
    """What became of one target's cases; faults are [number, words]."""

    cases: int = 0
    accepted: int = 0
    refused: int = 0
    seconds: float = 0.0
    wall: float = 0.0
    bytes: int = 0
    faults: list[tuple[int, str]] = field(default_factory=list)

    def add(self, number: int, case: list[Any]) -> None:
        outcome, cpu, wall, peak, words = case
        self.cases += 1
        self.accepted += outcome == "accepted"
        self.refused += outcome == "refused"
        self.seconds, self.wall, self.bytes = max(self.seconds, cpu), max(self.wall, wall), max(self.bytes, peak)
        if outcome == "fault":
            self.faults.append((number, words))
        elif cpu > SECONDS or peak > MEMORY:
            self.faults.append((number, f"took {cpu:.2f} s and {peak / 1e6:.0f} MB"))


def fuzz(cases: int, seed: int = 0, workers: int = 1, each: int = 1) -> dict[str, Tally]:
    """Run so many cases over all targets and return what became of them."""
    tallies = {name: Tally() for name in fuzz_targets.TARGETS}
    with Sandbox(("fuzz_targets",)) as sandbox, ThreadPoolExecutor(workers) as pool:
        jobs = list(_jobs(cases, each))
        done = pool.map(lambda job: _job(sandbox, seed, *job), jobs)
        for (name, first, _), found in zip(jobs, done, strict=True):
            for place, case in enumerate(found):
                tallies[name].add(first + place, case)
    return tallies


def _jobs(cases: int, each: int) -> Iterator[tuple[str, int, int]]:
    count = len(fuzz_targets.TARGETS)
    for place, name in enumerate(fuzz_targets.TARGETS):
        total = cases // count + (place < cases % count)
        for first in range(0, total, each):
            yield name, first, min(total, first + each)


def _job(sandbox: Sandbox, seed: int, name: str, first: int, last: int) -> list[list[Any]]:
    args = {"target": name, "seed": seed, "first": first, "last": last}
    try:
        found: list[list[Any]] = sandbox.run("fuzz_targets:run", args, MEMORY, WAIT)["cases"]
    except AssayError as error:
        if last - first > 1:
            return [case for n in range(first, last) for case in _job(sandbox, seed, name, n, n + 1)]
        return [["fault", 0.0, 0.0, 0, f"the child didn't answer: {error}"]]
    return found


def table(tallies: dict[str, Tally], seconds: float) -> str:
    """Return the figures for people, faults after them."""
    counted = f"{'cases':>8}{'accepted':>10}{'refused':>9}{'faults':>8}"
    lines = [f"{'target':<16}{counted}{'CPU max':>10}{'wall max':>10}{'peak':>9}"]
    for name, tally in tallies.items():
        counts = f"{tally.cases:>8}{tally.accepted:>10}{tally.refused:>9}{len(tally.faults):>8}"
        lines.append(f"{name:<16}{counts}{tally.seconds:>8.3f} s{tally.wall:>8.3f} s{tally.bytes / 1e6:>6.0f} MB")
    lines.append(f"{sum(tally.cases for tally in tallies.values())} cases in {seconds:.0f} s")
    for name, tally in tallies.items():
        lines += [f'\n--case "{name}:{number}"\n{words}' for number, words in tally.faults[:5]]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--each", type=int, default=20, help="cases that share a child")
    parser.add_argument("--case", help="TARGET:NUMBER of one case to run here")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args()
    if options.case:
        name, number = options.case.rsplit(":", 1)
        print(fuzz_targets.make(name, options.seed, int(number)))
        asked = {"target": name, "seed": options.seed, "first": int(number), "last": int(number) + 1}
        (case,) = fuzz_targets.run(asked)["cases"]
        print(*case)
        return int(case[0] == "fault")
    start = time.monotonic()
    tallies = fuzz(options.cases, options.seed, options.workers, options.each)
    seconds = time.monotonic() - start
    if options.json:
        print(json.dumps({"seconds": seconds, "targets": {name: asdict(tally) for name, tally in tallies.items()}}))
    else:
        print(table(tallies, seconds))
    return int(any(tally.faults for tally in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
