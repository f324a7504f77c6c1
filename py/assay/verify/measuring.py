"""The same rollouts made and checked in any way that people may choose: what honest work, and other work, is off by.

Knows one model and some prompts; nothing of tasks, files or limits. `calibrate` makes limits of what honest work shows
here, and the attack bench asks of other work whether it keeps to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from assay.artifact.weights import Checkpoint
from assay.model import forward, load, profile
from assay.model.load import CausalLM
from assay.model.loss import token_logprobs
from assay.protocol import toploc
from assay.protocol.hashing import keccak
from assay.protocol.toploc import ChunkScore
from assay.verify.sampling import race

Sample = Callable[..., Any]
"""The rollout engine, `train.engines.sample`: given, for verify doesn't know train."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to compute: float type, attention kernel, rows a batch, threads."""

    dtype: str
    attention: str
    batch: int
    threads: int

    def __str__(self) -> str:
        return f"{self.dtype}-{self.attention}-b{self.batch}-t{self.threads}"


@dataclass(frozen=True, slots=True)
class Shape:
    """What the proofs are made of, and how much is generated: rollouts of a prompt, and new tokens at most."""

    patterns: str
    chunk: int
    top_k: int
    group: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured: a checkpoint, and prompts with their end token."""

    name: str
    checkpoint: Checkpoint
    prompts: list[list[int]]
    eos: int
    temperature: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """Rollouts, `group` of each prompt, with the log-probs and proofs that their maker gives them; a noise key each."""

    prompts: NDArray[np.int32]
    prompt_lengths: NDArray[np.int64]
    tokens: NDArray[np.int32]
    lengths: NDArray[np.int64]
    logprobs: NDArray[np.float32]
    keys: NDArray[np.uint64]
    proofs: list[list[bytes]]
    prompt_proofs: list[list[bytes]]


@dataclass(frozen=True, slots=True)
class Group:
    """What one prompt's rollouts are off by: scores of the prompt's and of each rollout's chunks; per token of all of
    them, by how much it lost its race and how far its log-prob is off.
    """

    prompt: list[ChunkScore]
    rollouts: list[list[ChunkScore]]
    margins: list[float]
    logprobs: list[float]

    def to_json(self) -> dict[str, Any]:
        """Return the group as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Group:
        """Read what `to_json` gave."""
        rollouts = [[ChunkScore(**chunk) for chunk in row] for row in value["rollouts"]]
        return cls([ChunkScore(**chunk) for chunk in value["prompt"]], rollouts, value["margins"], value["logprobs"])


def model_of(checkpoint: Checkpoint, way: Setting) -> CausalLM:
    """Return the model as a setting computes it; sets this process's threads."""
    torch.set_num_threads(way.threads)
    model = load.build(checkpoint.config, checkpoint.arrays)
    model.set_attn_implementation(way.attention)
    return load.computed_in(model, way.dtype)


def keys_of(prompts: int, group: int) -> NDArray[np.uint64]:
    """Return the noise keys of a calibration, uint64[prompts, group]: fixed, so that all ways make the same texts."""
    seeds = [keccak(b"calibrate" + i.to_bytes(8, "big"))[:8] for i in range(prompts * group)]
    return np.frombuffer(b"".join(seeds), ">u8").astype(np.uint64).reshape(prompts, group)


def generate(model: CausalLM, what: Subject, sample: Sample, shape: Shape, batch: int, **more: Any) -> Made:
    """Sample `shape.group` rollouts of each prompt and fingerprint them.

    `more` may hold what a cheat does otherwise: `asked` (other prompts, as long), `keys`, `temperature`.
    """
    keys = more.get("keys", keys_of(len(what.prompts), shape.group))
    temperature = more.get("temperature", what.temperature)
    said = sample(model, more.get("asked", what.prompts), keys, shape.tokens, temperature, what.eos, batch)
    return made_of(what, shape, said, keys_of(len(what.prompts), shape.group))


def made_of(what: Subject, shape: Shape, said: Any, keys: NDArray[np.uint64]) -> Made:
    """Return sampled texts (`train.engines.Sampled`) with the proofs of the states that they came with."""
    lengths = np.array([len(prompt) for prompt in what.prompts])
    prompts = np.full((len(lengths), int(lengths.max())), -1, np.int32)
    for row, prompt in zip(prompts, what.prompts, strict=True):
        row[: len(prompt)] = prompt
    ends = said.lengths.astype(np.int64)
    proofs, asked = (
        toploc.build_many(profile.bits(states, shape.patterns), counts, shape.chunk, shape.top_k)
        for states, counts in ((said.hidden, ends), (said.prompts, lengths))
    )
    return Made(prompts, lengths, said.tokens, ends, said.logprobs, keys.reshape(-1), proofs, asked)


def check(model: CausalLM, made: Made, shape: Shape, batch: int, temperature: float) -> list[Group]:
    """Prefill rollouts and compare everything that a validator would compare."""
    found: list[Group] = []
    size = shape.group
    for groups in _slices(len(made.prompt_proofs), max(1, batch // size)):
        rows = slice(groups.start * size, groups.stop * size)
        prompts = np.repeat(made.prompts[groups], size, axis=0)
        asked_lengths = made.prompt_lengths[groups]
        logits, hidden, asked = forward.prefill_groups(
            model, prompts, np.repeat(asked_lengths, size), made.tokens[rows], made.lengths[rows], size, batch
        )
        scored = [
            toploc.verify_many(profile.bits(states, shape.patterns), counts, proofs, shape.chunk, shape.top_k)
            for states, counts, proofs in (
                (asked, asked_lengths, made.prompt_proofs[groups]),
                (hidden, made.lengths[rows], made.proofs[rows]),
            )
        ]
        margins, logprobs = _replayed(made, rows, logits, temperature)
        for at, prompt in enumerate(scored[0]):
            own = slice(at * size, (at + 1) * size)
            found.append(Group(prompt, scored[1][own], _flat(margins[own]), _flat(logprobs[own])))
    return found


def _slices(n: int, step: int) -> Iterator[slice]:
    return (slice(at, min(at + step, n)) for at in range(0, n, step))


def _flat(rows: Sequence[Sequence[float]]) -> list[float]:
    return [float(f"{value:.6g}") for row in rows for value in row]


def _replayed(
    made: Made, rows: slice, logits: torch.Tensor, temperature: float
) -> tuple[list[list[float]], list[list[float]]]:
    tokens = made.tokens[rows]
    found = race(logits, made.keys[rows], tokens, made.lengths[rows], temperature, [0] * len(tokens))
    said = torch.from_numpy(np.where(found.inside, tokens, 0).astype(np.int64))
    apart = np.abs(token_logprobs(logits, said, temperature).numpy() - made.logprobs[rows])
    return (
        [row[inside].tolist() for row, inside in zip(found.margins, found.inside, strict=True)],
        [row[inside].tolist() for row, inside in zip(apart, found.inside, strict=True)],
    )
