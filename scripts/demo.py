#!/usr/bin/env python3
"""The main job: publish a task on a local chain, train it with three trainers of which one cheats, check, pay, and
add up. On the way good work is refused and paid after a challenge, and a validator that doesn't look is caught.

Starts Anvil with 1-second blocks, one initiator, three trainers and four validators, each its own process, key and
database; shows each round as it becomes final; ends everything it started; exits 0 only if every claim held. All
folders are under build/demo.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from assay.errors import AssayError
from assay.roles.trainer import FAULTS
from demo_claims import Claims
from demo_plot import Plot
from demo_view import View
from demo_world import World

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run the demo and return its exit code."""
    args = _arguments()
    began = time.monotonic()
    view = View(as_json=args.json)
    try:
        plot = Plot(args.rounds, args.fault, args.fault_from, args.plain)
        with World(ROOT, plot, args.patience) as world:
            view.note(f"logs and records: {world.folder.relative_to(ROOT)}")
            claims = Claims(world, args.min_gain)
            _follow(world, claims, view)
            claims.settle()
            view.payouts(claims.payouts())
            result = claims.result(time.monotonic() - began)
    except AssayError as error:
        print(f"demo failed: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("demo stopped", file=sys.stderr)
        return 130
    view.result(result)
    return 0 if result.ok else 1


def _follow(world: World, claims: Claims, view: View) -> None:
    """Show the base model's row, then each round's when it is final and its checkpoint measured."""
    for number in range(world.spec.rounds.count + 1):
        deadline = time.monotonic() + (120 if number == 0 else 3 * world.spec.rounds.period)
        while (row := claims.row(number)) is None:
            world.go_on()
            view.news(claims.news())
            view.wait(world.progress())
            if time.monotonic() > deadline:
                raise world.stuck(number)
            time.sleep(0.5)
        view.row(row)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], epilog="example: scripts/demo.py --fault silent"
    )
    parser.add_argument("--fault", choices=FAULTS, default="model", help="how trainer-3 cheats (default: model)")
    parser.add_argument(
        "--fault-from", type=int, default=2, metavar="ROUND", help="first round it cheats in (default: 2)"
    )
    parser.add_argument("--rounds", type=int, default=6, help="rounds to run (default: 6; the claims are made for 6)")
    parser.add_argument(
        "--patience",
        type=int,
        default=0,
        metavar="SECONDS",
        help="longer work and checking in each round, for slow machines",
    )
    parser.add_argument("--min-gain", type=float, default=0.08, help="rise of the reward to ask for (default: 0.08)")
    parser.add_argument("--plain", action="store_true", help="without the wrong refusal and the lazy validator")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end instead of tables")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
