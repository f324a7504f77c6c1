"""The attacks on training: trainers that really train so, seal it, and open the step that is drawn.

A cheat takes one inner step of four otherwise and all others honestly; that step is the one that is drawn. How often
the plan draws it is another number: `chances`. Every trial has fresh rollouts; what decides are the validator's own
`check_chain`, `check_update` and `check_step`, on files.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from assay.artifact import opening
from assay.artifact.folder import open_artifact
from assay.errors import Refused
from assay.model import load, optimizer, steps
from assay.model.steps import InnerLoop, StepReport
from assay.protocol import plan
from assay.protocol.spec import TaskSpec
from assay.train import export, faults, inner, keeping, rollout
from assay.verify import step as step_check
from assay.verify.case import Case, Context
from assay.verify.update import check_update
from detection.world import TRAINER, World

STEPS, PER_STEP = 4, 2
BOUND: dict[str, Any] = {
    "chain_id": 31337, "ledger": "0x" + "11" * 20, "task": 1, "round": 2, "trainer": TRAINER, "n": 1, "base": 0,
    "first_group": 0,
}  # fmt: skip
Pull = Callable[[InnerLoop], StepReport]


def _loop(at: int, pull: Pull | None = None, push: Callable[[InnerLoop], None] | None = None) -> type[InnerLoop]:
    """A loop whose step `at` is taken otherwise."""

    class Loop(InnerLoop):
        checkpoint: Any = None

        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.checkpoint = self.flat.theta.copy()

        def pull(self) -> StepReport:
            return pull(self) if pull and self.step == at else super().pull()

        def push(self) -> None:
            if push and self.step == at:
                push(self)
            else:
                super().push()

    return Loop


def _honest(loop: InnerLoop) -> StepReport:
    return InnerLoop.pull(loop)


def _rows(change: Callable[[slice], slice]) -> Pull:
    """The gradient of other rows than those that are named."""

    def pull(loop: InnerLoop) -> StepReport:
        named = loop._rows[loop.step]
        loop._rows[loop.step] = change(named)
        report = _honest(loop)
        loop._rows[loop.step] = named
        return replace(report, batch_hash=steps.batch_hash(loop._rollouts, named))

    return pull


def _scaled(loop: InnerLoop) -> StepReport:
    report = _honest(loop)
    loop.flat.gradient *= np.float32(1.05)
    return report


def _rate(loop: InnerLoop) -> None:
    honest, loop._settings = loop._settings, replace(loop._settings, lr=loop._settings.lr * 1.05)
    InnerLoop.push(loop)
    loop._settings = honest


def _stale(loop: InnerLoop) -> StepReport:
    """The gradient of the weights before the first step."""
    theta = loop.flat.theta.copy()
    loop.flat.theta[:] = loop.checkpoint  # type: ignore[attr-defined]
    report = _honest(loop)
    loop.flat.theta[:] = theta
    return report


def _skipped(loop: InnerLoop) -> None:
    loop.step += 1


def _replayed(bent: bool) -> Pull:
    """The first step's gradient once more; bent by a millionth, so that its root is another."""

    def pull(loop: InnerLoop) -> StepReport:
        theta, at, named = loop.flat.theta.copy(), loop.step, loop._rows[loop.step]
        loop.flat.theta[:], loop.step = loop.checkpoint, 0  # type: ignore[attr-defined]
        report = _honest(loop)
        loop.flat.theta[:], loop.step = theta, at
        if bent:
            loop.flat.gradient *= np.float32(1 + 1e-6)
        return replace(report, step=at, batch_hash=steps.batch_hash(loop._rollouts, named))

    return pull


def _noise(loop: InnerLoop) -> StepReport:
    report = _honest(loop)
    noise = np.random.default_rng(loop.step).standard_normal(loop.flat.gradient.size).astype(np.float32)
    loop.flat.gradient[:] = noise * (optimizer.norm(loop.flat.gradient) / optimizer.norm(noise))
    return report


