"""The inner steps as a trainer takes them: the shared loop, a trace leaf for each, and the pseudo-gradient at the end.

On the way some states are kept, so that a drawn step can be opened later (`train.opening`). The loop itself is
`model.steps`. Knows nothing of rollouts' origin.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.artifact import opening
from assay.artifact.opening import GRADIENT, MOMENTS, WEIGHTS
from assay.artifact.rollouts import Rollouts
from assay.artifact.trace import StepLeaf
from assay.model.load import CausalLM
from assay.model.steps import InnerLoop, StepReport
from assay.protocol.sketch import Sketch
from assay.protocol.spec import TaskSpec
from assay.train.engines import Progress
from assay.train.keeping import Keeper


def take_steps(
    model: CausalLM,
    rollouts: Rollouts,
    spec: TaskSpec,
    bound: Mapping[str, Any],
    progress: Progress | None = None,
    states: Path | None = None,
) -> tuple[list[StepLeaf], NDArray[np.float32]]:
    """Take all inner steps on `model` in place; return the trace and base − after, float32[n_params], names sorted.

    bound holds task, round, trainer and n; the folder `states` gets what an opening needs later.
    """
    loop, leaves = InnerLoop(model, rollouts, spec), list[StepLeaf]()
    base, keeper = loop.flat.theta.copy(), Keeper(states) if states else None
    roots = (opening.root(WEIGHTS, base), opening.zero_root(MOMENTS, base.size))
    while loop.left:
        if keeper is not None:
            keeper.before(loop)
        report = loop.pull()
        gradient = opening.root(GRADIENT, loop.flat.gradient), sketch_of(loop.flat.gradient)
        loop.push()
        after = _state_roots(loop)
        leaves.append(_leaf(bound, report, gradient, roots, after))
        roots = after
        if progress is not None:
            progress("steps", loop.step / spec.inner.steps)
    if keeper is not None:
        keeper.end(loop)
    return leaves, base - loop.flat.theta


def sketch_of(gradient: NDArray[np.float32]) -> bytes:
    """Return a gradient's sketch."""
    sketch = Sketch()
    for shard in opening.shards(gradient):
        sketch.add(shard)
    return sketch.bytes()


def _state_roots(loop: InnerLoop) -> tuple[bytes, bytes]:
    moments = opening.root(MOMENTS, loop.moments.first, loop.moments.second)
    return opening.root(WEIGHTS, loop.flat.theta), moments


def _leaf(
    bound: Mapping[str, Any],
    report: StepReport,
    gradient: tuple[bytes, bytes],
    before: tuple[bytes, bytes],
    after: tuple[bytes, bytes],
) -> StepLeaf:
    return StepLeaf(
        task=bound["task"],
        round=bound["round"],
        trainer=bound["trainer"],
        n=bound["n"],
        step=report.step,
        batch_hash=report.batch_hash,
        loss=report.loss,
        grad_norm=report.grad_norm,
        gradient_root=gradient[0],
        sketch=gradient[1],
        weights_before=before[0],
        moments_before=before[1],
        weights_after=after[0],
        moments_after=after[1],
    )
