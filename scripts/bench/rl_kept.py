"""Finished runs of a bench, a line of JSON each under build/bench, so that a cut bench goes on where it was.

A run is found again only under the same settings and the same code: the key covers every Python file of the product
and of the simulation. Beside them what is computed of the runs: differences paired by seed, with their intervals.
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "build" / "bench" / "rl.jsonl"
LAYERS = ("artifact", "model", "protocol", "train", "verify")
T_95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}


@cache
def code() -> str:
    """Return a digest of the code that runs depend on."""
    digest = hashlib.sha256((Path(__file__).parent / "rl_rounds.py").read_bytes())
    for layer in LAYERS:
        for path in sorted((ROOT / "py" / "assay" / layer).rglob("*")):
            if path.suffix in (".py", ".toml", ".json"):
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def kept(settings: dict[str, Any], run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return a run's result, from the file or made now; progress goes to standard error."""
    key = json.dumps({**settings, "code": code()}, sort_keys=True)
    for line in FILE.read_text().splitlines() if FILE.exists() else ():
        found: dict[str, Any] = json.loads(line)
        if found["key"] == key:
            result: dict[str, Any] = found["result"]
            return result
    result = run()
    FILE.parent.mkdir(parents=True, exist_ok=True)
    with FILE.open("a") as file:
        file.write(json.dumps({"key": key, "result": result}) + "\n")
    words = " ".join(f"{name} {settings[name]}" for name in ("part", "variant", "seed"))
    curve = " ".join(f"{reward:.3f}" for reward in result["rewards"])
    print(f"{words}: {curve}", file=sys.stderr, flush=True)
    return result


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return mean and sample standard deviation."""
    return {"mean": statistics.fmean(values), "sd": statistics.stdev(values) if len(values) > 1 else 0.0}


def paired(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, Any]:
    """Return the mean of ours − theirs, paired in order, and its 95 % interval by Student's t; one pair has none."""
    apart = [a - b for a, b in zip(ours, theirs, strict=True)]
    told = spread(apart)
    if len(apart) < 2:
        return {"mean": told["mean"], "interval": None}
    half = T_95[len(apart) - 1] * told["sd"] / math.sqrt(len(apart))
    return {"mean": told["mean"], "interval": [told["mean"] - half, told["mean"] + half]}
