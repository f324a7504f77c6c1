"""Does a slow trainer hold up the others, and is it paid for what it does?

Four trainers, one of them four times slower. By the protocol's rule it makes as many whole multiples of `inner.steps`
groups as fit in its window: a quarter of a submission. The same beacons are run with the three fast ones alone. What is
real and what is virtual: `rl_rounds`; a window is as long as a fast trainer needs for a whole submission.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from rl_kept import kept, paired, spread
from rl_rounds import Rounds, Setting, Told, Trainer, task

FAST, SLOWER, SEEDS = 3, 4, 5
SETTING = Setting(rounds=8)


def measure(quick: bool) -> dict[str, Any]:
    """Return slow_reward_ratio (gain of reward a round, with over without the slow one) and slow_units_ratio (its paid
    units over a quarter of a fast one's); `quick` runs one seed of three rounds."""
    setting, seeds = (replace(SETTING, rounds=3), 1) if quick else (SETTING, SEEDS)
    fast = [Trainer(number) for number in range(FAST)]
    slow = Trainer(FAST, groups=fitting(setting.groups, setting.steps, SLOWER))
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
            "final_with": spread(last[0]),
            "final_without": spread(last[1]),
        },
    }


def fitting(groups: int, steps: int, slower: int) -> int:
    """Return how many groups a trainer makes while one `slower` times as fast makes `groups`: whole multiples of
    `steps`."""
    return groups // slower // steps * steps


def _run(setting: Setting, variant: str, trainers: Sequence[Trainer], seed: int) -> Told:
    def run() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as room:
            return Rounds(Path(room), task(Path(room), setting), seed).run(trainers, setting.rounds).to_json()

    named = {"part": "slow", "variant": variant, "seed": seed, "trainers": [asdict(one) for one in trainers]}
    return Told.from_json(kept({**named, **asdict(setting)}, run))
