"""The inner steps of a submission: one loop, run by the trainer; a validator repeats the gradient of drawn steps.

Step s of S takes the groups [s·G/S, (s+1)·G/S), computes the loss of the task's kind on what counts of them, clips the
gradient, and takes one AdamW step. On one machine at one thread count a second run gives
the same bits. Knows no file format: rollouts come as columns. It doesn't check that the rollouts are honest.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from assay.errors import Refused
from assay.model import forward, load, loss, microbatch, optimizer
from assay.model.load import CausalLM
from assay.protocol import advantages
from assay.protocol.spec import InnerSpec, TaskSpec


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
    """One inner step: its number, batch hash, loss and gradient norm before clipping."""

    step: int
    batch_hash: bytes
    loss: float
    grad_norm: float


class Flat:
    """What is trained of a model, weights and gradients, as two flat float32 arrays that share the model's memory.

    Names are sorted; parameters that take no gradient, as under an adapter, aren't in it.
    """

    def __init__(self, model: CausalLM) -> None:
        named = load.trained(model)
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


class InnerLoop:
    """The inner steps on a model in place: `pull` computes a step's gradient, `push` lets the optimizer take it.

    Between the two, `flat` and `moments` hold the state before the step, and `flat.gradient` the clipped gradient.
    Refused if the groups don't divide among the steps.
    """

    def __init__(self, model: CausalLM, rollouts: Columns, spec: TaskSpec) -> None:
        self.flat = Flat(model)
        self.moments = optimizer.AdamWState.zero(self.flat.theta.size)
        self.step = 0
        self._model, self._rollouts, self._spec = model, rollouts, spec
        self._settings = settings_of(spec.inner)
        self._rows = batches(rollouts.tokens.shape[0], spec.rollout.group_size, spec.inner.steps)

    @property
    def left(self) -> int:
        """How many steps are still to be taken."""
        return len(self._rows) - self.step

    def resume(self, step: int) -> None:
        """Go on before step `step`, after the caller has put weights and moments into `flat` and `moments`."""
        self.step = step
        self.moments.products_at(step, self._settings)

    def pull(self) -> StepReport:
        """Compute the next step's gradient and clip it. Refused if loss or gradient is not finite."""
        rows, spec = self._rows[self.step], self._spec
        self.flat.gradient.fill(0.0)
        value = backward(self._model, self._rollouts, rows, spec)
        length = optimizer.clip(self.flat.gradient, spec.inner.max_grad_norm)
        return StepReport(self.step, batch_hash(self._rollouts, rows), value, length)

    def push(self) -> None:
        """Take the step whose gradient was pulled."""
        optimizer.step(self.flat.theta, self.flat.gradient, self.moments, self._settings)
        self.step += 1


def settings_of(inner: InnerSpec) -> optimizer.AdamWSettings:
    """Return the optimizer's numbers of a task."""
    return optimizer.AdamWSettings(inner.lr, inner.beta1, inner.beta2, inner.epsilon, inner.weight_decay)


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


def counts(rollouts: Columns, rows: slice, spec: TaskSpec) -> bool:
    """Tell whether any rollout of a batch is in the loss."""
    return bool(advantages.kept(rollouts.rewards[rows], rollouts.lengths[rows], spec).any())


def backward(
    model: CausalLM, rollouts: Columns, rows: slice, spec: TaskSpec, before_last: Callable[[], None] | None = None
) -> float:
    """Add the batch's gradient to the parameters' and return its loss, which is the mean over tokens, or over pairs.

    Texts are processed in micro-batches; `before_last` is called before the last of their backward passes. A batch of
    which nothing is in the loss has loss 0 and gradient 0. Refused if a loss is not finite.
    """
    numbers = np.arange(rows.start, rows.stop)
    numbers = numbers[advantages.kept(rollouts.rewards[rows], rollouts.lengths[rows], spec)]
    if not numbers.size:
        return 0.0
    weight = advantages.advantages(rollouts.rewards[rows], rollouts.lengths[rows], spec)
    said, prompts = rollouts.lengths[numbers].astype(np.int64), rollouts.prompt_lengths[numbers]
    count = len(numbers) // 2 if spec.kind == "dpo" else int(said.sum())
    found = list[float]()
    parts = microbatch.cut(model, prompts, said, spec.rollout.group_size, 2 if spec.kind == "dpo" else 1)
    for part in parts:
        if part is parts[-1] and before_last is not None:
            before_last()
        tokens = microbatch.tokens_of(prompts[part.rows], said[part.rows], part.size)
        with microbatch.fitting(model, tokens, int(said[part.rows].sum())) as twice:
            chosen, size = numbers[part.rows], 1 if twice else part.size
            value = _summed(model, rollouts, chosen, size, weight[chosen - rows.start], spec) / count
            if not torch.isfinite(value):
                raise Refused("the loss is not finite")
            torch.autograd.backward(value)
        found.append(float(value.item()))
    return math.fsum(found)


def _summed(
    model: CausalLM,
    rollouts: Columns,
    rows: NDArray[np.int64],
    size: int,
    weight: NDArray[np.float32],
    spec: TaskSpec,
) -> torch.Tensor:
    """Return the sum of the losses of some rows' tokens, or pairs; `size` rows after one another share a prompt."""
    lengths = rollouts.lengths[rows]
    tokens = rollouts.tokens[rows, : int(lengths.max())]
    inside = np.arange(tokens.shape[1])[None, :] < lengths[:, None]
    prompts, asked = rollouts.prompts[rows], rollouts.prompt_lengths[rows]
    if size == 1:
        states = forward.states(model, *forward.layout(prompts, asked, tokens, lengths))
    else:
        states = forward.group_states(model, prompts[::size, : int(asked[0])], tokens, lengths, size)
    said = torch.from_numpy(tokens[inside].astype(np.int64))
    logits = load.head(model)(states[torch.from_numpy(inside)])
    temperature = spec.rollout.temperature if spec.kind == "grpo" else 1.0
    own = loss.token_logprobs(logits[None], said[None], temperature)[0]
    if spec.kind in ("sft", "pretrain"):
        return -own.sum()
    recorded = torch.from_numpy(rollouts.logprobs[rows, : tokens.shape[1]][inside])
    if spec.kind == "grpo":
        return loss.grpo(own, recorded, torch.from_numpy(np.repeat(weight, lengths)), spec.loss).sum()
    first, second = (_pairs(one, lengths) for one in (own, recorded))
    return loss.dpo(first, second, spec.loss.beta).sum()


def _pairs(logprobs: torch.Tensor, lengths: NDArray[np.int16]) -> torch.Tensor:
    """Sum each row's log-probabilities: float32[rows / 2, 2]."""
    return torch.stack([row.sum() for row in torch.split(logprobs, lengths.tolist())]).view(-1, 2)
