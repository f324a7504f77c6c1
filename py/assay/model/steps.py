"""The inner steps of a submission: one loop, run by the trainer and again by a validator.

Step s of S takes the groups [s·G/S, (s+1)·G/S) in their order, computes the loss against the recorded
log-probabilities, clips the gradient, and takes one AdamW step. On one machine at one thread count a second run gives
the same bits. Knows no file format: rollouts come as columns. It doesn't check that the rollouts are honest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.models.llama.modeling_llama import LlamaForCausalLM

from assay.errors import Refused
from assay.model import forward, loss, optimizer
from assay.protocol import merkle
from assay.protocol.spec import InnerSpec, TaskSpec

CHUNK_BYTES: Final = 1 << 20


class Columns(Protocol):
    """What the steps read of a submission's rollouts; artifact.rollouts.Rollouts has these columns."""

    @property
    def prompts(self) -> NDArray[np.int32]: ...

    @property
    def prompt_lengths(self) -> NDArray[np.int16]: ...

    @property
    def tokens(self) -> NDArray[np.int32]: ...

    @property
    def lengths(self) -> NDArray[np.int16]: ...

    @property
    def rewards(self) -> NDArray[np.float32]: ...

    @property
    def logprobs(self) -> NDArray[np.float32]: ...


@dataclass(frozen=True, slots=True)
class StepReport:
    """One inner step: its number, batch hash, loss, gradient norm before clipping, and the state's root after it."""

    step: int
    batch_hash: bytes
    loss: float
    grad_norm: float
    state_root: bytes


class Flat:
    """A model's weights and gradients as two flat float32 arrays, names sorted, that share the model's memory."""

    def __init__(self, model: LlamaForCausalLM) -> None:
        named = sorted(model.named_parameters())
        # torch aligns its memory to 64 bytes, NumPy doesn't; a matrix product's last bits may depend on alignment.
        theta = torch.cat([value.detach().reshape(-1) for _, value in named])
        gradient = torch.zeros_like(theta)
        at = 0
        for _, parameter in named:
            part, shape = slice(at, at + parameter.numel()), parameter.shape
            parameter.data = theta[part].view(shape)
            parameter.grad = gradient[part].view(shape)
            at += parameter.numel()
        self.theta: NDArray[np.float32] = theta.numpy()
        self.gradient: NDArray[np.float32] = gradient.numpy()


def inner_steps(model: LlamaForCausalLM, rollouts: Columns, spec: TaskSpec) -> Iterator[StepReport]:
    """Take the task's inner steps on `model` in place, yielding a report after each.

    Refused if the groups don't divide among the steps, or if a loss or gradient is not finite.
    """
    inner, size = spec.inner, spec.rollout.group_size
    weight = loss.advantages(rollouts.rewards, size)
    flat = Flat(model)
    state = optimizer.AdamWState.zero(flat.theta.size)
    settings = optimizer.AdamWSettings(inner.lr, inner.beta1, inner.beta2, inner.epsilon, inner.weight_decay)
    for number, rows in enumerate(batches(rollouts.tokens.shape[0], size, inner.steps)):
        flat.gradient.fill(0.0)
        value = _backward(model, rollouts, weight, rows, inner, spec.rollout.temperature)
        length = optimizer.clip(flat.gradient, inner.max_grad_norm)
        optimizer.step(flat.theta, flat.gradient, state, settings)
        yield StepReport(number, batch_hash(rollouts, rows), value, length, state_root(flat.theta, state))


def batches(rows: int, group_size: int, steps: int) -> list[slice]:
    """Return the rows of each step. Refused unless whole groups divide evenly among the steps."""
    groups = rows // group_size
    if rows % group_size or steps < 1 or groups == 0 or groups % steps:
        raise Refused(f"{rows} rollouts in groups of {group_size} don't divide among {steps} steps")
    each = groups // steps * group_size
    return [slice(at, at + each) for at in range(0, rows, each)]


def batch_hash(rollouts: Columns, rows: slice) -> bytes:
    """Return the SHA-256 of everything that a step reads of its rollouts."""
    digest = hashlib.sha256()
    for column in (
        rollouts.prompts,
        rollouts.prompt_lengths,
        rollouts.tokens,
        rollouts.lengths,
        rollouts.rewards,
        rollouts.logprobs,
    ):
        digest.update(np.ascontiguousarray(column[rows]).tobytes())
    return digest.digest()


def state_root(theta: NDArray[np.float32], state: optimizer.AdamWState) -> bytes:
    """Return the Merkle root over SHA-256 of 1 MiB chunks of weights, both moments, and the β products."""
    leaves = []
    for part in (theta, state.first, state.second, np.array([state.product1, state.product2])):
        raw = part.view(np.uint8)
        leaves += [hashlib.sha256(raw[at : at + CHUNK_BYTES].data).digest() for at in range(0, raw.size, CHUNK_BYTES)]
    return merkle.root(leaves)


def _backward(
    model: LlamaForCausalLM,
    rollouts: Columns,
    weight: NDArray[np.float32],
    rows: slice,
    inner: InnerSpec,
    temperature: float,
) -> float:
    """Add the batch's gradient to the parameters' and return its loss."""
    tokens, lengths = rollouts.tokens[rows], rollouts.lengths[rows]
    ids, places = forward.layout(rollouts.prompts[rows], rollouts.prompt_lengths[rows], tokens, lengths)
    mask = np.arange(tokens.shape[1])[None, :] < lengths[:, None]
    logits = model.lm_head(forward.states(model, ids, places))
    said = torch.from_numpy(np.where(mask, tokens, 0).astype(np.int64))
    value = loss.grpo_loss(
        loss.token_logprobs(logits, said, temperature),
        torch.from_numpy(rollouts.logprobs[rows]),
        torch.from_numpy(weight[rows]),
        torch.from_numpy(mask.astype(np.float32)),
        inner.clip_low,
        inner.clip_high,
    )
    if not torch.isfinite(value):
        raise Refused("the loss is not finite")
    torch.autograd.backward(value)
    return float(value.item())
