"""Rounds of a task without a chain: who submits what from which checkpoint, what passes the checks, and the merge.

The work is the product's own, in this one process: train_submission (rollouts, proofs, inner steps, artifact),
open_steps, check_submission, and the merge in integers, on the built-in model and the digits environment. Only the
chain and the clock are virtual: beacons and audit seeds are hashes of a seed and a round, every submission comes in
time, one check stands for a committee, and nobody is paid. Knows no figure.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from assay.artifact import update, weights
from assay.artifact.folder import open_artifact
from assay.artifact.weights import Checkpoint
from assay.model.env import registry
from assay.protocol import merge, templates
from assay.protocol.fields import Option
from assay.protocol.plan import History, plan_of
from assay.protocol.spec import TaskSpec
from assay.train.base import make_base
from assay.train.evaluate import evaluate
from assay.train.export import Submitted, train_on, train_submission
from assay.train.generation import Generator
from assay.train.keeping import open_steps
from assay.train.order import Order
from assay.train.pieces import joined
from assay.verify.case import Context
from assay.verify.check import Finding, check_submission
from assay.verify.sequential import WorkerState

LEDGER = "0x" + "00" * 19 + "01"
ITEMS = 512
LOSS_ROOM = 1e-3  # as in roles.trainer: who would be refused by so little doesn't submit


@dataclass(frozen=True, slots=True)
class Trainer:
    """One trainer: its number, how many rounds older than the newest its checkpoint is, how many groups of a
    submission fit in its window (None: all), and its faults, one a round in turn."""

    number: int
    staleness: int = 0
    groups: int | None = None
    faults: tuple[str, ...] = ()

    def fault(self, number: int) -> str | None:
        """Return how it cheats in a round."""
        return self.faults[number % len(self.faults)] if self.faults else None

    @property
    def address(self) -> str:
        return f"0x{self.number + 1:040x}"


@dataclass(slots=True)
class Told:
    """A run: held-out greedy reward of every checkpoint, base first; by trainer the units made, and those accepted;
    how submissions ended, honest ones and cheats ("accepted", "kept back", or the reason of the refusal)."""

    rewards: list[float] = field(default_factory=list)
    made: Counter[str] = field(default_factory=Counter)
    paid: Counter[str] = field(default_factory=Counter)
    honest: Counter[str] = field(default_factory=Counter)
    cheats: Counter[str] = field(default_factory=Counter)

    @property
    def gain(self) -> float:
        return self.rewards[-1] - self.rewards[0]

    def to_json(self) -> dict[str, Any]:
        columns = ("made", "paid", "honest", "cheats")
        return {"rewards": self.rewards, **{name: dict(getattr(self, name)) for name in columns}}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Told:
        return cls(value["rewards"], *(Counter(value[name]) for name in ("made", "paid", "honest", "cheats")))


@dataclass(frozen=True, slots=True)
class Setting:
    """The numbers of a task that a bench chooses; all others are the digits template's. `drawn` groups are audited."""

    rounds: int
    warm_up: int = 30
    digits: int = 4
    groups: int = 128
    drawn: int = 32
    steps: int = 8
    lr: float = 1e-4
    max_loss_rise: float = 0.1


def task(room: Path, setting: Setting) -> TaskSpec:
    """Make checkpoint 0 in `room` and return the task for it."""
    spec = templates.blank("digits")
    options: dict[str, Option] = {"digits": setting.digits}
    env = registry.get("digits", options)
    base = make_base("digits", options, room / "0", steps=setting.warm_up).root()
    environment = replace(spec.environment, hash=env.hash, options=options, seed_count=env.training_seeds)
    rules = replace(spec.verification, groups=setting.drawn, max_loss_rise=setting.max_loss_rise)
    return replace(
        spec,
        environment=environment,
        model=replace(spec.model, base=base),
        rollout=replace(spec.rollout, groups=setting.groups, max_new_tokens=setting.digits + 1),
        inner=replace(spec.inner, steps=setting.steps, lr=setting.lr),
        verification=rules,
    )


