"""Pools of SmolLM2: what honest and dishonest rollouts are off by, made once and kept, so that a cut run goes on.

Every file holds groups of four rollouts of one prompt as `verify.measuring` sees them; whoever judges draws from them.
The float type is that of the profile on both sides. Attacks are made and checked in the first honest setting.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from assay.artifact.weights import Checkpoint
from assay.model import forward
from assay.model.loss import token_logprobs
from assay.train.engines import sample
from assay.verify import calibrate
from assay.verify.measuring import Group, Made, Setting, Shape, Subject, check, generate, keys_of, made_of, model_of
from detection.workers import noisy, pruned, rounded

NAME, GROUP, TOKENS, PROMPTS, ATTACKED = "smollm2-135m", 4, 32, 32, 8
LR = 1e-6
Make = Callable[["Pool"], Made]


def shape_of(patterns: str) -> Shape:
    return Shape(patterns, 32, 128, GROUP, TOKENS)


def ways(patterns: str) -> list[Setting]:
    return calibrate.settings(patterns, ["sdpa", "eager"], [16, 64], [1, 2])


class Pool:
    """The model, its prompts for attacks, and the honest texts that some attacks change; all in one float type."""

    def __init__(self, what: Subject, patterns: str) -> None:
        self.shape, self.way = shape_of(patterns), ways(patterns)[0]
        self.what = replace(what, prompts=what.prompts[PROMPTS // 2 : PROMPTS // 2 + ATTACKED])
        self.model = model_of(what.checkpoint, self.way)
        self._text: Made | None = None

    @property
    def text(self) -> Made:
        self._text = self._text or self.generated(self.model)
        return self._text

    def generated(self, model: Any, **more: Any) -> Made:
        return generate(model, self.what, sample, self.shape, self.way.batch, **more)

    def other(self, change: Callable[[Any, np.random.Generator], dict[str, Any]]) -> Made:
        """Honest work of a changed model."""
        return self.generated(self.changed(change))

    def changed(self, change: Callable[[Any, np.random.Generator], dict[str, Any]]) -> Any:
        arrays = change(SimpleNamespace(checkpoint=self.what.checkpoint), np.random.Generator(np.random.PCG64(15)))
        return model_of(Checkpoint(arrays, None, self.what.checkpoint.config), self.way)

    def retold(self, tokens: Any, lengths: Any) -> Made:
        """Given texts with the true model's states and log-probs: what one prefill lets a cheat claim."""
        size = self.shape.group
        asked = np.repeat(np.array(self.what.prompts, np.int32), size, axis=0)
        widths = np.full(len(asked), asked.shape[1])
        logits, hidden, states = forward.prefill_groups(
            self.model, asked, widths, tokens, lengths, size, self.way.batch
        )
        inside = np.arange(tokens.shape[1])[None, :] < lengths[:, None]
        said = torch.from_numpy(np.where(inside, tokens, 0).astype(np.int64))
        told = SimpleNamespace(
            tokens=np.where(inside, tokens, -1).astype(np.int32), lengths=lengths, hidden=hidden.numpy(),
            prompts=states.numpy(), logprobs=token_logprobs(logits, said, 1.0).numpy(),
        )  # fmt: skip
        return made_of(self.what, self.shape, told, keys_of(len(self.what.prompts), size))


def _stepped(pool: Pool, steps: int) -> Made:
    """A checkpoint `steps` AdamW steps away from the verifier's."""
    model = model_of(pool.what.checkpoint, replace(pool.way, dtype="float32"))
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, betas=(0.9, 0.95))
    for step in range(steps):
        rows = [(4 * step + i) % len(pool.text.tokens) for i in range(4)]
        ids = torch.from_numpy(np.maximum(pool.text.tokens[rows], 0).astype(np.int64))
        logits = model(input_ids=ids).logits[:, :-1]
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()).backward()
        optimizer.step()
        optimizer.zero_grad()
    return pool.generated(model.to(torch.bfloat16) if pool.way.dtype == "bf16" else model)


def _some_tokens(pool: Pool) -> Made:
    rng, text = np.random.Generator(np.random.PCG64(3)), pool.text
    inside = np.arange(text.tokens.shape[1]) < text.lengths[:, None] - 1
    hit = (rng.random(text.tokens.shape) < 1 / 32) & inside
    return pool.retold(np.where(hit, (text.tokens + 1) % 49_000, text.tokens), text.lengths)


