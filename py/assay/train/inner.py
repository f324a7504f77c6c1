"""The inner steps as a trainer takes them: the shared loop, a trace leaf for each, and the pseudo-gradient at the end.

The loop itself is `model.steps`, which a validator runs again. Knows nothing of rollouts' origin and of disks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from transformers.models.llama.modeling_llama import LlamaForCausalLM

from assay.artifact.rollouts import Rollouts
from assay.artifact.trace import StepLeaf
from assay.artifact.weights import flatten
from assay.model.load import arrays_of
from assay.model.steps import inner_steps
from assay.protocol.spec import TaskSpec
from assay.train.engine import Progress


def take_steps(
    model: LlamaForCausalLM,
    rollouts: Rollouts,
    spec: TaskSpec,
    task: int,
    round_: int,
    trainer: str,
    n: int,
    progress: Progress | None = None,
) -> tuple[list[StepLeaf], NDArray[np.float32]]:
    """Take all inner steps on `model` in place; return the trace and base − after, float32[n_params], names sorted."""
    base = flatten(arrays_of(model))
    leaves = []
    for report in inner_steps(model, rollouts, spec):
        leaves.append(
            StepLeaf(
                task=task,
                round=round_,
                trainer=trainer,
                n=n,
                step=report.step,
                batch_hash=report.batch_hash,
                loss=report.loss,
                grad_norm=report.grad_norm,
                state_root=report.state_root,
            )
        )
        if progress is not None:
            progress("steps", (report.step + 1) / spec.inner.steps)
    return leaves, base - flatten(arrays_of(model))
