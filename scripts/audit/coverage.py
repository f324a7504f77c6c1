"""Lines, functions and branches of `contracts/` that the forge tests reach; fails below what is required.

`forge coverage` can't tell it here: without the IR pipeline the contracts don't compile, and with it the hits of
`require`, of one-line functions and of assembly get lost. So the tests run on a copy with probes, compiled as the
contracts are. What the probes can't see (branches inside assembly) is printed. A test that measures gas or size may
fail on the copy; that is printed and changes nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from audit import tree
from audit.probes import Instrumented, Probe, instrument, mark_name
from audit.solidity import parse


@dataclass
class Tally:
    """What was reached of one file. A line counts as reached when all that starts on it was."""

    lines: dict[int, bool] = field(default_factory=dict)
    branches: list[tuple[Probe, bool]] = field(default_factory=list)
    missed: list[Probe] = field(default_factory=list)

    def add(self, probe: Probe, hit: bool) -> None:
        if probe.is_branch:
            self.branches.append((probe, hit))
        else:
            self.lines[probe.line] = self.lines.get(probe.line, True) and hit
        if not hit:
            self.missed.append(probe)


def main() -> int:
    args = _arguments()
    root = tree.copy("coverage", fuzz=args.fuzz, invariant=args.invariant, depth=args.depth)
    plan = instrument(parse(root))
    for path, text in plan.texts.items():
        (root / path).write_text(text)
    tests = tree.outcomes(tree.forge(root, "test", "--json", limit=args.limit))
    tallies = tally(plan, root)
    for test in tests:
        if not test.passed:
            print(f"failed on the copy: {test.suite}:{test.test}: {test.reason}")
    _print(tallies, plan)
    if args.json:
        args.json.write_text(json.dumps(_record(tallies), indent=1) + "\n")
    lines, branches = totals(tallies)
    if min(lines, branches) < args.required:
        print(f"coverage: below {args.required:g} %", file=sys.stderr)
        return 1
    return 0


def tally(plan: Instrumented, root: Path) -> dict[str, Tally]:
    tallies: dict[str, Tally] = defaultdict(Tally)
    for number, probe in plan.probes.items():
        tallies[probe.path].add(probe, (root / mark_name(number)).is_dir())
    return dict(sorted(tallies.items()))


def totals(tallies: dict[str, Tally]) -> tuple[float, float]:
    """Per cent of lines and of branches."""
    lines = [hit for t in tallies.values() for hit in t.lines.values()]
    branches = [hit for t in tallies.values() for _, hit in t.branches]
    return _percent(lines), _percent(branches)


def _percent(hits: list[bool]) -> float:
    return 100 * sum(hits) / len(hits) if hits else 100.0


def _print(tallies: dict[str, Tally], plan: Instrumented) -> None:
    for path, t in tallies.items():
        for probe in sorted(t.missed, key=lambda p: p.line):
            print(f"{path}:{probe.line}: {probe.branch or 'not reached'}: {probe.code}")
    print(f"{'':44} {'lines':>16} {'branches':>16}")
    for path, t in tallies.items():
        print(_row(path, list(t.lines.values()), [hit for _, hit in t.branches]))
    print(
        _row(
            "all",
            [hit for t in tallies.values() for hit in t.lines.values()],
            [hit for t in tallies.values() for _, hit in t.branches],
        )
    )
    for path, count in plan.unseen.items():
        if count:
            print(f"{path}: {count} branches inside assembly are not measured")


def _row(name: str, lines: list[bool], branches: list[bool]) -> str:
    cells = (f"{sum(x)}/{len(x)} {_percent(x):6.2f}" for x in (lines, branches))
    return f"{name:44} " + " ".join(f"{cell:>16}" for cell in cells)


def _record(tallies: dict[str, Tally]) -> dict[str, object]:
    lines, branches = totals(tallies)
    missed = [f"{p.path}:{p.line}: {p.branch or 'not reached'}: {p.code}" for t in tallies.values() for p in t.missed]
    return {"lines": round(lines, 2), "branches": round(branches, 2), "missed": missed}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--required", type=float, default=100.0, help="per cent of lines and of branches")
    parser.add_argument("--fuzz", type=int, default=16, help="runs of a fuzz test")
    parser.add_argument("--invariant", type=int, default=4, help="runs of an invariant")
    parser.add_argument("--depth", type=int, default=64, help="calls in a run of an invariant")
    parser.add_argument("--limit", type=float, default=3600.0, help="seconds for compiling and testing")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
