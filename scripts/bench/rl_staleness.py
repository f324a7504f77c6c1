"""Does training lose by asynchrony? The reward after equally many rounds when all checkpoints used are s rounds older.

Every trainer's submission of round r starts from checkpoint r − 1 − s and is merged into checkpoint r, for s of 0, 1,
2 and 4: the whole update, rollouts and inner steps, is s rounds behind what it is added to. What is real and what is
virtual: `rl_rounds`. Settings are the same for every s; a seed fixes beacons, hence prompts and sampling noise, and
runs of one seed are compared. Learning isn't over at the end, so that a loss of speed would show.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from rl_kept import kept, paired, spread
from rl_rounds import Rounds, Setting, Told, Trainer, task

STALENESS = (0, 1, 2, 4)
SEEDS, TRAINERS = 5, 2
SETTING = Setting(rounds=16)
ALLOWED = {1: 0.02, 2: 0.02, 4: 0.05}


def measure(quick: bool, seeds: int = SEEDS) -> dict[str, Any]:
    """Return reward_by_staleness; `quick` runs one seed of four rounds, which shows that it runs and nothing else."""
    setting, seeds = (replace(SETTING, rounds=4), 1) if quick else (SETTING, seeds)
    runs = {(s, seed): _run(setting, s, seed) for seed in range(seeds) for s in STALENESS}  # seed by seed
    final = {s: [runs[s, seed].rewards[-1] for seed in range(seeds)] for s in STALENESS}
    rows = {str(s): _row(s, final[s], final[0]) for s in STALENESS}
    base = runs[0, 0].rewards[0]
    for row in rows.values():  # stricter than the ratio of rewards, which holds what the base could do before
        row["gain_ratio"] = (row["mean"] - base) / (rows["0"]["mean"] - base)
    told = {"seeds": seeds, "trainers": TRAINERS, "setting": asdict(setting), "base_reward": base, "of": rows}
    curves = {s: zip(*(runs[s, seed].rewards for seed in range(seeds)), strict=True) for s in STALENESS}
    told["curves"] = {str(s): [fmean(point) for point in points] for s, points in curves.items()}
    told["holds"] = all(rows[str(s)]["holds"] for s in ALLOWED)
    return {"reward_by_staleness": told}


def _row(s: int, final: list[float], fresh: list[float]) -> dict[str, Any]:
    row: dict[str, Any] = {"rewards": final, **spread(final)}
    if s == 0:
        return row
    row["ratio"] = row["mean"] / spread(fresh)["mean"]
    row["difference"] = paired(final, fresh)
    row["within_share"] = row["ratio"] >= 1 - ALLOWED[s]
    between = row["difference"]["interval"]
    row["within_interval"] = between is not None and between[0] <= 0 <= between[1]
    row["holds"] = row["within_share"] or row["within_interval"]
    return row


def _run(setting: Setting, s: int, seed: int) -> Told:
    def run() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as room:
            spec = task(Path(room), setting)
            return (
                Rounds(Path(room), spec, seed).run([Trainer(n, s) for n in range(TRAINERS)], setting.rounds).to_json()
            )

    named = {"part": "staleness", "variant": s, "seed": seed, "trainers": TRAINERS, **asdict(setting)}
    return Told.from_json(kept(named, run))
