"""What the checks look at: one submission beside what the chain and the task say of it.

Parts are read when a check first asks for them. Knows no rule. Doesn't protect the process that reads: `check_json` is
meant to run in a sandboxed child.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from assay.artifact import rollouts as rollouts_file
from assay.artifact import trace, update
from assay.artifact import weights as weights_file
from assay.artifact.folder import Artifact, open_artifact
from assay.artifact.manifest import Binding
from assay.artifact.opening import SHARD, Floats, Opening, open_opening
from assay.artifact.rollouts import Origin, Rollouts
from assay.errors import Broken, Refused
from assay.model import load
from assay.model.env import registry
from assay.model.env.base import Environment
from assay.model.load import CausalLM
from assay.protocol.assignment import group_seed, prompt_seed
from assay.protocol.plan import UNKNOWN, History, Plan, plan_of
from assay.protocol.profile import Profile, of_task
from assay.protocol.spec import TaskSpec
from assay.types import Reason

CHECKPOINT_BYTES = 64 << 30
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Context:
    """What the chain says of a submission: where it belongs, who made it, what it claims and the round's seeds.

    units are completion tokens; beacon 32 bytes, audit_seed 16; first_group counts over all the trainer's groups of the
    round; root, where given, is the artifact's root on chain; history, what the audit plan takes of the trainer's past.
    """

    chain_id: int
    ledger: str
    task: int
    round: int
    trainer: str
    n: int
    base: int
    units: int
    beacon: bytes
    audit_seed: bytes
    first_group: int
    root: bytes | None = None
    history: History = UNKNOWN


@dataclass(frozen=True, slots=True)
class Measure:
    """What a passed check measured, beside the number that it had to keep to."""

    value: float | None = None
    threshold: float | None = None


class Case:
    """One submission under check. Reading a stranger's part raises Refused; one's own, Broken."""

    def __init__(
        self,
        folder: Path,
        checkpoint_folder: Path,
        spec: TaskSpec,
        context: Context,
        openings: Path | None = None,
        earlier: Sequence[Path] = (),
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """`labels` are this node's own, by the items' keys, for kind label. `openings` holds what the trainer opened,
        each in a folder named by its root in hex; `earlier` are the folders of submissions that came before in the
        round, as far as they are held.
        """
        self.openings = openings
        self.earlier = earlier
        self.labels = labels
        self.folder = folder
        self.checkpoint_folder = checkpoint_folder
        self.spec = spec
        self.context = context

    @cached_property
    def artifact(self) -> Artifact:
        return open_artifact(self.folder, self.spec.rounds.max_artifact_bytes)

    @cached_property
    def binding(self) -> Binding:
        if self.artifact.manifest.binding is None:
            raise Refused("the artifact is a checkpoint, not a submission", Reason.SCHEMA)
        return self.artifact.manifest.binding

    @cached_property
    def profile(self) -> Profile:
        """The profile that the submission names: its limits are the ones that count. Unavailable if it isn't here."""
        try:
            return of_task(self.spec.verification, self.binding.profile)
        except Refused as error:
            raise Refused(str(error), Reason.BINDING) from None

    @cached_property
    def rollout_file(self) -> tuple[Rollouts, Origin]:
        return rollouts_file.read_whole(self.artifact.path(rollouts_file.NAME), self.spec)

    @cached_property
    def rollouts(self) -> Rollouts:
        return self.rollout_file[0]

    @cached_property
    def steps(self) -> list[trace.StepLeaf]:
        return trace.read(self.artifact.path(trace.NAME))

    @cached_property
    def update(self) -> update.Update:
        return update.read(self.artifact.path(update.NAME), self.n_params)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The base checkpoint's description; its files were hashed."""
        return _own("base checkpoint", lambda: weights_file.checked_config(self.checkpoint_folder, CHECKPOINT_BYTES))

    @property
    def held(self) -> Path:
        """The base checkpoint's folder, once its files were hashed."""
        _ = self.config
        return self.checkpoint_folder

    @property
    def near(self) -> Path:
        """Where what the checkpoint and the task name by root lies: beside the checkpoint."""
        return self.checkpoint_folder.parent

    @cached_property
    def sizes(self) -> load.Dimensions:
        """The base model's sizes."""
        return _own("base checkpoint", lambda: load.dimensions(self.config, self.near))

    @cached_property
    def n_params(self) -> int:
        """How many values are trained."""
        shapes = _own("base checkpoint", lambda: weights_file.shapes(self.held))
        return sum(math.prod(shape) for shape in shapes.values())

    def base(self) -> Iterator[Floats]:
        """Read the base weights, flat and shard by shard: whoever holds more of a model holds it on purpose."""
        pieces = weights_file.stream(self.held, SHARD)
        while (piece := _own("base checkpoint", lambda: next(pieces, None))) is not None:
            yield piece

    def opening(self, kind: str, root: bytes) -> Opening:
        """Open what the trainer opened under a root. Refused, MISSING, when it isn't there."""
        if self.openings is None:
            raise Refused("nothing was opened", Reason.MISSING)
        return open_opening(self.openings / root.hex(), kind, root, self.n_params)

    @cached_property
    def environment(self) -> Environment:
        return _own("environment", lambda: registry.bound(self.spec, self.near))

    @cached_property
    def groups(self) -> int:
        """How many groups the submission has: as many for each inner step, at most the task's. The artifact's root
        fixes it. Refused, BINDING, for any other number.
        """
        found, most, steps = self.binding.groups, self.spec.rollout.groups, self.spec.inner.steps
        if not steps <= found <= most or found % steps:
            sentence = f"a submission has {steps} to {most} groups, as many for each of {steps} steps; not {found}"
            raise Refused(sentence, Reason.BINDING, None, float(found), float(most))
        return found

    @cached_property
    def seeds(self) -> list[bytes]:
        """The 32-byte seed of each of the submission's groups, in order."""
        at = self.context
        return [group_seed(at.beacon, at.task, at.round, at.trainer, at.first_group + i) for i in range(self.groups)]

    @cached_property
    def prompt_seeds(self) -> list[int]:
        """The environment's seed of each group, in order."""
        return [prompt_seed(seed, self.spec.environment.seed_count) for seed in self.seeds]

    @cached_property
    def plan(self) -> Plan:
        """Which groups and inner steps are looked at."""
        at = self.context
        return plan_of(at.audit_seed, at.trainer, at.n, self.spec, at.history, self.groups)

    def model_of(self, weights: Iterator[Floats]) -> CausalLM:
        """Return a model of the base's shape with weights that are streamed into it."""
        return load.streamed(self.config, weights, self.near)

    def model(self) -> CausalLM:
        """Return a fresh copy of the base model."""
        return _own("base checkpoint", lambda: load.streamed(self.config, self.base(), self.near))


def _own(what: str, read: Callable[[], _T]) -> _T:
    """Run `read` on this node's own data, where a refusal can't be the submission's fault."""
    try:
        return read()
    except Refused as error:
        raise Broken(f"this node's own {what} can't be used: {error}") from error
