"""Honest errors of this device: the same rollouts made and checked in every way that honest people may choose.

Rollouts are generated under each maker's setting and prefilled under each checker's; what differs is what honest work
is off by. Each pair is kept in a work folder when it is done, so that an interrupted run resumes. Knows this device
only; `limits` turns errors into a profile.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.models.llama.modeling_llama import LlamaForCausalLM

from assay.artifact.weights import Checkpoint, read_checkpoint
from assay.errors import Refused
from assay.model import forward, load, profile
from assay.model.env import registry
from assay.model.loss import token_logprobs
from assay.protocol import toploc
from assay.protocol.hashing import keccak
from assay.protocol.noise import gumbel
from assay.protocol.profile import Measured, Profile
from assay.verify import smollm2
from assay.verify.audit import sequence_error
from assay.verify.limits import Errors, profile_of

MAX_BYTES: Final = 64 << 30
Sample = Callable[..., Any]
"""The rollout engine, `train.engine.sample`: given, for verify doesn't know train."""
QUESTIONS: Final = (
    "What is {a} plus {b}?", "Name {a} animals.", "Write a story about number {b}.", "Why is the sky blue on day {a}?",
    "Explain how to cook rice for {a} people.", "List {a} countries and their capitals.", "What happened in 19{b}?",
    "Translate 'I have {a} apples' into French.", "Give me advice for a {b} year old.", "Count from {a} to {b}.",
)  # fmt: skip


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
class Subject:
    """What is measured: a checkpoint, and prompts with their end token."""

    name: str
    checkpoint: Checkpoint
    prompts: list[list[int]]
    eos: int
    temperature: float = 1.0


def subject(named: str, count: int, cache: Path) -> Subject:
    """Return a model by name (`smollm2-135m`) or by the folder of a checkpoint of the task digits.

    Refused if the checkpoint's vocabulary is no built-in environment's; Unavailable if it isn't there.
    """
    if named == smollm2.NAME:
        found = smollm2.fetch(cache.expanduser())
        asked = [QUESTIONS[i % len(QUESTIONS)].format(a=3 + i, b=10 + 7 * i % 90) for i in range(count)]
        return Subject(named, found.checkpoint, [found.chat(one) for one in asked], found.eos)
    checkpoint = read_checkpoint(Path(named), MAX_BYTES)
    env = registry.get("digits", {})
    if checkpoint.config.get("vocab_size") != env.vocab_size:
        raise Refused(f"{named} has no built-in environment's vocabulary: prompts for it aren't known")
    return Subject(
        f"{env.name}-{checkpoint.config['hidden_size']}", checkpoint, [*map(env.prompt, range(count))], env.eos
    )


def settings(patterns: str, attentions: Sequence[str], batches: Sequence[int], threads: Sequence[int]) -> list[Setting]:
    """Return the settings that differ from the first in one thing each; dtypes in the bf16 profile only."""
    dtypes = ("float32",) if patterns == "float32" else ("bf16", "float32")
    first = Setting(dtypes[0], attentions[0], batches[-1], threads[0])
    others = [Setting(d, first.attention, first.batch, first.threads) for d in dtypes[1:]]
    others += [Setting(first.dtype, a, first.batch, first.threads) for a in attentions[1:]]
    others += [Setting(first.dtype, first.attention, b, first.threads) for b in batches[:-1]]
    others += [Setting(first.dtype, first.attention, first.batch, t) for t in threads[1:]]
    return [first, *others]


def measure(
    what: Subject,
    sample: Sample,
    patterns: str,
    chunk: int,
    top_k: int,
    tokens: int,
    ways: Sequence[Setting],
    work: Path,
    progress: Callable[[str, float], None],
) -> Errors:
    """Make the rollouts in every way and check them in every way; resume what `work` holds."""
    errors, done, total = Errors(), 0, len(ways) ** 2
    work.mkdir(parents=True, exist_ok=True)
    for maker in ways:
        files = [work / f"{maker}--{checker}.json" for checker in ways]
        made = None
        for checker, file in zip(ways, files, strict=True):
            if not file.is_file():
                made = made or _generate(what, sample, maker, patterns, chunk, top_k, tokens)
                found = asdict(_check(what, made, checker, patterns, chunk, top_k))
                partial = file.with_suffix(".part")
                partial.write_text(json.dumps(found))
                partial.replace(file)
            errors.add(json.loads(file.read_text()))
            done += 1
            progress(f"{maker} checked by {checker}", done / total)
    return errors


def calibrated(
    name: str,
    what: Subject,
    patterns: str,
    chunk: int,
    top_k: int,
    ways: Sequence[Setting],
    rate: float,
    errors: Errors,
) -> Profile:
    """Return the profile of what was measured."""
    measured = Measured(
        device=f"{platform.machine()} CPU, {torch.backends.cpu.get_cpu_capability()}",
        torch=torch.__version__,
        model=what.name,
        dtypes=tuple(dict.fromkeys(way.dtype for way in ways)),
        attention=tuple(dict.fromkeys(way.attention for way in ways)),
        batches=tuple(sorted({way.batch for way in ways})),
        threads=tuple(sorted({way.threads for way in ways})),
        chunks=len(next(iter(errors.chunks.values()))),
        sequences=len(errors.sequences),
    )
    return profile_of(name, patterns, chunk, top_k, errors, rate, measured)


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    prompts: NDArray[np.int32]
    prompt_lengths: NDArray[np.int64]
    tokens: NDArray[np.int32]
    lengths: NDArray[np.int64]
    logprobs: NDArray[np.float32]
    keys: NDArray[np.uint64]
    proofs: list[list[bytes]]
    prompt_proofs: list[list[bytes]]