class Rounds:
    """One run of a task in the folder `room`, whose checkpoint 0 `task` made; `checked`: every submission is checked,
    and only what passes is merged."""

    def __init__(self, room: Path, spec: TaskSpec, seed: int, checked: bool = False) -> None:
        self.room, self.spec, self.seed, self.checked = room, spec, seed, checked
        self.told = Told([evaluate(room / "0", spec, ITEMS).reward])
        self._workers: dict[str, WorkerState] = {}
        self._accepted: Counter[str] = Counter()

    def run(self, trainers: Sequence[Trainer], rounds: int) -> Told:
        for number in range(1, rounds + 1):
            self._round(trainers, number)
        return self.told

    def _round(self, trainers: Sequence[Trainer], number: int) -> None:
        parts = []
        for trainer in trainers:
            base = max(0, number - 1 - trainer.staleness)
            made = self._train(trainer, number, base)
            ending = self._ending(trainer, number, base, made)
            how = f"{trainer.fault(number)}: " if trainer.faults else ""
            self.told.made[trainer.address] += made.units
            (self.told.cheats if trainer.faults else self.told.honest)[how + ending] += 1
            if ending == "accepted":
                self.told.paid[trainer.address] += made.units
                size = weights.read_checkpoint(self.room / "0", self.spec.rounds.max_artifact_bytes).n_params
                found = update.read(self.room / "submission" / update.NAME, size)
                parts.append(merge.Part(found.q, found.scale, made.units))
        self._merge(parts, number)
        self.told.rewards.append(evaluate(self.room / str(number), self.spec, ITEMS).reward)

    def _hash(self, what: str, number: int) -> bytes:
        return hashlib.sha256(f"rl {what} {self.seed} {number}".encode()).digest()

    def _bound(self, trainer: Trainer, number: int, base: int) -> dict[str, Any]:
        return {
            "chain_id": 31337,
            "ledger": LEDGER,
            "task": 1,
            "round": number,
            "trainer": trainer.address,
            "n": 0,
            "base": base,
            "first_group": 0,
        }

    def _train(self, trainer: Trainer, number: int, base: int) -> Submitted:
        """Make the trainer's submission of a round: all groups, or the first pieces of them that it has time for."""
        bound, beacon = self._bound(trainer, number, base), self._hash("beacon", number)
        out, states = self.room / "submission", self.room / "states" if self.checked else None
        shutil.rmtree(out, ignore_errors=True)
        if trainer.groups is None:
            fault = trainer.fault(number)
            return train_submission(self.room / str(base), self.spec, bound, beacon, out, fault, states=states)
        order = Order(self.room / str(base), self.spec, bound, beacon, fault=trainer.fault(number))
        maker = Generator(order)
        fit = [at for at, piece in enumerate(maker.pieces) if piece.stop <= trainer.groups]
        return train_on(order, joined([maker.make(at) for at in fit]), out, states=states)

    def _ending(self, trainer: Trainer, number: int, base: int, made: Submitted) -> str:
        if not trainer.faults and made.loss_rise > self.spec.verification.max_loss_rise - LOSS_ROOM:
            return "kept back"
        if not self.checked:
            return "accepted"
        finding = self._check(trainer, number, base, made)
        passed = finding.reason.name == "NONE"
        if finding.worker is not None:
            self._workers[trainer.address] = WorkerState.from_json(finding.worker)
        self._accepted[trainer.address] = self._accepted[trainer.address] + 1 if passed else 0
        return "accepted" if passed else finding.reason.name.lower()

    def _check(self, trainer: Trainer, number: int, base: int, made: Submitted) -> Finding:
        """Open the drawn steps as the trainer does, and check as a validator that audited it before does."""
        accepted, seed = self._accepted[trainer.address], self._hash("audit", number)[:16]
        spec, history = self.spec, History(accepted, accepted)
        context = Context(
            **self._bound(trainer, number, base),
            units=made.units,
            beacon=self._hash("beacon", number),
            audit_seed=seed,
            root=made.root,
            history=history,
        )
        submission, checkpoint = self.room / "submission", self.room / str(base)
        opened, openings = self.room / "opened", self.room / "openings"
        for folder in (opened, openings):
            shutil.rmtree(folder, ignore_errors=True)
        openings.mkdir()
        drawn = list(plan_of(seed, trainer.address, 0, spec, history, trainer.groups).steps)
        for folder in open_steps(self.room / "states", submission, checkpoint, spec, drawn, opened):
            shutil.copytree(folder, openings / open_artifact(folder, 1 << 30).root.hex(), dirs_exist_ok=True)
        worker = self._workers.get(trainer.address, WorkerState())
        return check_submission(submission, checkpoint, spec, context, openings, worker=worker)

    def _merge(self, parts: list[merge.Part], number: int) -> None:
        """Write the next checkpoint; a round without accepted work keeps the weights."""
        last, out = self.room / str(number - 1), self.room / str(number)
        shutil.rmtree(out, ignore_errors=True)
        if not parts:
            shutil.copytree(last, out)
            return
        base, outer = weights.read_checkpoint(last, self.spec.rounds.max_artifact_bytes), self.spec.outer
        flat = weights.flatten(base.arrays)
        theta, momentum = merge.merge(flat, base.momentum, parts, outer.lr_4096, outer.momentum_4096)
        weights.write_checkpoint(out, Checkpoint(weights.unflatten(theta, base.arrays), momentum, base.config))
