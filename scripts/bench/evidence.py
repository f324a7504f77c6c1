"""How far honest evidence is apart at hidden layers, beside the published layer, and what watching a layer costs.

    python scripts/bench/evidence.py [MODEL] [--json]       MODEL: tiny (default), deep: 12 layers, barely trained and
                                                            judged by tiny's profiles, or smollm2-135m

The same texts are prefilled in every setting that honest machines may choose (kernel, batch, threads; bf16 too under
bf16 patterns); each pair's fingerprints are compared as evidence is, per chunk and per sequence. Prints for each layer
the largest value over the profile's limit (1 is the limit), and the prefill's CPU seconds without and with a watched
layer.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from assay.artifact.weights import Checkpoint, write_checkpoint
from assay.model import forward, llama, load, profile
from assay.model.env import registry
from assay.protocol import profile as profiles
from assay.protocol import toploc
from assay.protocol.profile import Profile
from assay.train.base import warm_up
from assay.train.engines import sample
from assay.verify.audit import limits_of, sequence_of
from assay.verify.calibrate import Setting, Subject, model_of, settings, subject

CACHE = Path("~/.cache/assay")
TIMED = 40
OWN = {"tiny": 2, "deep": 12}


@dataclass(slots=True)
class Texts:
    """Prompts and completions, padded on the right."""

    prompts: NDArray[np.int32]
    prompt_lengths: NDArray[np.int64]
    tokens: NDArray[np.int32]
    lengths: NDArray[np.int64]


@dataclass(slots=True)
class Apart:
    """The largest value over its limit, per chunk and per sequence, and which share of the chunks was above it."""

    chunk: float = 0.0
    sequence: float = 0.0
    above: int = 0
    count: int = 0
    by_name: dict[str, float] = field(default_factory=dict)

    def add(self, scores: list[list[toploc.ChunkScore]], rules: Profile) -> None:
        for chunks in scores:
            lines = [line for chunk in chunks for line in limits_of(rules, chunk)]
            worst = max(value / limit for _, value, limit in lines)
            self.chunk, self.count, self.above = max(self.chunk, worst), self.count + 1, self.above + (worst > 1)
            _, value, limit = sequence_of(rules, chunks)
            self.sequence = max(self.sequence, value / limit)
            for name, value, _ in lines:
                self.by_name[name] = max(self.by_name.get(name, 0.0), value)


def made(what: Subject, tokens: int) -> Texts:
    """Return texts that the model itself wrote."""
    keys = np.arange(len(what.prompts), dtype=np.uint64)[:, None]
    first = model_of(what, Setting("float32", "sdpa", 64, 1))
    said = sample(first, what.prompts, keys, tokens, what.temperature, what.eos, 64)
    lengths = np.array([len(prompt) for prompt in what.prompts])
    prompts = np.full((len(lengths), int(lengths.max())), -1, np.int32)
    for row, prompt in zip(prompts, what.prompts, strict=True):
        row[: len(prompt)] = prompt
    return Texts(prompts, lengths, said.tokens, said.lengths.astype(np.int64))


def states(what: Subject, texts: Texts, way: Setting, layer: int | None) -> torch.Tensor:
    """Return the states of a layer, or the published ones, as one setting computes them."""
    watch = None if layer is None else forward.Watch(layer)
    columns = texts.prompts, texts.prompt_lengths, texts.tokens, texts.lengths
    _, hidden, _ = forward.prefill_groups(model_of(what, way), *columns, 1, way.batch, watch=watch)
    return hidden if watch is None else watch.hidden


def apart(what: Subject, texts: Texts, rules: Profile, ways: list[Setting], layer: int | None) -> Apart:
    found, lengths = Apart(), texts.lengths
    bits = [profile.bits(states(what, texts, way, layer), rules.patterns) for way in ways]
    proofs = [toploc.build_many(one, lengths, rules.chunk, rules.top_k) for one in bits]
    for claimed, own in itertools.permutations(range(len(ways)), 2):
        found.add(toploc.verify_many(bits[own], lengths, proofs[claimed], rules.chunk, rules.top_k), rules)
    return found


def seconds(what: Subject, texts: Texts) -> tuple[float, float]:
    """Return the median CPU seconds of a prefill without and with a watched layer, taken in turn."""
    model = model_of(what, Setting("float32", "sdpa", 256, 1))
    taken: dict[bool, list[float]] = {False: [], True: []}
    columns = texts.prompts, texts.prompt_lengths, texts.tokens, texts.lengths
    for turn in range(2 * TIMED):
        since = time.process_time()
        forward.prefill_groups(model, *columns, 1, watch=forward.Watch(0) if turn % 2 else None)
        taken[bool(turn % 2)].append(time.process_time() - since)
    return statistics.median(taken[False]), statistics.median(taken[True])


def make(layers: int, folder: Path) -> None:
    """Make a base of the digits task with so many layers."""
    env = registry.get("digits", {})
    config = llama.config_for(env.vocab_size, layers=layers)
    with load.one_thread():
        model = warm_up(env, config, 80, 0)
    write_checkpoint(folder, Checkpoint(load.arrays_of(model), None, config))


def measure(named: str, count: int, tokens: int) -> dict[str, Any]:
    load.determinism(1)
    with tempfile.TemporaryDirectory() as room:
        if named in OWN:
            make(OWN[named], Path(room) / "base")
        what = subject(str(Path(room) / "base") if named in OWN else named, count, CACHE)
    texts = made(what, tokens)
    layers = what.checkpoint.config["num_hidden_layers"]
    drawn = sorted({0, 1, layers // 4, layers // 2, 3 * layers // 4, layers - 2} & set(range(layers - 1)))
    told: dict[str, Any] = {"model": what.name, "sequences": count, "layers": {}}
    shipped = [one for one in profiles.shipped().values() if one.name.startswith("tiny" if named in OWN else named)]
    for rules in shipped:
        ways = settings(rules.patterns, ("sdpa", "eager"), (4, 64), (1, 2))
        for layer in (*drawn, None):
            found = apart(what, texts, rules, ways, layer)
            name = f"{rules.name} {'published' if layer is None else layer}"
            told["layers"][name] = {
                "chunk": round(found.chunk, 4), "sequence": round(found.sequence, 4),
                "above": found.above, "compared": found.count, "largest": found.by_name,
            }  # fmt: skip
    torch.set_num_threads(1)
    told["prefill_seconds"], told["watched_seconds"] = seconds(what, texts)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="tiny")
    parser.add_argument("--sequences", type=int, default=512)
    parser.add_argument("--tokens", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    told = measure(given.model, given.sequences, given.tokens)
    if given.json:
        print(json.dumps(told, indent=1))
        return
    print(f"{'profile, layer':<28}{'chunk':>9}{'sequence':>10}{'above':>8}{'compared':>10}")
    for name, one in told["layers"].items():
        print(f"{name:<28}{one['chunk']:>9.3f}{one['sequence']:>10.3f}{one['above']:>8}{one['compared']:>10}")
        print("   ", one["largest"])
    print(f"prefill {told['prefill_seconds']:.4f} s, with a watched layer {told['watched_seconds']:.4f} s")


if __name__ == "__main__":
    main()
