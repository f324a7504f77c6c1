"""Does a slow trainer hold up the others, and is it paid for what it does?

Four trainers, one of them four times slower. By the protocol's rule (`protocol.pace`) it makes as many pieces of whole
steps as leave time to train on them, here a quarter of a submission. The same beacons are run with the three fast ones
alone. What is real and what is virtual: `rl_rounds`; a window is as long as a fast trainer needs for a whole
submission. In the first seed's run with the slow one every submission is checked.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from rl_kept import kept, paired, spread
from rl_rounds import Rounds, Setting, Told, Trainer, task

from assay.protocol.pace import Pace, goes_on, pieces
from assay.protocol.spec import TaskSpec

FAST, SLOWER, SEEDS = 3, 4, 5
SETTING = Setting(rounds=8, digits=6, warm_up=80)


def measure(quick: bool, seeds: int = SEEDS) -> dict[str, Any]:
    """Return slow_reward_ratio (gain of reward a round, with over without the slow one) and slow_units_ratio (its paid
    units over a quarter of a fast one's); `quick` runs one seed of three rounds."""
    setting, seeds = (replace(SETTING, rounds=3), 1) if quick else (SETTING, seeds)
    fast = [Trainer(number) for number in range(FAST)]
    with tempfile.TemporaryDirectory() as room:
        slow = Trainer(FAST, groups=fitting(task(Path(room), setting), SLOWER))
    both = [_run(setting, "with", [*fast, slow], seed) for seed in range(seeds)]
    alone = [_run(setting, "without", fast, seed) for seed in range(seeds)]
    gains, others = [run.gain for run in both], [run.gain for run in alone]
    units = fmean(run.paid[slow.address] for run in both)
    quarter = fmean(run.paid[one.address] for run in both for one in fast) / SLOWER
    last = [[run.rewards[-1] for run in runs] for runs in (both, alone)]
    return {
        "slow_reward_ratio": fmean(gains) / fmean(others),
        "slow_units_ratio": units / quarter,
        "slow": {
            "seeds": seeds,
            "setting": asdict(setting),
            "groups_of_the_slow": slow.groups,
            "gain_with": spread(gains),
            "gain_without": spread(others),
            "difference": paired(gains, others),
            "submissions": dict(sum((run.honest for run in both), Counter[str]())),
            "final_with": spread(last[0]),
            "final_without": spread(last[1]),
        },
    }


def fitting(spec: TaskSpec, slower: int) -> int:
    """Return how many groups a trainer makes, piece by piece, in the time in which one that is `slower` times as fast
    makes and trains on a whole submission."""
    own, made = Pace(rollouts=slower, training=slower), 0
    window = Pace(rollouts=1, training=1).seconds(0, spec.rollout.groups)
    for piece in pieces(spec):
        if not goes_on(own, made, len(piece), window - made * slower):
            break
        made = piece.stop
    return made


def _run(setting: Setting, variant: str, trainers: Sequence[Trainer], seed: int) -> Told:
    def run() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as room:
            rounds = Rounds(Path(room), task(Path(room), setting), seed, checked=variant == "with" and seed == 0)
            return rounds.run(trainers, setting.rounds).to_json()

    named = {"part": "slow", "variant": variant, "seed": seed, "trainers": [asdict(one) for one in trainers]}
    return Told.from_json(kept({**named, **asdict(setting)}, run))
