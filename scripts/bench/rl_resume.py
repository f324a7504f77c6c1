"""Kill a process that makes a submission, again while it resumes, and compare what comes out with an undisturbed one.

    python scripts/bench/rl_resume.py [--json] [--quick] [--points N] [--seed N]

A process of its own (SIGKILL, as a power cut) generates rollouts piece by piece, takes its inner steps and writes the
artifact, on the tiny model. It is killed at random moments of its whole duration; the next process is killed too, then
one more ends the work. `resume_bit_identical` counts those whose artifact root is the undisturbed one's.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

POINTS, QUICK = 20, 3
OPTIONS = {"digits": 6}
GROUPS, GROUP_SIZE, STEPS = 64, 8, 8
BEACON = b"\x07" * 32
BOUND: dict[str, Any] = {
    "chain_id": 31337, "ledger": "0x" + "01" * 20, "task": 1, "round": 1, "trainer": "0x" + "ab" * 20, "n": 0,
    "base": 0, "first_group": 0,
}  # fmt: skip
FORKS = multiprocessing.get_context("forkserver")


def measure(quick: bool = False, points: int | None = None, seed: int = 5) -> dict[str, Any]:
    """Return the figures: how many of so many killed submissions came out to the bit, and in what they were killed."""
    wanted = points or (QUICK if quick else POINTS)
    FORKS.set_forkserver_preload(["assay.train.export", "assay.train.base"])
    dice, killed, same = random.Random(seed), Counter[str](), 0  # noqa: S311 - moments, not secrets
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        _ended(_start(room, "base", _base))
        _ended(_start(room / "warm", "make", make))
        begin = time.monotonic()
        _ended(_start(room / "whole", "make", make))
        seconds, root = time.monotonic() - begin, (room / "whole" / "root").read_text()
        for point in range(wanted):
            place = room / f"killed-{point}"
            killed.update(_killed_twice(place, dice, seconds))
            _ended(_start(place, "make", make))
            same += (place / "root").read_text() == root
    return {
        "resume_bit_identical": same,
        "points": wanted,
        "kills": sum(killed.values()),
        "killed_in": dict(sorted(killed.items())),
        "seconds_undisturbed": round(seconds, 2),
    }


def _killed_twice(place: Path, dice: random.Random, seconds: float) -> list[str]:
    """Kill a process at a random moment, and the next one in what it has left to do; return what they were doing. If
    one ends before its moment, all begins anew.
    """
    while True:
        shutil.rmtree(place, ignore_errors=True)
        first = dice.uniform(0.0, seconds)
        stages = [_killed(place, first), _killed(place, dice.uniform(0.0, seconds - first))]
        if all(stages):
            return stages


def _killed(place: Path, after: float) -> str:
    """Start a process, kill it after so many seconds and return what it was doing; "" if it had ended."""
    process = _start(place, "make", make)
    process.join(after)
    stage = _stage(place)
    process.kill()
    process.join()
    return stage if process.exitcode == -signal.SIGKILL else ""


def _stage(place: Path) -> str:
    if (place / "states").is_dir():
        return "artifact" if (place / "states" / "last").is_dir() else "steps"
    return "rollouts" if (place / "pieces").is_dir() else "start"


def _start(place: Path, name: str, target: Any) -> BaseProcess:
    place.mkdir(exist_ok=True)
    process = FORKS.Process(target=target, args=(str(place),), name=name)
    process.start()
    return process


def _ended(process: BaseProcess) -> None:
    process.join()
    if process.exitcode != 0:
        raise RuntimeError(f"{process.name} ended with {process.exitcode}")


def _base(place: str) -> None:
    from assay.model import load
    from assay.train.base import make_base

    load.determinism(1)
    make_base("digits", OPTIONS, Path(place) / "base", steps=20)


def make(place: str) -> None:
    """Make the submission in `place`, from where an earlier process was; write its root at the end."""
    from assay.artifact.folder import open_artifact
    from assay.model import load
    from assay.model.env import registry
    from assay.protocol import templates
    from assay.train.export import train_submission

    load.determinism(1)
    room = Path(place)
    base = room.parent / "base"
    root = open_artifact(base, 1 << 30).root
    plain = templates.fill("digits", root, registry.environment_hash("digits", OPTIONS))
    spec = replace(
        plain,
        rollout=replace(plain.rollout, groups=GROUPS, group_size=GROUP_SIZE),
        inner=replace(plain.inner, steps=STEPS),
    )
    made = train_submission(
        base, spec, BOUND, BEACON, room / "submission", states=room / "states", pieces=room / "pieces"
    )
    (room / "root").write_text(made.root.hex())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--points", type=int)
    parser.add_argument("--seed", type=int, default=5)
    given = parser.parse_args()
    figures = measure(given.quick, given.points, given.seed)
    print(json.dumps(figures, indent=1) if given.json else "\n".join(f"{k:<24}{v}" for k, v in figures.items()))


if __name__ == "__main__":
    main()
