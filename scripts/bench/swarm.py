"""The swarm in figures: the bench of issue 6, all on loopback, every node a process of its own.

    python scripts/bench/swarm.py --json                     everything
    python scripts/bench/swarm.py --quick                    small files, one run: it runs, the figures mean nothing
    python scripts/bench/swarm.py --part speed --part idle

Files lie in memory (/dev/shm). Stock shardcast 0.3.2 and curl run in the same run where they are compared. Rates are
limited by the nodes themselves. MB are 10⁶ bytes.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import parts

PARTS = ("speed", "faults", "peers", "idle", "news", "delta", "fuzz")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="little of everything, at most a few minutes")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this; may be given again")
    parser.add_argument("--out", type=Path, help="also write the JSON here; other parts' figures in it stay")
    options = parser.parse_args()
    found = parts.measured("swarm", options.part or PARTS, options.quick, options.out)
    if options.json:
        print(json.dumps(found))
    else:
        show(found)
    return 0


def show(found: dict[str, Any]) -> None:
    """Print one figure a line."""
    for name, value in found.items():
        if not isinstance(value, dict):
            print(f"{name:28} {value:.4f}" if isinstance(value, float) else f"{name:28} {value}")


if __name__ == "__main__":
    sys.exit(main())
