"""Committed inner steps: after each one its state and its trace leaf are on disk, so whoever is killed goes on there.

A step is committed when its leaf is in the file of leaves; its state was flushed before. Only work of the same name is
gone on with, and only from a state whose bytes have the roots that its leaf names. Knows nothing of rollouts' origin.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from assay.artifact import opening, trace
from assay.artifact.opening import MOMENTS, WEIGHTS
from assay.artifact.trace import StepLeaf
from assay.errors import Refused, Unavailable
from assay.model.steps import InnerLoop
from assay.train import keeping, work_folder
from assay.train.keeping import LAST, read_state, write_state

LEAVES: Final = "leaves.json"
Roots = tuple[bytes, bytes]


class Keeper:
    """The committed steps of the work that is called `name`, in `folder`; of other work it is emptied."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        work_folder.claim(folder, name)

    def resume(self, loop: InnerLoop) -> list[StepLeaf]:
        """Bring a loop that hasn't begun to the newest committed step, and return the leaves up to it."""
        leaves, base = self._leaves(), loop.flat.theta.copy()
        for done in range(len(leaves), 0, -1):
            leaf = leaves[done - 1]
            folder, moments = self._folder / str(done), leaf.moments_after
            try:
                if done == loop.left:
                    read_state(self._folder / LAST, loop, leaf.weights_after, None)
                else:
                    read_state(folder, loop, leaf.weights_after, moments)
            except (Refused, Unavailable):
                continue  # dropped since, or the disk lost it
            loop.resume(done)
            return leaves[:done]
        loop.flat.theta[:] = base
        loop.moments.first.fill(0.0)
        loop.moments.second.fill(0.0)
        return []

    def state(self, loop: InnerLoop) -> Roots:
        """Write the state after the step that was just taken; return its roots. Of the last, only weights are kept."""
        if loop.left:
            return write_state(self._folder / str(loop.step), loop)
        weights = opening.write(self._folder / LAST / WEIGHTS, WEIGHTS, loop.flat.theta)
        return weights, opening.root(MOMENTS, loop.moments.first, loop.moments.second)

    def commit(self, loop: InnerLoop, leaves: list[StepLeaf]) -> None:
        """Commit the step that was just taken, the last of `leaves`, and drop the state before if it isn't kept."""
        work_folder.write_whole(self._folder / LEAVES, trace.encode(leaves))
        before = loop.step - 1
        if before and before % keeping.every(loop.flat.theta.size, loop.step + loop.left):
            shutil.rmtree(self._folder / str(before), ignore_errors=True)

    def _leaves(self) -> list[StepLeaf]:
        path = self._folder / LEAVES
        try:
            return trace.read(path) if path.is_file() else []
        except Refused:  # not what was written: begin anew
            return []
