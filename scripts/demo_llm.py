#!/usr/bin/env python3
"""A language model learns sums on a local chain: SmolLM2-135M with a LoRA adapter, reasoning-gym's chain_sum, two
trainers and two validators, each a process with its own key, paid at the end.

The base and the last checkpoint answer the same held-out questions, which nobody trains on, with the same prompt and
parser. May be stopped or killed and started again: it goes on where it stood. Everything is under build/demo-llm, the
result in its result.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from assay.errors import AssayError
from assay.types import Outcome
from demo_llm_world import TASK, TOKEN, World

ROOT = Path(__file__).resolve().parent.parent
HELD_OUT = 192
MIN_GAIN, MIN_ROUNDS = 0.20, 8


def main() -> int:
    """Run the demo and return its exit code."""
    args = _arguments()
    console = Console(stderr=args.json, highlight=False)
    try:
        with World(ROOT, args.fresh, args.rounds) as world:
            console.print(f"logs and records: {world.folder.relative_to(ROOT)}")
            _follow(world, console)
            result = _result(world, console)
    except AssayError as error:
        print(f"demo failed: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("demo stopped; the same command goes on with it", file=sys.stderr)
        return 130
    if args.json:
        print(json.dumps(result, indent=1))
    (ROOT / "build" / "demo-llm" / "result.json").write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
    for failure in result["failures"]:
        console.print(f"FAILED: {failure}")
    word = "OK" if not result["failures"] else "NOT OK"
    console.print(
        f"{word}: {result['base']:.3f} → {result['last']:.3f} on {result['items']} held-out questions,"
        f" {result['rounds']} rounds, {result['honest_refused']} honest refused ({_clock(result['seconds'])})"
    )
    return 0 if not result["failures"] else 1


def _follow(world: World, console: Console) -> None:
    """Show each round when it is final and its checkpoint measured."""
    shown = world.folder / "seconds"
    before, began = float(shown.read_text()) if shown.exists() else 0.0, time.monotonic()
    for number in range(world.spec.rounds.count + 1):
        with console.status("") as status:
            while (line := _row(world, number)) is None:
                world.nodes.check_alive()
                status.update(world.progress())
                shown.write_text(str(before + time.monotonic() - began))
                time.sleep(1)
        console.print(line)
    shown.write_text(str(before + time.monotonic() - began))


def _row(world: World, number: int) -> str | None:
    world.follower.poll()
    measured = world.evaluation(number)
    if measured is None:
        return None
    said = f"reward {measured['reward']:.3f} on {measured['items']} held-out questions"
    if number == 0:
        return f"base      {said}"
    final, checkpoint = world.store.round(TASK, number), world.store.checkpoint(TASK, number)
    rows = world.store.submissions(TASK, number)
    if not rows and world.is_over(number):
        return f"round {number:<3} {said} · no work came in time"
    if final is None or checkpoint is None or not checkpoint.final:
        return None
    refused = [
        f"{world.names[row.trainer]}: {Outcome(row.outcome).name.lower()}"
        for row in rows
        if row.outcome and row.outcome != Outcome.PAID
    ]
    units = sum(row.units for row in rows if row.outcome == Outcome.PAID)
    paid = f"{units} tokens paid with {final.from_escrow / TOKEN:.2f}"
    return f"round {number:<3} {said} · {paid}{' · ' + ', '.join(refused) if refused else ''}"


def _result(world: World, console: Console) -> dict[str, Any]:
    """Measure base and last checkpoint on the same questions, and check every claim."""
    count = world.spec.rounds.count
    with console.status("measures the base and the last checkpoint on the same questions"):
        base, last = (_measure(world, number) for number in (0, count))
    of_round = {number: world.store.submissions(TASK, number) for number in range(1, count + 1)}
    rows = [row for found in of_round.values() for row in found]
    refused = [row for row in rows if row.outcome != Outcome.PAID]
    failures = [f"round {number}: no work came in time" for number, found in of_round.items() if not found]
    if last["reward"] - base["reward"] < MIN_GAIN:
        failures.append(
            f"the result is {last['reward'] - base['reward']:+.3f} over the base, {MIN_GAIN:+.2f} is asked for"
        )
    if count < MIN_ROUNDS:
        failures.append(f"{count} rounds, {MIN_ROUNDS} are asked for")
    failures += [f"round {row.round}: honest work of {world.names[row.trainer]} wasn't paid" for row in refused]
    return {
        "base": base["reward"],
        "last": last["reward"],
        "items": base["items"],
        "rounds": count,
        "submissions": len(rows),
        "honest_refused": len(refused),
        "curve": [(world.evaluation(number) or {}).get("reward") for number in range(count + 1)],
        "units": sum(row.units for row in rows),
        "seconds": round(float((world.folder / "seconds").read_text())),
        "machine": platform.processor() or platform.machine(),
        "failures": failures,
    }


def _measure(world: World, number: int) -> dict[str, Any]:
    task = world.store.task(TASK)
    root = world.spec.model.base if task is None or number == 0 else task.head_root
    folder = world.nodes.home / "nodes" / "initiator" / "artifacts" / root.hex()
    spec, out = world.folder / "task.toml", world.folder / f"eval-{number}.json"
    if not out.exists():
        words = ("--json", "eval", str(folder), "--spec", str(spec), "--items", str(HELD_OUT))
        part = out.with_suffix(".part")
        world.nodes.finish(world.nodes.command("initiator", *words, output=part), "eval", 1800)
        part.rename(out)
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog="example: scripts/demo_llm.py --fresh")
    parser.add_argument("--fresh", action="store_true", help="begin anew; default: go on with what there is")
    parser.add_argument("--rounds", type=int, help="rounds of a new task (default: the template's)")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
