"""Check 8, the costly part: the update doesn't make the model worse on items that nobody trains on.

Steps that weren't drawn may be false, and a false step can point anywhere within the norm's bound. What it does to the
model shows in the loss of the environment's own answers to held-out prompts: honest steps lower it, turned ones raise
it (docs/verification.md has both, measured). Doesn't notice harm that these items don't show.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from transformers.models.llama.modeling_llama import LlamaForCausalLM

from assay.artifact.opening import Floats
from assay.errors import Refused
from assay.model import forward
from assay.model.env.base import Environment
from assay.model.loss import token_logprobs
from assay.protocol import codec
from assay.types import Reason
from assay.verify.case import Case, Measure


def check_held_out(case: Case) -> Measure:
    """Compare the held-out loss before and after the update. Value: its rise, in nats a token; below 0 it fell."""
    rules, environment = case.spec.verification, case.environment
    before = held_out_loss(case.model(), environment, rules.held_out)
    rise = held_out_loss(case.model_of(_updated(case)), environment, rules.held_out) - before
    if not rise <= rules.max_loss_rise:
        message = f"the update raises the loss of held-out items from {before:.4f} by {rise:.4f}"
        raise Refused(message, Reason.UPDATE, None, rise, rules.max_loss_rise)
    return Measure(rise, rules.max_loss_rise)


def held_out_loss(model: LlamaForCausalLM, environment: Environment, items: int) -> float:
    """Return the mean negative log-likelihood, in nats a token, of the answers to the first held-out prompts."""
    seeds = environment.held_out(items)
    prompts = [environment.prompt(seed) for seed in seeds]
    answers = [environment.warm_up_target(seed) for seed in seeds]
    tokens, lengths = _padded(answers, environment.pad), np.array([len(answer) for answer in answers], np.int16)
    widths = np.array([len(prompt) for prompt in prompts])
    logits, _ = forward.prefill(model, _padded(prompts, environment.pad), widths, tokens, lengths)
    inside = np.arange(tokens.shape[1]) < lengths[:, None]
    said = torch.from_numpy(np.where(inside, tokens, 0).astype(np.int64))
    return -float(token_logprobs(logits, said, 1.0).numpy()[inside].astype(np.float64).mean())


def _updated(case: Case) -> Iterator[Floats]:
    """Give the base weights less the update, shard by shard."""
    at = 0
    for shard in case.base():
        blocks = at // codec.BLOCK
        q = case.update.q[at : at + shard.size]
        scale = case.update.scale[blocks : blocks + -(-shard.size // codec.BLOCK)]
        yield (shard - codec.dequantise(q, scale)).astype(np.float32)
        at += shard.size


def _padded(rows: list[list[int]], pad: int) -> np.ndarray:
    width = max(len(row) for row in rows)
    return np.array([row + [pad] * (width - len(row)) for row in rows], np.int32)
