"""One forward and backward pass over a step's batch, compared with the committed gradient, tensor by tensor.

Each tensor's gradient is compared as soon as it is whole and let go: beside the model only the largest one is held, or
all of them where a batch takes several micro-batches. Relative and peak error are both bounded: the first sees a wrong
batch or model, the second an error that hides in a few values. What is off by more than the profile allows is GRADIENT,
a statistical fault: another machine may have it. Knows where the gradient lies, not who made it.

Source of the limits: research/toploc.md section 2.7 (honest 1.1e-5 and 1.6e-4 with other kernels, cheats from 5e-2).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from assay.artifact.opening import SHARD, Opening
from assay.artifact.trace import StepLeaf
from assay.errors import Refused
from assay.model import load, optimizer, steps
from assay.model.load import CausalLM
from assay.model.steps import Columns
from assay.protocol.profile import GradientLimits
from assay.protocol.spec import TaskSpec
from assay.types import Reason

Read = Callable[[int, int], NDArray[np.float32]]


@dataclass(slots=True)
class _Tensor:
    """What two gradients of one tensor have in common: sums of squares, and the largest difference."""

    own: float = 0.0
    apart: float = 0.0
    peak: float = 0.0


class _Comparison:
    """Compares a model's gradients with the opened one while the last backward pass ends them."""

    def __init__(self, model: CausalLM, read: Read, factor: np.float32 | None) -> None:
        self.tensors: dict[str, _Tensor] = {}
        self.squares: dict[str, float] = {}
        self._read, self._factor, self._begun = read, factor, False
        self._starts: dict[str, int] = {}
        at = 0
        for name, parameter in load.trained(model):
            parameter.grad = None
            parameter.register_post_accumulate_grad_hook(self._hook(name))  # type: ignore[no-untyped-call]
            self._starts[name] = at
            at += parameter.numel()

    def begin(self) -> None:
        """From here on a gradient is whole when it has been added to."""
        self._begun = True

    def rest(self, model: CausalLM) -> None:
        """Compare what the last backward pass didn't add to: of what no loss depends on, the gradient is 0."""
        for name, parameter in load.trained(model):
            if name not in self.tensors:
                self._compare(name, parameter)

    def _hook(self, name: str) -> Callable[[torch.Tensor], None]:
        def ended(parameter: torch.Tensor) -> None:
            if self._begun and parameter.grad is not None:
                self._compare(name, parameter)

        return ended

    def _compare(self, name: str, parameter: torch.Tensor) -> None:
        pull, parameter.grad = parameter.grad, None
        own = None if pull is None else pull.contiguous().view(-1).numpy()
        self.squares[name] = 0.0 if own is None else optimizer.norm(own) ** 2
        found, size = _Tensor(), parameter.numel()
        self.tensors[name] = found
        for at in range(0, size, SHARD):
            piece = np.zeros(min(SHARD, size - at), np.float32) if own is None else own[at : at + SHARD]
            clipped = (piece * self._factor if self._factor is not None else piece).astype(np.float64)
            apart = self._read(self._starts[name] + at, piece.size) - clipped
            found.own += float(clipped @ clipped)
            found.apart += float(apart @ apart)
            found.peak = max(found.peak, float(np.abs(apart).max()))


def check_gradient(
    model: CausalLM,
    rollouts: Columns,
    spec: TaskSpec,
    leaf: StepLeaf,
    gradient: Opening,
    limits: GradientLimits,
) -> float:
    """Repeat a step's forward and backward pass on `model`, whose weights are those before the step.

    The gradient's bytes must have been hashed before. Returns the worst relative error; a fault is Refused with value
    and limit.
    """
    rows = steps.batches(rollouts.tokens.shape[0], spec.rollout.group_size, spec.inner.steps)[leaf.step]
    factor = optimizer.clip_factor(leaf.grad_norm, spec.inner.max_grad_norm)
    with gradient.reader() as read:
        comparison = _Comparison(model, read, factor)
        own = steps.backward(model, rollouts, rows, spec, comparison.begin)
        comparison.rest(model)
    _bounded(abs(leaf.loss - own), limits.loss, f"the loss is {own:.6g}, {leaf.loss:.6g} is claimed")
    length = math.sqrt(math.fsum(comparison.squares.values()))
    _bounded(
        abs(leaf.grad_norm - length) / length if length else leaf.grad_norm,
        limits.norm,
        f"the gradient's norm is {length:.6g}, {leaf.grad_norm:.6g} is claimed",
    )
    return max(_judge(comparison, model, limits), 0.0)


def _judge(comparison: _Comparison, model: CausalLM, limits: GradientLimits) -> float:
    worst = 0.0
    for name, parameter in load.trained(model):
        found = comparison.tensors[name]
        relative = _ratio(found.apart, found.own)
        peak = found.peak / math.sqrt(found.own / parameter.numel()) if found.own else float(found.peak > 0)
        _bounded(relative, limits.norm, f"the gradient of {name} isn't the batch's: apart by")
        _bounded(peak, limits.peak, f"a value of the gradient of {name} isn't the batch's: apart by")
        worst = max(worst, relative)
    return worst


def _ratio(apart: float, own: float) -> float:
    return math.sqrt(apart / own) if own else float(apart > 0)


def _bounded(value: float, limit: float, message: str) -> None:
    if not value <= limit:
        raise Refused(f"{message} ({value:.3g} > {limit:g})", Reason.GRADIENT, None, value, limit)
