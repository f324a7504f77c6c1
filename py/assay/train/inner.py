"""The inner steps as a trainer takes them: the shared loop, a trace leaf for each, and the pseudo-gradient at the end.

On the way states are kept, so that a drawn step can be opened later (`train.keeping`) and training that was killed goes
on where it was (`train.resume`). The loop itself is `model.steps`. Knows nothing of rollouts' origin.
"""

from __future__ import annotations

import hashlib
import json
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
from assay.protocol.spec import TaskSpec, spec_hash
from assay.train.engines import Progress
from assay.train.resume import Keeper


def take_steps(
    model: CausalLM,
    rollouts: Rollouts,
    spec: TaskSpec,
    bound: Mapping[str, Any],
    progress: Progress | None = None,
    states: Path | None = None,
) -> tuple[list[StepLeaf], NDArray[np.float32]]:
    """Take all inner steps on `model` in place; return the trace and base − after, float32[n_params], names sorted.

    bound holds task, round, trainer and n; the folder `states` gets what an opening needs later, and steps of this work
    that are committed there aren't taken again.
    """
    loop, leaves = InnerLoop(model, rollouts, spec), list[StepLeaf]()
    base, first = loop.flat.theta.copy(), opening.root(WEIGHTS, loop.flat.theta)
    keeper = Keeper(states, _name(spec, bound, rollouts, first)) if states else None
    if keeper is not None:
        leaves = keeper.resume(loop)
    roots = (first, opening.zero_root(MOMENTS, base.size))
    if leaves:
        roots = (leaves[-1].weights_after, leaves[-1].moments_after)
    while loop.left:
        report = loop.pull()
        gradient = opening.root(GRADIENT, loop.flat.gradient), sketch_of(loop.flat.gradient)
        loop.push()
        after = keeper.state(loop) if keeper is not None else _state_roots(loop)
        leaves.append(_leaf(bound, report, gradient, roots, after))
        roots = after
        if keeper is not None:
            keeper.commit(loop, leaves)
        if progress is not None:
            progress("steps", loop.step / spec.inner.steps)
    return leaves, base - loop.flat.theta


def _name(spec: TaskSpec, bound: Mapping[str, Any], rollouts: Rollouts, base: bytes) -> str:
    """Return a digest of all that the steps follow from, in hex."""
    told = json.dumps(dict(bound), sort_keys=True, default=str).encode()
    return hashlib.sha256(spec_hash(spec) + rollouts.root(spec) + base + told).hexdigest()


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
