#!/usr/bin/env python3
"""Changes the contracts in small ways and counts how many of the changes the forge tests notice.

    scripts/mutate.py --sample 30                       # 30 mutants a file; those measured before aren't run again
    scripts/mutate.py --file contracts/StakeVault.sol   # all mutants of one file
    scripts/mutate.py --list --file ...                 # only names them

Works on a copy under build/audit. All mutants are compiled at once and one is switched on per run of the tests (see
audit/schemata.py). Results are kept in build/audit/mutants.json: --minutes ends a run early and the next goes on.
When contracts or tests change, what survived is measured again; a kill is kept while its file and the test that
noticed it are there (--fresh forgets all). Survivors that change nothing a test could see belong into
tests/solidity/mutants.toml, each with a reason.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import subprocess
import sys
import time
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

from audit import schemata, tree
from audit.operators import Mutant, constants_of, mutants
from audit.solidity import Source, parse

RESULTS = tree.ROOT / "build/audit/mutants.json"
BASELINE = tree.ROOT / "build/audit/baseline.json"
EQUIVALENT = tree.ROOT / "tests/solidity/mutants.toml"
NOT_COMPILED = "does not compile"
TIME_LIMIT = "time limit"
SLOW = 1.5  # seconds after which a suite runs only against mutants that the others leave alive


class Runner:
    """Runs the tests against one mutant after another."""

    def __init__(self, root: Path, jobs: int, limit: float) -> None:
        self.root, self.jobs, self.limit = root, jobs, limit
        self.skip: list[str] = []
        self.stages: list[list[str]] = []

    def baseline(self) -> None:
        """Finds the tests that fail without any mutant (they measure size or gas), and the slow suites."""
        kept = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
        if kept.get("digest") == _digest():
            self.skip, self.stages = kept["skip"], kept["stages"]
            return
        self._find_baseline()
        BASELINE.write_text(json.dumps({"digest": _digest(), "skip": self.skip, "stages": self.stages}))

    def _find_baseline(self) -> None:
        tests = tree.outcomes(self._forge(0, ["--json"], 1200))
        broken = sorted({t.test for t in tests if not t.passed})
        if len(broken) > len(tests) // 10:
            raise tree.ForgeError(f"{len(broken)} of {len(tests)} tests fail without a mutant: {broken[:5]}")
        for test in broken:
            print(f"not used, fails on the copy without a mutant: {test}")
        self.skip = ["--no-match-test", f"^({'|'.join(broken)})(\\(|$)"] if broken else []
        seconds: Counter[str] = Counter()
        for t in tests:
            seconds[t.suite.split(":")[-1]] += t.seconds  # type: ignore[assignment]
        slow = "|".join(re.escape(name) for name, took in seconds.items() if took > SLOW)
        self.stages = [["--no-match-contract", f"^({slow})$"], ["--match-contract", f"^({slow})$"]] if slow else [[]]

    def killer(self, number: int) -> str:
        """The test that notices the mutant, or an empty text."""
        for stage in self.stages:
            try:
                done = self._forge(number, ["--fail-fast", *stage, *self.skip], self.limit)
            except subprocess.TimeoutExpired:
                return TIME_LIMIT
            if done.returncode != 0:
                failed = re.findall(r"^\[FAIL.*?\] (\w+)\(", done.stdout, re.M)
                if not failed:
                    raise tree.ForgeError((done.stdout + done.stderr)[-4000:])
                return str(failed[0])
        return ""

    def _forge(self, number: int, args: list[str], limit: float) -> subprocess.CompletedProcess[str]:
        env = {"FOUNDRY_BLOCK_COINBASE": schemata.coinbase(number)}
        return tree.forge(self.root, "test", "--threads", str(self.jobs), *args, limit=limit, env=env)


def main() -> int:
    args = _arguments()
    sources = parse(tree.ROOT)
    equivalent = _equivalent()
    chosen = _chosen(args, sources)
    keys = {m.key(sources[m.path]): m for m in chosen}
    stale = sorted(set(equivalent) - {m.key(s) for s in sources.values() for m in mutants(s, constants_of(sources))})
    for key in stale:
        print(f"mutants.toml names a mutant that isn't there any more: {key}")
    keys = {key: m for key, m in keys.items() if key not in equivalent}
    if args.list:
        print("\n".join(keys))
        return 0
    results = {} if args.fresh else _results(sources)
    todo = {number: key for number, key in enumerate(keys, 1) if key not in results}
    if todo:
        # what is measured already is compiled along: so the next run finds the same code compiled
        numbered = {n: m for n, (k, m) in enumerate(keys.items(), 1) if results.get(k) != NOT_COMPILED}
        _measure(args, sources, numbered, todo, results)
    return _report(args, sources, keys, results)


def _measure(
    args: argparse.Namespace,
    sources: dict[str, Source],
    numbered: dict[int, Mutant],
    todo: dict[int, str],
    results: dict[str, str],
) -> None:
    until = time.monotonic() + 60 * args.minutes
    started = time.monotonic()
    root = tree.copy("mutate", fuzz=args.fuzz, invariant=args.invariant, depth=args.depth)
    alive = schemata.build(root, sources, numbered)
    for number in sorted(set(todo) - set(alive)):
        results[todo[number]] = NOT_COMPILED
    runner = Runner(root, args.jobs, args.limit)
    runner.baseline()
    print(f"{len(alive)} mutants were ready after {time.monotonic() - started:.0f} s", flush=True)
    for number, key in todo.items():
        if time.monotonic() > until:
            break
        if number in alive:
            results[key] = runner.killer(number)
            _keep(sources, results)
    _keep(sources, results)


def _report(
    args: argparse.Namespace, sources: dict[str, Source], keys: dict[str, Mutant], results: dict[str, str]
) -> int:
    known = {k: results[k] for k in keys if k in results and results[k] != NOT_COMPILED}
    survivors = [k for k, killer in known.items() if not killer]
    for key in survivors:
        print(_diff(sources[keys[key].path], keys[key], key))
    files = Counter(keys[k].path for k in known)
    for path, count in sorted(files.items()):
        killed = count - sum(keys[k].path == path for k in survivors)
        print(f"{path:44} {killed:4}/{count:<4} {100 * killed / count:6.1f} %")
    score = 100 * (len(known) - len(survivors)) / len(known) if known else 0.0
    waiting = sum(k not in results for k in keys)
    print(f"{'all':44} {len(known) - len(survivors):4}/{len(known):<4} {score:6.1f} %   not measured yet: {waiting}")
    if args.json:
        record = {"score": round(score, 2), "mutants": len(known), "waiting": waiting, "survivors": survivors}
        args.json.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    if waiting:
        print("mutate: call again to go on", file=sys.stderr)
        return 2
    return 0 if score >= args.required else 1


def _diff(source: Source, mutant: Mutant, key: str) -> str:
    """The line as it is and as the mutant has it, and the entry for mutants.toml."""
    start = source.text.rfind(b"\n", 0, mutant.start) + 1
    end = source.text.index(b"\n", mutant.end)
    old = source.cut(start, end)
    new = source.cut(start, mutant.start) + mutant.text + source.cut(mutant.end, end)
    shown = [f"{sign} {line}" for sign, text in (("-", old), ("+", new)) for line in text.splitlines() or [""]]
    head = f"{mutant.path}:{source.line(mutant.start)}: survived: {mutant.operator}"
    return "\n".join([head, *shown, f"  mutant = {json.dumps(key, ensure_ascii=False)}", ""])


def _chosen(args: argparse.Namespace, sources: dict[str, Source]) -> list[Mutant]:
    """The mutants of the wanted files; of each file at most a sample, the same for the same seed and code."""
    constants = constants_of(sources)
    chosen: list[Mutant] = []
    for path, source in sorted(sources.items()):
        if args.file and not any(path.endswith(f) for f in args.file):
            continue
        found = mutants(source, constants)
        if args.sample and len(found) > args.sample:
            found = random.Random(f"{args.seed}{path}").sample(found, args.sample)  # noqa: S311
        chosen += found
    return chosen


@cache
def _digest() -> str:
    """Of all that decides a mutant's fate."""
    files = [
        p for f in ("contracts", "tests/solidity", "tests/vectors") for p in (tree.ROOT / f).rglob("*") if p.is_file()
    ]
    wanted = sorted(p for p in files if p != EQUIVALENT)
    return hashlib.sha256(b"".join(str(p).encode() + p.read_bytes() for p in wanted)).hexdigest()