def _poison(loop: InnerLoop) -> StepReport:
    """One value is bent by a hundredth of the root mean square, which no norm shows."""
    report, gradient = _honest(loop), loop.flat.gradient
    at = int(np.argmax(np.abs(gradient)))
    gradient[at] += np.float32(0.01 * optimizer.norm(gradient) / gradient.size**0.5 + 0.01 * abs(gradient[at]))
    return report


def _other_token(loop: InnerLoop) -> StepReport:
    honest, rows = loop._rollouts, loop._rows[loop.step]
    tokens = honest.tokens.copy()  # type: ignore[attr-defined]
    counts = rows.start + int(
        np.argmax(np.abs(loop._weight[rows]))
    )  # where a rollout has no advantage, nothing changes
    tokens[counts, 0] = (tokens[counts, 0] + 1) % 10
    loop._rollouts = replace(honest, tokens=tokens)  # type: ignore[type-var]
    report = _honest(loop)
    loop._rollouts = honest
    return replace(report, batch_hash=steps.batch_hash(honest, rows))


def _bend(update: Any) -> Any:
    """One value of the sealed update, one step of its scale off."""
    bent = update.copy()
    bent[int(np.argmax(np.abs(bent)))] *= np.float32(1.02)
    return bent


@dataclass(frozen=True)
class Cheat:
    """What is done otherwise: the gradient, the optimizer's step, or the sealed update; `first`: the earliest step."""

    pull: Pull | None = None
    push: Callable[[InnerLoop], None] | None = None
    update: Callable[[Any, np.random.Generator], Any] | None = None
    first: int = 0


