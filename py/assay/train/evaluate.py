"""How good a checkpoint is: its reward on items that nobody trains on, decoded greedily, and how it answers.

Greedy, because the figure is then the same for everyone who holds the checkpoint; a sampled mean of 512 items would
move by about 0.02 with the dice. Knows nothing of rounds; the figures pay nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from assay.artifact.weights import read_checkpoint
from assay.errors import Refused
from assay.model import load
from assay.model.env import registry
from assay.model.env.base import Environment
from assay.model.load import CausalLM
from assay.model.reward import rewards
from assay.protocol.spec import TaskSpec
from assay.train import engines

ITEMS: Final = 512
HELD_VALUES: Final = 1 << 26
"""States kept at a time, in float32 values: 256 MiB."""
LOGITS: Final = 1 << 24
NORMAL_95: Final = 1.959964
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Example:
    """One held-out item as a person reads it."""

    prompt: str
    completion: str
    reward: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What a checkpoint did with `items` held-out items.

    `reward` is the mean in [0, 1], with its 95 % interval (normal, by the rewards' own deviation). `entropy` is the
    mean of the distributions that tokens were chosen from, at the task's temperature, in nats. Lengths are in tokens,
    EOS included; `ended` is the share of completions that end in it.
    """

    items: int
    reward: float
    reward_low: float
    reward_high: float
    entropy: float
    length_mean: float
    length_p10: float
    length_p50: float
    length_p90: float
    ended: float
    tokens: int
    tokens_per_second: float
    examples: tuple[Example, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Part:
    rewards: NDArray[np.float32]
    lengths: NDArray[np.int64]
    entropies: NDArray[np.float64]
    ended: NDArray[np.bool_]


def evaluate(
    checkpoint_folder: Path,
    spec: TaskSpec,
    items: int = ITEMS,
    examples: int = 0,
    progress: Progress | None = None,
) -> Measured:
    """Measure a checkpoint on the first `items` held-out items of a task.

    The checkpoint's model and the task's environment, where they are folders, lie beside it. `progress(what, share)`
    is called per batch. Refused if the checkpoint is malformed, or if the environment doesn't fit; Unavailable if a
    folder isn't there or the disk fails.
    """
    if items < 1:
        raise Refused("an evaluation needs at least one item")
    checkpoint = read_checkpoint(checkpoint_folder, spec.rounds.max_artifact_bytes)
    near = checkpoint_folder.parent
    env = registry.bound(spec, near)
    model = load.build(checkpoint.config, checkpoint.arrays, near)
    rollout = spec.rollout
    return measure(model, env, items, rollout.max_new_tokens, rollout.temperature, examples, progress)


def held_out_reward(model: CausalLM, env: Environment, items: int, max_new_tokens: int) -> float:
    """Return the mean greedy reward of a model on the environment's first `items` held-out seeds."""
    return measure(model, env, items, max_new_tokens).reward


def measure(
    model: CausalLM,
    env: Environment,
    items: int,
    max_new_tokens: int,
    temperature: float = 1.0,
    examples: int = 0,
    progress: Progress | None = None,
) -> Measured:
    """Measure a model on the environment's first `items` held-out seeds; see `evaluate`."""
    seeds = env.held_out(items)
    rows = max(1, HELD_VALUES // (max_new_tokens * model.config.hidden_size))
    parts, shown, seconds = list[_Part](), list[Example](), 0.0
    for at in range(0, len(seeds), rows):
        some = seeds[at : at + rows]
        began = time.monotonic()
        said = engines.greedy(model, [env.prompt(seed) for seed in some], max_new_tokens, env.eos)
        seconds += time.monotonic() - began
        parts.append(_part(model, env, some, said, temperature))
        for row in range(min(len(some), examples - len(shown))):
            answer = said.tokens[row, : said.lengths[row]].tolist()
            asked = env.describe(env.prompt(some[row]))
            shown.append(Example(asked, env.describe(answer), float(parts[-1].rewards[row])))
        if progress is not None:
            progress("held-out items", (at + len(some)) / len(seeds))
    return _summary(parts, seconds, tuple(shown))


def _part(model: CausalLM, env: Environment, seeds: list[int], said: engines.Sampled, temperature: float) -> _Part:
    lengths = said.lengths.astype(np.int64)
    last = said.tokens[np.arange(len(seeds)), lengths - 1]
    live = np.arange(said.tokens.shape[1])[None, :] < lengths[:, None]
    entropies = _entropies(model, said.hidden[live], temperature)
    return _Part(rewards(env, seeds, 1, said.tokens, said.lengths), lengths, entropies, last == env.eos)


@torch.inference_mode()
def _entropies(model: CausalLM, states: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    """Return the entropy in nats of softmax(logits / T) at each of states float32[n, h]."""
    head = load.head(model)
    kind = next(head.parameters()).dtype
    step = max(1, LOGITS // int(model.config.vocab_size))
    found = np.zeros(len(states))
    for at in range(0, len(states), step):
        logits = head(torch.from_numpy(states[at : at + step]).to(kind)).float()
        log = torch.log_softmax(logits / temperature, dim=-1)
        found[at : at + step] = -(log.exp() * log).sum(dim=-1).double().numpy()
    return found


def _summary(parts: list[_Part], seconds: float, examples: tuple[Example, ...]) -> Measured:
    scores = np.concatenate([part.rewards for part in parts]).astype(np.float64)
    lengths = np.concatenate([part.lengths for part in parts])
    entropies = np.concatenate([part.entropies for part in parts])
    mean = float(scores.mean())
    off = NORMAL_95 * float(scores.std(ddof=1)) / len(scores) ** 0.5 if len(scores) > 1 else 1.0
    tenth, half, most = (float(value) for value in np.percentile(lengths, (10, 50, 90)))
    return Measured(
        items=len(scores),
        reward=mean,
        reward_low=max(0.0, mean - off),
        reward_high=min(1.0, mean + off),
        entropy=float(entropies.mean()),
        length_mean=float(lengths.mean()),
        length_p10=tenth,
        length_p50=half,
        length_p90=most,
        ended=float(np.concatenate([part.ended for part in parts]).mean()),
        tokens=int(lengths.sum()),
        tokens_per_second=float(lengths.sum()) / max(seconds, 1e-9),
        examples=examples,
    )