def _last_token(pool: Pool) -> Made:
    tokens, text = pool.text.tokens.copy(), pool.text
    at = np.arange(len(tokens)), text.lengths - 1
    tokens[at] = (tokens[at] + 1) % 49_000
    return pool.retold(tokens, text.lengths)


def _early_stop(pool: Pool) -> Made:
    tokens, lengths = pool.text.tokens.copy(), np.minimum(pool.text.lengths, 8)
    tokens[np.arange(len(tokens)), lengths - 1] = pool.what.eos
    return pool.retold(tokens, lengths)


def _retold(make: Callable[[Pool], Made]) -> Make:
    def told(pool: Pool) -> Made:
        made = make(pool)
        return pool.retold(made.tokens, made.lengths)

    return told


def _forged(pool: Pool) -> Made:
    text, size = pool.text, pool.shape.group
    return replace(text, proofs=_rolled(text, size), prompt_proofs=text.prompt_proofs[1:] + text.prompt_proofs[:1])


def _rolled(text: Made, by: int) -> list[list[bytes]]:
    """The proofs of other texts of as many chunks; a shorter one's are repeated."""
    others = text.proofs[by:] + text.proofs[:by]
    return [(other * len(own))[: len(own)] for own, other in zip(text.proofs, others, strict=True)]


def _asked(change: Callable[[list[list[int]]], list[list[int]]]) -> Make:
    return lambda pool: pool.generated(pool.model, asked=change(pool.what.prompts))


MAKERS: dict[str, Make] = {
    "int8": lambda pool: pool.other(rounded(8)),
    "noise_1e-2": lambda pool: pool.other(noisy(1e-2)),
    "fp8": lambda pool: pool.other(rounded(0)),
    "int8_one_layer": lambda pool: pool.other(rounded(8, True)),
    "noise_1e-3": lambda pool: pool.other(noisy(1e-3)),
    "int4": lambda pool: pool.other(rounded(4)),
    "int4_one_layer": lambda pool: pool.other(rounded(4, True)),
    "pruned_layer": lambda pool: pool.other(pruned),
    "system_prompt": _asked(lambda prompts: [[*p[:4], p[4] + 1, *p[5:]] for p in prompts]),
    "one_token_in_32": _some_tokens,
    "temperature": _retold(lambda pool: pool.generated(pool.model, temperature=0.7)),
    "seed": lambda pool: pool.generated(pool.model, keys=keys_of(ATTACKED, GROUP) + np.uint64(1)),
    "early_stop": _early_stop,
    "checkpoint_1_step_old": lambda pool: _stepped(pool, 1),
    "checkpoint_10_steps_old": lambda pool: _stepped(pool, 10),
    "last_token": _last_token,
    "draft": _retold(lambda pool: pool.other(pruned)),
    "other_prompt": _asked(lambda prompts: prompts[1:] + prompts[:1]),
    "forged_proof": _forged,
    "fp8_one_layer": lambda pool: pool.other(rounded(0, True)),
}


def honest_pools(what: Subject, patterns: str, room: Path) -> dict[str, list[Group]]:
    """Return 32 groups by maker and checker."""
    return calibrate.measure(what, sample, shape_of(patterns), ways(patterns), room / f"honest-{patterns}", _tell)


def attack_pools(what: Subject, patterns: str, room: Path, until: float = float("inf")) -> dict[str, list[Group]]:
    """Return 8 groups an attack: those that are kept, and those that can be made before `until`."""
    found, pool, folder = dict[str, list[Group]](), None, room / f"attacks-{patterns}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in MAKERS.items():
        file = folder / f"{name}.json"
        if not file.is_file():
            if time.monotonic() > until:
                continue
            pool = pool or Pool(what, patterns)
            start = time.process_time()
            groups = check(pool.model, make(pool), pool.shape, pool.way.batch, what.temperature)
            file.with_suffix(".part").write_text(json.dumps([group.to_json() for group in groups]))
            file.with_suffix(".part").replace(file)
            _tell(f"{name} {patterns} {time.process_time() - start:.0f} s", 0.0)
        found[name] = [Group.from_json(group) for group in json.loads(file.read_text())]
    return found


def _tell(what: str, share: float) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {what} {share:.0%}\n")
    sys.stderr.flush()
