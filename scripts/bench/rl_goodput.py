"""What do honest trainers lose to dishonest ones? Ten trainers, three of them cheat in every round.

The cheats are those of `train.faults`, another one by trainer and round. Every submission is checked by
`verify.check.check_submission` under the shipped profile of the built-in model, from openings that its trainer makes,
with what the plan draws and what earlier audits of that trainer came to; only what passes is merged. The same beacons
are run with the seven honest ones alone. Nobody is slashed: a cheat goes on, the worst case. What else is virtual:
`rl_rounds`.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from rl_kept import kept, spread
from rl_rounds import Rounds, Setting, Told, Trainer, task

from assay.train.faults import FAULTS

HONEST, CHEATS, SEEDS = 7, 3, 3
SETTING = Setting(rounds=4, digits=6, warm_up=80, groups=64, drawn=16, max_loss_rise=0.2)


def measure(quick: bool, seeds: int = SEEDS) -> dict[str, Any]:
    """Return goodput_ratio: reward gained per honest token, over that of the honest alone; `quick`: one seed, one
    round."""
    setting, seeds = (replace(SETTING, rounds=1), 1) if quick else (SETTING, seeds)
    honest = [Trainer(number) for number in range(HONEST)]
    both, alone = list[Told](), list[Told]()
    for seed in range(seeds):
        cheats = [Trainer(HONEST + k, faults=_faults(seed + k)) for k in range(CHEATS)]
        both.append(_run(setting, "with cheats", [*honest, *cheats], seed))
        alone.append(_run(setting, "honest only", honest, seed))
    with_cheats, without = _per_token(both, honest), _per_token(alone, honest)
    return {
        "goodput_ratio": with_cheats / without,
        "goodput": {
            "seeds": seeds,
            "setting": asdict(setting),
            "gain_per_million_honest_tokens": [with_cheats * 1e6, without * 1e6],
            "gain": spread([run.gain for run in both]),
            "gain_honest_only": spread([run.gain for run in alone]),
            "same_curve": sum(a.rewards == b.rewards for a, b in zip(both, alone, strict=True)),
            "honest": dict(sum((run.honest for run in both), Counter[str]())),
            "honest_only": dict(sum((run.honest for run in alone), Counter[str]())),
            "cheats": dict(sum((run.cheats for run in both), Counter[str]())),
        },
    }


def _faults(start: int) -> tuple[str, ...]:
    return tuple(FAULTS[(start + k) % len(FAULTS)] for k in range(len(FAULTS)))


def _per_token(runs: Sequence[Told], honest: Sequence[Trainer]) -> float:
    return sum(run.gain for run in runs) / sum(run.made[one.address] for run in runs for one in honest)


def _run(setting: Setting, variant: str, trainers: Sequence[Trainer], seed: int) -> Told:
    def run() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as room:
            rounds = Rounds(Path(room), task(Path(room), setting), seed, checked=True)
            return rounds.run(trainers, setting.rounds).to_json()

    named = {"part": "goodput", "variant": variant, "seed": seed, "trainers": [asdict(one) for one in trainers]}
    return Told.from_json(kept({**named, **asdict(setting)}, run))
