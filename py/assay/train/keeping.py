"""What a trainer keeps of its inner steps (`train.resume` writes it): the state before each, of a large model before
every fourth, and the last weights.

From these any step is opened: the nearest state before it is loaded and the steps between are taken again, which on
the machine that made them gives the same bits; another machine's don't match the trace, and are refused. Keeps what it
is told; who may see it is the role's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from assay.artifact import opening, rollouts, trace
from assay.artifact.folder import open_artifact
from assay.artifact.opening import GRADIENT, MOMENTS, WEIGHTS, Floats
from assay.artifact.trace import StepLeaf
from assay.artifact.weights import read_checkpoint
from assay.errors import Refused, Unavailable
from assay.model import load
from assay.model.steps import InnerLoop
from assay.protocol.spec import TaskSpec

EVERY: Final = 4
ROOM_BYTES: Final = 1 << 30
"""While the states of all steps fit in it, none has to be computed again when a step is opened."""
_STATE_BYTES: Final = 12  # a parameter: its weight and two moments
LAST: Final = "last"


def every(size: int, steps: int) -> int:
    """Return of how many steps one has its state kept, for a model of `size` trained parameters."""
    return 1 if _STATE_BYTES * size * steps <= ROOM_BYTES else EVERY


def write_state(folder: Path, loop: InnerLoop) -> tuple[bytes, bytes]:
    """Write weights and moments as they are now, as two openings; return their roots."""
    weights = opening.write(folder / WEIGHTS, WEIGHTS, loop.flat.theta)
    return weights, opening.write(folder / MOMENTS, MOMENTS, loop.moments.first, loop.moments.second)


def open_steps(
    states: Path, artifact_folder: Path, checkpoint_folder: Path, spec: TaskSpec, steps: list[int], out: Path
) -> list[Path]:
    """Make the openings of some steps of a kept submission in `out`; return their folders, the last weights included.

    Call `model.load.determinism` with the thread count of the training before. Refused when what comes out isn't what
    the trace says: this isn't the machine that made it. Unavailable when states or artifact aren't here any more.
    """
    if not states.is_dir():
        raise Unavailable(f"the states of {artifact_folder.name} aren't here any more")
    artifact = open_artifact(artifact_folder, spec.rounds.max_artifact_bytes)
    leaves = trace.read(artifact.path(trace.NAME))
    made = rollouts.read(artifact.path(rollouts.NAME), spec)
    checkpoint = read_checkpoint(checkpoint_folder, spec.rounds.max_artifact_bytes)
    folders = [states / LAST / WEIGHTS]
    loop: InnerLoop | None = None
    for step in sorted(steps):
        at = _nearest(states, step)
        if loop is None or at > loop.step:
            loop = InnerLoop(load.build(checkpoint.config, checkpoint.arrays, checkpoint_folder.parent), made, spec)
            _resume(loop, states / str(at), leaves[at])
        while loop.step < step:
            loop.pull()
            loop.push()
        folders += _open_step(loop, leaves[step], out / str(step))
    return folders


def _open_step(loop: InnerLoop, leaf: StepLeaf, out: Path) -> list[Path]:
    loop.pull()
    found = {GRADIENT: (opening.write(out / GRADIENT, GRADIENT, loop.flat.gradient), leaf.gradient_root)}
    if leaf.step:
        write_state(out, loop)
        for kind, due in ((WEIGHTS, leaf.weights_before), (MOMENTS, leaf.moments_before)):
            found[kind] = (open_artifact(out / kind, 1 << 62).root, due)
    for kind, (root, due) in found.items():
        if root != due:
            raise Refused(f"this machine doesn't repeat the {kind} of step {leaf.step} to the bit")
    loop.push()
    return [out / kind for kind in found]


def _nearest(states: Path, step: int) -> int:
    kept = [int(path.name) for path in states.iterdir() if path.name.isdigit()]
    return max((at for at in kept if at <= step), default=0)


def _resume(loop: InnerLoop, folder: Path, leaf: StepLeaf) -> None:
    if leaf.step == 0:
        return
    read_state(folder, loop, leaf.weights_before, leaf.moments_before)
    loop.resume(leaf.step)


def read_state(folder: Path, loop: InnerLoop, weights: bytes, moments: bytes | None) -> None:
    """Read what `write_state` wrote into the loop; without a root for the moments, only the weights.

    Refused when it isn't complete or isn't what the roots name.
    """
    size = loop.flat.theta.size
    _fill(opening.open_opening(folder / WEIGHTS, WEIGHTS, weights, size).shards(), loop.flat.theta)
    if moments is not None:
        held = opening.open_opening(folder / MOMENTS, MOMENTS, moments, size)
        _fill(held.shards(0), loop.moments.first)
        _fill(held.shards(1), loop.moments.second)


def _fill(shards: Iterator[Floats], into: Floats) -> None:
    at = 0
    for shard in shards:
        into[at : at + shard.size] = shard
        at += shard.size
