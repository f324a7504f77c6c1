"""One submission from a checkpoint: rollouts, inner steps, and the artifact folder that names itself by its root.

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
from assay.artifact.weights import Checkpoint, read_checkpoint
from assay.errors import Refused
from assay.model import load
from assay.model.env import registry
from assay.model.held_out import held_out_loss
from assay.protocol import codec
from assay.protocol import profile as profiles
from assay.protocol.spec import TaskSpec
from assay.train import faults, rollout
from assay.train.engines import Progress
from assay.train.inner import take_steps

BINDING_KEYS = ("chain_id", "ledger", "task", "round", "trainer", "n", "base", "first_group")


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
) -> Submitted:
    """Make one submission from the checkpoint and write it to the folder `out`, complete or not at all.

    binding_base holds chain_id, ledger, task, round, trainer, n, base and first_group; `profile` is the index of the
    task's profile that the proofs are made under. `progress(stage, share)` is called with stage "rollouts" or "steps";
    the folder `states` gets what opening a step needs later. Call `model.load.determinism` before: to open a step, it
    is repeated to the bit. Refused if checkpoint, spec or fault don't fit; Unavailable if the disk fails.
    """
    faults.check_fault(fault)
    if missing := [key for key in BINDING_KEYS if key not in binding_base]:
        raise Refused(f"the submission's binding lacks {missing[0]}")
    bound = {key: binding_base[key] for key in BINDING_KEYS}
    checkpoint = read_checkpoint(checkpoint_folder, spec.rounds.max_artifact_bytes)
    made = _rollouts(checkpoint, checkpoint_folder.parent, spec, bound, beacon, profile, fault, progress)
    near = checkpoint_folder.parent
    model, environment = load.build(checkpoint.config, checkpoint.arrays, near), registry.bound(spec, near)
    before = held_out_loss(model, environment, spec.verification.held_out)
    leaves, gradient = take_steps(model, made, spec, bound, progress, states)
    if fault == "update":
        gradient = faults.random_update(gradient, faults.dice(beacon, bound["trainer"]))
    manifest = _write(out, spec, bound | {"profile": profile}, made, leaves, gradient)
    rise = held_out_loss(model, environment, spec.verification.held_out) - before
    return Submitted(manifest.root(), made.units(spec), manifest, rise)


def _rollouts(
    checkpoint: Checkpoint,
    near: Path,
    spec: TaskSpec,
    bound: Mapping[str, Any],
    beacon: bytes,
    profile: int,
    fault: str | None,
    progress: Progress | None,
) -> Rollouts:
    rules = profiles.of_task(spec.verification, profile)
    env = registry.bound(spec, near)
    if load.dimensions(checkpoint.config, near).vocabulary < env.vocab_size:
        raise Refused(f"the checkpoint's vocabulary is smaller than that of environment {env.name}")
    groups, rng = spec.rollout.groups, faults.dice(beacon, bound["trainer"])
    model = load.build(checkpoint.config, checkpoint.arrays, near)
    who = (beacon, bound["task"], bound["round"], bound["trainer"], bound["first_group"])
    if fault == "prompts":
        return faults.picked(model, env, spec, rollout.assign(spec, *who, 2 * groups), groups, rules)
    if fault == "model":
        model = faults.swapped(checkpoint.config, checkpoint.arrays, rng, near)
    model = load.computed_in(model, rules.dtype)
    assigned = rollout.assign(spec, *who, groups)
    # who writes other tokens needs states to make up
    sampled = rollout.sample(model, env, spec, assigned, progress, None if fault == "tokens" else rules)
    if fault == "tokens":
        sampled = faults.better_tokens(model, env, spec, assigned.seeds, sampled, rng)
    made = rollout.assemble(env, spec, assigned, sampled, rules)
    return faults.raised(made, rng) if fault == "reward" else made


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