def _results(sources: dict[str, Source]) -> dict[str, str]:
    """What is still known: all while nothing changed, else kills by tests that are there, in files as they were."""
    if not RESULTS.exists():
        return {}
    kept: dict[str, Any] = json.loads(RESULTS.read_text())
    results: dict[str, str] = kept["results"]
    if kept["digest"] == _digest():
        return results
    files = _digests(sources)
    same = {path for path, digest in kept["files"].items() if files.get(path) == digest}
    tests = "".join(p.read_text() for p in (tree.ROOT / "tests/solidity").glob("*.sol"))
    there = set(re.findall(r"\bfunction (\w+)", tests)) | {NOT_COMPILED, TIME_LIMIT}
    return {key: killer for key, killer in results.items() if key.split(" | ")[0] in same and killer in there}


def _keep(sources: dict[str, Source], results: dict[str, str]) -> None:
    kept = {"digest": _digest(), "files": _digests(sources), "results": results}
    RESULTS.write_text(json.dumps(kept, indent=0, ensure_ascii=False))


def _digests(sources: dict[str, Source]) -> dict[str, str]:
    return {path: hashlib.sha256(source.text).hexdigest() for path, source in sources.items()}


def _equivalent() -> dict[str, str]:
    if not EQUIVALENT.exists():
        return {}
    entries = tomllib.loads(EQUIVALENT.read_text()).get("equivalent", [])
    if any(not e.get("reason", "").strip() for e in entries):
        raise SystemExit("mutants.toml: every entry needs a reason")
    return {e["mutant"]: e["reason"] for e in entries}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=0, help="mutants a file at most; 0 for all")
    parser.add_argument("--file", action="append", help="end of a path; may be repeated")
    parser.add_argument("--seed", default="0x41")
    parser.add_argument("--jobs", type=int, default=1, help="forge's threads")
    parser.add_argument("--minutes", type=float, default=1e6, help="stop measuring after these")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for the tests of one mutant")
    parser.add_argument("--fuzz", type=int, default=16)
    parser.add_argument("--invariant", type=int, default=2)
    parser.add_argument("--depth", type=int, default=32)
    parser.add_argument("--required", type=float, default=90.0, help="per cent of mutants that must be killed")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--fresh", action="store_true", help="forget what was measured before")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
