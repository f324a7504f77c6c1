"""How good a checkpoint is: its mean reward on items that nobody trains on, decoded greedily.

Greedy, because the figure is then the same for everyone who holds the checkpoint; a sampled mean of 512 items would
move by about 0.02 with the dice. Knows nothing of rounds; the figure pays nobody.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from assay.artifact.weights import read_checkpoint
from assay.model import load
from assay.model.env import registry
from assay.model.env.base import Environment
from assay.model.load import CausalLM
from assay.model.reward import reward
from assay.protocol.spec import TaskSpec
from assay.train import engine


def evaluate(checkpoint_folder: Path, spec: TaskSpec, items: int = 512) -> float:
    """Return the mean greedy reward in [0, 1] of a checkpoint on `items` held-out items.

    Refused if the checkpoint is malformed, or if the environment doesn't fit; Unavailable if the disk fails.
    """
    checkpoint = read_checkpoint(checkpoint_folder, spec.rounds.max_artifact_bytes)
    near = checkpoint_folder.parent
    model = load.build(checkpoint.config, checkpoint.arrays, near)
    return held_out_reward(model, registry.bound(spec, near), items, spec.rollout.max_new_tokens)


def held_out_reward(model: CausalLM, env: Environment, items: int, max_new_tokens: int) -> float:
    """Return the mean greedy reward of a model on the environment's first `items` held-out seeds."""
    seeds = env.held_out(items)
    said = engine.greedy(model, [env.prompt(seed) for seed in seeds], max_new_tokens, env.eos)
    answers = zip(seeds, said.tokens, said.lengths, strict=True)
    return float(np.mean([reward(env, seed, row[:length].tolist()) for seed, row, length in answers]))
