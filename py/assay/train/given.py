"""Rows of the kinds whose texts the environment gives: nothing is sampled and nothing is proved.

For `dpo` the reference's log-probs are computed with the base checkpoint. Knows nothing of inner steps and of files.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from assay.artifact.rollouts import PAD, Rollouts
from assay.artifact.rows import proof_width
from assay.model import forward, texts
from assay.model.env.base import Environment
from assay.model.load import CausalLM
from assay.model.loss import token_logprobs
from assay.protocol.kinds import KINDS
from assay.protocol.profile import Profile
from assay.protocol.spec import TaskSpec
from assay.train import engines, rollout


def rows(
    model: CausalLM,
    env: Environment,
    spec: TaskSpec,
    assigned: rollout.Assigned,
    rules: Profile,
    labels: Mapping[str, str] | None = None,
) -> Rollouts:
    """Return the assigned texts as columns; `model` is the base in the profile's type, `labels` the trainer's own.

    Refused as `texts.given` and `texts.labelled`.
    """
    if KINDS[spec.kind].labelled:
        groups = texts.labelled(env, assigned.seeds, labels or {})
    else:
        groups = texts.given(env, spec, assigned.seeds)
    prompts, said = [prompt for prompt, _ in groups], [one for _, completions in groups for one in completions]
    tokens, asked = (np.full((len(many), max(map(len, many))), PAD, np.int32) for many in (said, prompts))
    for table, many in ((tokens, said), (asked, prompts)):
        for row, text in zip(table, many, strict=True):
            row[: len(text)] = text
    lengths, widths = (np.array([len(text) for text in many], np.int16) for many in (said, prompts))
    logprobs = np.zeros(tokens.shape, np.float32)
    if KINDS[spec.kind].reference:
        size = spec.rollout.group_size
        whole = np.repeat(asked, size, axis=0), np.repeat(widths, size)
        logprobs = reference(model, *whole, tokens, lengths, size)
    sampled = engines.Sampled(
        tokens,
        lengths,
        logprobs,
        np.zeros((0, 0, 0), np.float32),
        np.zeros((0, 0, 0), np.float32),
        engines.Proofs(
            np.zeros((len(said), proof_width(tokens.shape[1], spec)), np.uint8),
            np.zeros((len(prompts), proof_width(asked.shape[1], spec)), np.uint8),
        ),
    )
    return rollout.assemble(env, spec, assigned, sampled, rules, prompts)


def reference(
    model: CausalLM, prompts: forward.Ints, widths: forward.Ints, tokens: forward.Ints, lengths: forward.Ints, size: int
) -> np.ndarray:
    """Return what a model gives each token, float32[n, t], 0 after the end: at temperature 1, whatever the task's."""
    logits = forward.prefill_groups(model, prompts, widths, tokens, lengths, size)[0]
    inside = np.arange(tokens.shape[1])[None, :] < lengths[:, None]
    chosen = torch.from_numpy(np.where(inside, tokens, 0).astype(np.int64))
    found = token_logprobs(logits, chosen, 1.0).numpy()
    return np.where(inside, np.minimum(found, np.float32(0)), np.float32(0)).astype(np.float32)