def model_of(what: Subject, way: Setting) -> LlamaForCausalLM:
    """Return the model as a setting computes it; sets this process's threads."""
    torch.set_num_threads(way.threads)
    model = load.build(what.checkpoint.config, what.checkpoint.arrays)
    model.set_attn_implementation(way.attention)
    if way.dtype == "bf16":
        torch.nn.Module.to(model, torch.bfloat16)
    return model


def _generate(what: Subject, sample: Sample, way: Setting, patterns: str, chunk: int, top_k: int, tokens: int) -> _Made:
    keys = np.array([int.from_bytes(keccak(b"calibrate" + bytes([i // 256, i % 256]))[:8], "big")
                     for i in range(len(what.prompts))], np.uint64)  # fmt: skip
    said = sample(model_of(what, way), what.prompts, keys[:, None], tokens, what.temperature, what.eos, way.batch)
    lengths = np.array([len(prompt) for prompt in what.prompts])
    prompts = np.full((len(lengths), int(lengths.max())), -1, np.int32)
    for row, prompt in zip(prompts, what.prompts, strict=True):
        row[: len(prompt)] = prompt
    ends = said.lengths.astype(np.int64)
    proofs, asked = (
        toploc.build_many(profile.bits(states, patterns), counts, chunk, top_k)
        for states, counts in ((said.hidden, ends), (said.prompts, lengths))
    )
    return _Made(prompts, lengths, said.tokens, ends, said.logprobs, keys, proofs, asked)


def _check(what: Subject, made: _Made, way: Setting, patterns: str, chunk: int, top_k: int) -> Errors:
    errors, model = Errors(), model_of(what, way)
    for rows in _slices(len(made.lengths), way.batch):
        logits, hidden, asked = forward.prefill_groups(
            model, made.prompts[rows], made.prompt_lengths[rows], made.tokens[rows], made.lengths[rows], 1, way.batch
        )
        for states, counts, proofs in (
            (hidden, made.lengths[rows], made.proofs[rows]),
            (asked, made.prompt_lengths[rows], made.prompt_proofs[rows]),
        ):
            _score(errors, toploc.verify_many(profile.bits(states, patterns), counts, proofs, chunk, top_k), patterns)
        _replay(errors, made, rows, logits, what.temperature)
    return errors


def _slices(n: int, batch: int) -> Iterator[slice]:
    return (slice(at, min(at + batch, n)) for at in range(0, n, batch))


def _score(errors: Errors, scores: Sequence[Sequence[toploc.ChunkScore]], patterns: str) -> None:
    for chunks in scores:
        errors.sequences.append(sequence_error(chunks, patterns))
        errors.workers.append(sum(chunk.error for chunk in chunks) / len(chunks))
        for chunk in chunks:
            for name, value in (
                ("close_mean", chunk.close_mean),
                ("far", chunk.far),
                ("exponents", chunk.exponent_mismatches + chunk.sign_mismatches),
                ("mantissa_mean", chunk.mantissa_mean),
                ("mantissa_median", chunk.mantissa_median),
            ):
                errors.chunks.setdefault(name, []).append(float(value))


def _replay(errors: Errors, made: _Made, rows: slice, logits: torch.Tensor, temperature: float) -> None:
    tokens = made.tokens[rows]
    inside = np.arange(tokens.shape[1]) < made.lengths[rows][:, None]
    race = logits.numpy().astype(np.float64) / temperature + gumbel(made.keys[rows], tokens.shape[1], logits.shape[2])
    said = np.where(inside, tokens, 0).astype(np.int64)
    margins = (race.max(axis=2) - np.take_along_axis(race, said[:, :, None], axis=2)[:, :, 0])[inside]
    own = token_logprobs(logits, torch.from_numpy(said), temperature).numpy()
    errors.margins += [round(float(value), 7) for value in margins]
    errors.logprobs += [round(float(value), 7) for value in np.abs(own - made.logprobs[rows])[inside]]
    errors.tokens += int(inside.sum())
    errors.exact += int((margins == 0).sum())


def calibrate_json(
    args: dict[str, Any], sample: Sample, progress: Callable[[str, float], None]
) -> tuple[Profile, Errors]:
    """Measure and return the profile; args as `assay calibrate` takes them, by name."""
    patterns, shape = args["patterns"], (args["chunk"], args["top_k"])
    what = subject(args["model"], args["sequences"], Path(args["cache"]))
    ways = settings(patterns, args["attention"], args["batches"], args["threads"])
    key = keccak(json.dumps([what.name, patterns, *shape, args["tokens"], args["sequences"]]).encode()).hex()[:12]
    work = Path(args["work"]) / f"{args['name']}-{key}"
    errors = measure(what, sample, patterns, *shape, args["tokens"], ways, work, progress)
    return calibrated(args["name"], what, patterns, *shape, ways, args["rate"], errors), errors