CHEATS: dict[str, Cheat] = {
    "wrong_data": Cheat(pull=_rows(lambda rows: slice(0, rows.stop - rows.start)), first=1),
    "half_batch": Cheat(pull=_rows(lambda rows: slice(rows.start, (rows.start + rows.stop) // 2))),
    "learning_rate_1.05": Cheat(push=_rate),
    "gradient_1.05": Cheat(pull=_scaled),
    "stale_parameters": Cheat(pull=_stale, first=1),
    "skipped_step": Cheat(push=_skipped),
    "replayed_gradient": Cheat(pull=_replayed(False), first=1),
    "replayed_gradient_bent": Cheat(pull=_replayed(True), first=1),
    "random_gradient_of_equal_norm": Cheat(pull=_noise),
    "random_update_of_equal_norm": Cheat(update=faults.random_update),
    "one_token_of_the_batch": Cheat(pull=_other_token),
    "poisoned_gradient": Cheat(pull=_poison),
    "poisoned_update": Cheat(update=lambda update, rng: _bend(update)),
}


class Bench:
    """Trains, opens and audits in a folder in memory."""

    def __init__(self, world: World, base: Path, steps_: int = STEPS) -> None:
        self.base = base
        plain = world.spec
        self.spec: TaskSpec = replace(
            plain,
            rollout=replace(plain.rollout, groups=steps_ * PER_STEP),
            inner=replace(plain.inner, steps=steps_),
            verification=replace(plain.verification, groups=4),
        )
        self.env = world.env
        self.history = world.history
        self.config = world.checkpoint.config
        self.spent: dict[str, float] = {}
        self._seeds = dict(self._found())

    def _found(self) -> Iterator[tuple[int, bytes]]:
        for number in range(256):
            seed = number.to_bytes(16, "big")
            yield plan.plan_of(seed, TRAINER, BOUND["n"], self.spec, plan.KNOWN_FROM).steps[0], seed

    def refused(self, number: int, cheat: Cheat = Cheat(), kernel: str = "sdpa") -> str | None:
        """Train with a cheat, draw its step, and audit; return the reason of a refusal, or None."""
        rng = np.random.Generator(np.random.PCG64([20_261_125, number]))
        at = int(rng.integers(cheat.first, self.spec.inner.steps))
        loop = _loop(at, cheat.pull, cheat.push)
        with tempfile.TemporaryDirectory(dir="/dev/shm") as name, _trains_by(loop):
            case = self._sealed(Path(name), rng, at, cheat)
            return self._audited(case, kernel)

    def _sealed(self, room: Path, rng: np.random.Generator, at: int, cheat: Cheat) -> Case:
        load.determinism(1)
        beacon = rng.bytes(32)
        model = load.build(self.config, self.history[0])
        made = rollout.make_rollouts(model, self.env, self.spec, beacon, 1, 2, TRAINER, 0, self.spec.rollout.groups)
        start = time.process_time()
        leaves, moved = inner.take_steps(model, made, self.spec, BOUND, states=room / "states")
        self.spent["train"] = time.process_time() - start
        if cheat.update:
            moved = cheat.update(moved, rng)
        export._write(room / "s", self.spec, {**BOUND, "profile": 0}, made, leaves, moved)
        for folder in keeping.open_steps(room / "states", room / "s", self.base, self.spec, [at], room / "opened"):
            shutil.copytree(folder, room / "openings" / open_artifact(folder, 1 << 30).root.hex(), dirs_exist_ok=True)
        context = Context(**BOUND, units=made.units, beacon=beacon, audit_seed=self._seeds[at], history=plan.KNOWN_FROM)
        return Case(room / "s", self.base, self.spec, context, room / "openings")

    def _audited(self, case: Case, kernel: str) -> str | None:
        assert case.rollouts and case.steps and case.n_params and len(case.update.q)
        honest, load.ATTENTION = load.ATTENTION, kernel  # type: ignore[misc]
        start = time.process_time()
        try:
            check_update(case)
            step_check.check_chain(case)
            step_check.check_step(case)
        except Refused as fault:
            return fault.reason.name.lower() if fault.reason else "step"
        finally:
            self.spent["audit"] = time.process_time() - start
            load.ATTENTION = honest  # type: ignore[misc]
        return None


@contextmanager
def _trains_by(loop: type[InnerLoop]) -> Iterator[None]:
    inner.InnerLoop = keeping.InnerLoop = loop  # type: ignore[misc]
    try:
        yield
    finally:
        inner.InnerLoop = keeping.InnerLoop = InnerLoop  # type: ignore[misc]


def costs(bench: Bench, repeats: int = 5) -> dict[str, float]:
    """Return CPU seconds of the audit of one drawn step and of the update, hashing included, over those of training."""
    digest, hashing = opening.digest, list[float]()

    def timed(shard: Any) -> bytes:
        start = time.process_time()
        found = digest(shard)
        hashing[-1] += time.process_time() - start
        return found

    best: dict[str, float] = {}
    audited, bench_audited = opening, bench._audited

    def audit(case: Case, kernel: str) -> str | None:
        hashing.append(0.0)
        audited.digest = timed  # type: ignore[assignment]
        try:
            return bench_audited(case, kernel)
        finally:
            audited.digest = digest

    bench._audited = audit  # type: ignore[method-assign]
    for number in range(repeats):
        assert bench.refused(900_000 + number) is None
        train, spent = bench.spent["train"], bench.spent["audit"]
        if not best or spent / train < best["audit_over_train"]:
            best = {
                "audit_over_train": spent / train,
                "hashing_over_train": hashing[-1] / train,
                "one_over_n": 1 / bench.spec.inner.steps,
                "train_cpu_seconds": train,
                "audit_cpu_seconds": spent,
            }
    del bench._audited
    return {name: round(value, 4) for name, value in best.items()}


def chances(spec: TaskSpec) -> dict[str, dict[str, float]]:
    """Return how likely a submission with 1, half or all of its steps faked is found, by the trainer's standing."""
    n = spec.inner.steps
    return {
        str(reached): {
            f"{faked}_of_{n}": round(float(plan.chance(n, faked, plan.size_of(spec, reached).steps)), 4)
            for faked in (1, n // 2, n)
        }
        for reached in plan.Standing
    }
