"""Checkpoint 0: a tiny Llama after a few supervised steps, good enough that rewards differ and far from done.

The same seed gives the same weights on one kind of machine, at any thread count, and nearly the same reward on any:
0.70 for six digits by seed 0, the default; other seeds gave 0.55 to 0.92. Knows nothing of tasks or of money.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import torch

from assay.artifact.manifest import Manifest
from assay.artifact.weights import Checkpoint, write_checkpoint
from assay.errors import Refused
from assay.model import forward, llama, load, optimizer
from assay.model.env import registry
from assay.model.env.base import Environment
from assay.model.load import CausalLM
from assay.model.steps import Flat
from assay.protocol.fields import Option
from assay.train.engines import Progress

BATCH: Final = 64
RAMP: Final = 10
MAX_NORM: Final = 1.0
SETTINGS: Final = optimizer.AdamWSettings(lr=3e-3, beta1=0.9, beta2=0.99, epsilon=1e-8, weight_decay=0.0)


def make_base(
    env_name: str,
    options: Mapping[str, Option],
    out: Path,
    steps: int = 80,
    seed: int = 0,
    progress: Progress | None = None,
) -> Manifest:
    """Train checkpoint 0 of a built-in environment and write it to the folder `out`; return its manifest.

    `progress("warm-up", share)` is called after each step. Refused if environment or options are unknown, or steps
    is negative; Unavailable if the disk fails.
    """
    if steps < 0:
        raise Refused("a base can't have a negative number of warm-up steps")
    env = registry.get(env_name, options)
    config = llama.config_for(env.vocab_size)
    with load.one_thread():
        model = warm_up(env, config, steps, seed, progress)
    return write_checkpoint(out, Checkpoint(load.arrays_of(model), None, config))


def warm_up(
    env: Environment, config: dict[str, object], steps: int, seed: int, progress: Progress | None = None
) -> CausalLM:
    """Return the described model after `steps` supervised steps of 64 training items, weights and items by `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = load.blank(config)
    rng = np.random.Generator(np.random.PCG64(seed))
    flat = Flat(model)
    state = optimizer.AdamWState.zero(flat.theta.size)
    for number in range(1, steps + 1):
        flat.gradient.fill(0.0)
        _backward(model, env, [int(item) for item in rng.integers(0, env.training_seeds, BATCH)])
        optimizer.clip(flat.gradient, MAX_NORM)
        settings = optimizer.AdamWSettings(
            lr=SETTINGS.lr * min(1.0, number / RAMP),
            beta1=SETTINGS.beta1,
            beta2=SETTINGS.beta2,
            epsilon=SETTINGS.epsilon,
            weight_decay=SETTINGS.weight_decay,
        )
        optimizer.step(flat.theta, flat.gradient, state, settings)
        if progress is not None:
            progress("warm-up", number / steps)
    return model


def _backward(model: CausalLM, env: Environment, seeds: list[int]) -> None:
    """Add the gradient of the mean cross-entropy of the right completions."""
    # Built-in environments ask and answer in equally long rows.
    prompts = np.array([env.prompt(seed) for seed in seeds])
    targets = np.array([env.warm_up_target(seed) for seed in seeds])
    asked = np.full(len(seeds), prompts.shape[1])
    said = np.full(len(seeds), targets.shape[1])
    logits = load.head(model)(forward.states(model, *forward.layout(prompts, asked, targets, said)))
    value = torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.from_numpy(targets.reshape(-1)))
    torch.autograd.backward(value)
