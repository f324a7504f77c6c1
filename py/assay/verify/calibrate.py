"""Honest errors of this device: the same rollouts made and checked in every way that honest people may choose.

Rollouts are generated under each maker's setting and prefilled under each checker's; what differs is what honest work
is off by. Each pair is kept in a work folder when it is done, so that an interrupted run resumes. Knows this device
only; `limits` turns errors into a profile.
"""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch

from assay.artifact.weights import read_checkpoint
from assay.errors import Refused
from assay.model.env import registry
from assay.protocol.hashing import keccak
from assay.protocol.profile import Measured, Profile
from assay.verify import smollm2
from assay.verify.limits import Errors, Honest, profile_of
from assay.verify.measuring import Group, Sample, Setting, Shape, Subject, check, generate, model_of

MAX_BYTES: Final = 64 << 30
QUESTIONS: Final = (
    "What is {a} plus {b}?", "Name {a} animals.", "Write a story about number {b}.", "Why is the sky blue on day {a}?",
    "Explain how to cook rice for {a} people.", "List {a} countries and their capitals.", "What happened in 19{b}?",
    "Translate 'I have {a} apples' into French.", "Give me advice for a {b} year old.", "Count from {a} to {b}.",
)  # fmt: skip
Progress = Callable[[str, float], None]


def subject(named: str, count: int, cache: Path) -> Subject:
    """Return a model by name (`smollm2-135m`) or by the folder of a checkpoint of the task digits, and `count` prompts.

    Refused if the checkpoint's vocabulary is no built-in environment's; Unavailable if it isn't there.
    """
    if named == smollm2.NAME:
        found = smollm2.fetch(cache.expanduser())
        texts = [QUESTIONS[i % len(QUESTIONS)].format(a=3 + i, b=10 + 7 * i % 90) for i in range(4 * count)]
        return Subject(named, found.checkpoint, _alike([found.chat(text) for text in texts], count), found.eos)
    checkpoint = read_checkpoint(Path(named), MAX_BYTES)
    env = registry.get("digits", {})
    if checkpoint.config.get("vocab_size") != env.vocab_size:
        raise Refused(f"{named} has no built-in environment's vocabulary: prompts for it aren't known")
    return Subject(
        f"{env.name}-{checkpoint.config['hidden_size']}", checkpoint, [*map(env.prompt, range(count))], env.eos
    )


def _alike(prompts: list[list[int]], count: int) -> list[list[int]]:
    """Return prompts of the commonest lengths: the engine generates those of one length together."""
    often = Counter(map(len, prompts))
    return sorted(prompts, key=lambda prompt: (-often[len(prompt)], len(prompt)))[:count]


def settings(patterns: str, attentions: Sequence[str], batches: Sequence[int], threads: Sequence[int]) -> list[Setting]:
    """Return the settings that differ from the first in one thing each. The float type is that of the patterns: an int8
    model errs less beside float32 than honest bf16 does, so that a profile for both would let it pass.
    """
    first = Setting(patterns, attentions[0], batches[-1], threads[0])
    others = [Setting(first.dtype, a, first.batch, first.threads) for a in attentions[1:]]
    others += [Setting(first.dtype, first.attention, b, first.threads) for b in batches[:-1]]
    others += [Setting(first.dtype, first.attention, first.batch, t) for t in threads[1:]]
    return [first, *others]


def measure(
    what: Subject, sample: Sample, shape: Shape, ways: Sequence[Setting], work: Path, progress: Progress
) -> dict[str, list[Group]]:
    """Make the rollouts in every way and check them in every way; resume what `work` holds. By maker and checker."""
    found: dict[str, list[Group]] = {}
    work.mkdir(parents=True, exist_ok=True)
    for maker in ways:
        made = None
        for checker in ways:
            file = work / f"{maker}--{checker}.json"
            if not file.is_file():
                made = made or generate(model_of(what.checkpoint, maker), what, sample, shape, maker.batch)
                seen = check(model_of(what.checkpoint, checker), made, shape, checker.batch, what.temperature)
                half = file.with_suffix(".part")
                half.write_text(json.dumps([group.to_json() for group in seen]))
                half.replace(file)
            found[file.stem] = [Group.from_json(group) for group in json.loads(file.read_text())]
            progress(f"{maker} checked by {checker}", len(found) / len(ways) ** 2)
    return found


def measured_by(what: Subject, shape: Shape, ways: Sequence[Setting], errors: Errors) -> Measured:
    """Return on what errors were measured."""
    return Measured(
        device=f"{platform.machine()} CPU, {torch.backends.cpu.get_cpu_capability()}",
        torch=torch.__version__,
        model=what.name,
        dtypes=tuple(dict.fromkeys(way.dtype for way in ways)),
        attention=tuple(dict.fromkeys(way.attention for way in ways)),
        batches=tuple(sorted({way.batch for way in ways})),
        threads=tuple(sorted({way.threads for way in ways})),
        chunks=len(errors.sequences) and len(next(iter(errors.chunks.values()))),
        sequences=len(errors.sequences),
        group=shape.group,
    )


def calibrate_json(args: dict[str, Any], sample: Sample, progress: Progress) -> tuple[Profile, Errors]:
    """Measure and return the profile; args as `assay calibrate` takes them, by name. Refused without a whole group.

    `models` are checkpoints of one model: what a setting is off by changes while it learns.
    """
    shape = Shape(args["patterns"], args["chunk"], args["top_k"], args["group"], args["tokens"])
    if args["sequences"] % shape.group:
        raise Refused(f"{args['sequences']} rollouts aren't whole groups of {shape.group}")
    ways = settings(shape.patterns, args["attention"], args["batches"], args["threads"])
    pairs, models = list[list[Group]](), args["models"]
    for at, model in enumerate(models):
        what = subject(model, args["sequences"] // shape.group, Path(args["cache"]))
        key = keccak(json.dumps([model, str(shape), args["sequences"]]).encode()).hex()[:12]
        work = Path(args["work"]) / f"{args['name']}-{key}"
        pairs += measure(what, sample, shape, ways, work, partial(_part, progress, at, len(models))).values()
    errors = Errors.of(shape.patterns, pairs)
    honest = Honest(shape.patterns, shape.chunk, shape.top_k, errors, args["rate"])
    return profile_of(args["name"], honest, measured_by(what, shape, ways, errors)), errors


def _part(progress: Progress, at: int, parts: int, what: str, share: float) -> None:
    progress(what, (at + share) / parts)
