"""One submission from a checkpoint: rollouts (`train.generation`), inner steps, and the artifact folder that names
itself by its root.

Knows nothing of chains or of peers; what binds the artifact to a round comes as values. With a fault it cheats, for
the demo and for tests.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay import PROTOCOL
from assay.artifact import rollouts as rollout_file
from assay.artifact import trace as trace_file
from assay.artifact import update as update_file
from assay.artifact.folder import write_artifact
from assay.artifact.manifest import Binding, Manifest
from assay.artifact.origin import origin_of
from assay.artifact.rollouts import Rollouts
from assay.artifact.trace import StepLeaf
from assay.artifact.weights import read_checkpoint
from assay.model import load
from assay.model.env import registry
from assay.model.env.base import Environment
from assay.model.held_out import held_out_loss
from assay.protocol import codec
from assay.protocol.kinds import KINDS
from assay.protocol.spec import TaskSpec
from assay.train import faults, generation
from assay.train.engines import Progress
from assay.train.inner import take_steps
from assay.train.order import Order


@dataclass(frozen=True, slots=True)
class Submitted:
    """An artifact that is ready to be submitted: its root, its units (what is paid) and its manifest, and by how many
    nats a token its inner steps raised the loss of held-out items."""

    root: bytes
    units: int
    manifest: Manifest
    loss_rise: float


def train_submission(
    checkpoint_folder: Path,
    spec: TaskSpec,
    binding_base: Mapping[str, Any],
    beacon: bytes,
    out: Path,
    fault: str | None = None,
    progress: Progress | None = None,
    states: Path | None = None,
    profile: int = 0,
    pieces: Path | None = None,
    labels: Mapping[str, str] | None = None,
) -> Submitted:
    """Make one submission from the checkpoint and write it to the folder `out`, complete or not at all.

    binding_base holds chain_id, ledger, task, round, trainer, n, base and first_group; `profile` is the index of the
    task's profile that the proofs are made under. `progress(stage, share)` is called with stage "rollouts" or "steps".
    `labels` are the trainer's own, for kind label. The folder `pieces` gets the rollouts as they are made, `states`
    what opening a step needs later: with both, a call after a crash goes on where the last one was. Call
    `model.load.determinism` before: to open a step, it is repeated to the bit. Refused if checkpoint, spec or fault
    don't fit; Unavailable if the disk fails.
    """
    order = Order(checkpoint_folder, spec, binding_base, beacon, profile, fault, labels)
    if pieces is None:
        made = generation.all_rollouts(order, progress)
    else:
        generation.generate(order, pieces, progress=progress)
        made = generation.generated(order, pieces)
    return train_on(order, made, out, progress, states)


def train_on(
    order: Order, made: Rollouts, out: Path, progress: Progress | None = None, states: Path | None = None
) -> Submitted:
    """Take the inner steps on rollouts that are there and write the submission to `out`: the second half of
    `train_submission`, and all that a trainer does once its rollouts are complete.
    """
    spec, near = order.spec, order.near
    checkpoint = read_checkpoint(order.checkpoint, spec.rounds.max_artifact_bytes)
    model, environment = load.build(checkpoint.config, checkpoint.arrays, near), registry.bound(spec, near)
    before = _held_out(model, environment, spec)
    leaves, gradient = take_steps(model, made, spec, order.bound, progress, states)
    if order.fault == "update":
        gradient = faults.random_update(gradient, faults.dice(order.beacon, order.bound["trainer"]))
    manifest = _write(out, spec, {**order.bound, "profile": order.profile}, made, leaves, gradient)
    rise = _held_out(model, environment, spec) - before
    return Submitted(manifest.root(), made.units(spec), manifest, rise)


def _held_out(model: load.CausalLM, environment: Environment, spec: TaskSpec) -> float:
    """Return the loss of held-out items, 0 where the kind trains nothing."""
    labelled = KINDS[spec.kind].labelled
    return 0.0 if labelled else held_out_loss(model, environment, spec.verification.held_out)


def _write(
    out: Path,
    spec: TaskSpec,
    bound: Mapping[str, Any],
    made: Rollouts,
    leaves: list[StepLeaf],
    gradient: NDArray[np.float32],
) -> Manifest:
    q, scale = codec.quantise(gradient)
    binding = Binding(
        protocol=PROTOCOL,
        groups=len(made) // spec.rollout.group_size,
        units=made.units(spec),
        rollout_root=made.root(spec),
        trace_root=trace_file.root(leaves),
        **bound,
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as room:
        paths = {name: Path(room) / name for name in (rollout_file.NAME, trace_file.NAME, update_file.NAME)}
        rollout_file.write(paths[rollout_file.NAME], made, spec, origin_of(binding))
        trace_file.write(paths[trace_file.NAME], leaves)
        update_file.write(paths[update_file.NAME], update_file.Update(q, scale))
        return write_artifact(out, "submission", binding, dict(paths))
