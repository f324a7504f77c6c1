"""A real tiny model, a real artifact of assay.train, and the context in which it is honest."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from assay.artifact import rollouts as rollouts_file
from assay.artifact import trace, update
from assay.artifact.folder import open_artifact, write_artifact
from assay.artifact.origin import origin_of
from assay.artifact.rollouts import Rollouts
from assay.artifact.trace import StepLeaf
from assay.artifact.update import Update
from assay.artifact.weights import read_checkpoint
from assay.model import load
from assay.model.env import registry
from assay.model.env.base import Environment
from assay.model.steps import batch_hash, batches
from assay.protocol.plan import KNOWN_FROM
from assay.protocol.profile import Bf16Limits, Float32Limits, Profile, learn, profile_hash, shipped, to_json
from assay.protocol.spec import (
    EnvironmentSpec,
    InnerSpec,
    LossSpec,
    ModelSpec,
    MoneySpec,
    OuterSpec,
    RolloutSpec,
    RoundsSpec,
    TaskSpec,
    VerificationSpec,
)
from assay.train.base import make_base
from assay.train.export import train_submission
from assay.train.keeping import open_steps
from assay.verify.case import Case, Context
from assay.verify.check import Finding, check_submission

OPTIONS = {"digits": 4}
BEACON = b"\x07" * 32
BOUND = {
    "chain_id": 31337,
    "ledger": "0x" + "11" * 20,
    "task": 3,
    "round": 2,
    "trainer": "0x" + "Ab" * 20,
    "n": 1,
    "base": 1,
    "first_group": 8,
}


def calibrated(**fields: Any) -> Profile:
    """A profile for chunks of 4 tokens, remembered by this process."""
    made = replace(shipped()["tiny-float32"], chunk=4, top_k=16, exact_rate=0.97, **fields)
    return learn(to_json(made))


FLOAT32 = calibrated(name="float32", sequence_limit=2.0, chunk_limits=Float32Limits(close_mean=2.0, far=1))
BF16 = calibrated(
    name="bf16",
    patterns="bf16",
    sequence_limit=1.0,
    chunk_limits=Bf16Limits(exponent_mismatches=1, mantissa_mean=2.0, mantissa_median=1.0),
)


def spec_of(base: bytes) -> TaskSpec:
    env = registry.get("digits", OPTIONS)
    return TaskSpec(
        name="digits-4",
        kind="grpo",
        environment=EnvironmentSpec(
            name="digits", hash=env.hash, seed_count=env.training_seeds, deterministic=True, options=OPTIONS
        ),
        model=ModelSpec(base=base, tokenizer="digits"),
        rollout=RolloutSpec(groups=8, group_size=4, max_new_tokens=6, temperature=1.0),
        loss=LossSpec(),
        inner=InnerSpec(
            steps=2, lr=1e-3, beta1=0.9, beta2=0.95, epsilon=1e-8, weight_decay=0.0,
            max_grad_norm=1.0,
        ),
        outer=OuterSpec(),
        verification=VerificationSpec(
            profiles=(profile_hash(FLOAT32), profile_hash(BF16)), chunk=4, top_k=16, groups=4, max_update_norm=4.0,
            max_loss_rise=0.5,
        ),
        rounds=RoundsSpec(
            count=6, period=25, work=9, seal_delay=1, commit=7, reveal=4, attest=4, challenge=5, lead=3, staleness=2,
            max_artifact_bytes=16 * 2**20,
        ),
        money=MoneySpec(
            budget=180, pot=30, price=1, bond=10**9, seat_fee=1, attest_fee=1, min_stake=10**9, max_units=10**6,
            power=9000, seats=3, min_trainers=1,
        ),
    )  # fmt: skip


@dataclass(frozen=True)
class Bench:
    """One submission that can be changed, signed anew like a cheat would, and checked."""

    room: Path
    folder: Path
    base: Path
    spec: TaskSpec
    context: Context
    openings: Path

    def check(self, **changes: object) -> Finding:
        return check_submission(self.folder, self.base, self.spec, replace(self.context, **changes), self.openings)

    def case(self) -> Case:
        return Case(self.folder, self.base, self.spec, self.context, self.openings)

    def forged(
        self,
        rollouts: Callable[[Rollouts], Rollouts] = lambda same: same,
        steps: Callable[[list[StepLeaf]], list[StepLeaf]] = lambda same: same,
        change: Callable[[Update], Update] = lambda same: same,
        **binding: object,
    ) -> Bench:
        """Return a copy with changed parts, every root recomputed: what a trainer with these wishes could submit."""
        case = self.case()
        made, leaves = retexted(rollouts(case.rollouts), case.environment), steps(case.steps)
        paths = {name: self.room / name for name in (rollouts_file.NAME, trace.NAME, update.NAME)}
        trace.write(paths[trace.NAME], leaves)
        update.write(paths[update.NAME], change(case.update))
        bound = {
            "units": made.units(self.spec),
            "rollout_root": made.root(self.spec),
            "trace_root": trace.root(leaves),
            **binding,
        }
        origin = origin_of(replace(case.binding, **bound))
        rollouts_file.write(paths[rollouts_file.NAME], made, self.spec, origin)
        folder = self.room / "forged"
        write_artifact(folder, "submission", replace(case.binding, **bound), dict(paths))
        context = replace(self.context, units=made.units(self.spec), root=open_artifact(folder, 1 << 30).root)
        return replace(self, folder=folder, context=context)


def retexted(made: Rollouts, environment: Environment) -> Rollouts:
    """Return rollouts whose texts say what their tokens say: a cheat wouldn't stumble over that."""
    texts = made.texts.copy()
    texts[:] = [
        environment.describe(row[:n]) for row, n in zip(made.tokens.tolist(), made.lengths.tolist(), strict=True)
    ]
    return replace(made, texts=texts)


def rehashed(bench: Bench, made: Rollouts) -> Callable[[list[StepLeaf]], list[StepLeaf]]:
    """Return a change of a trace that names the batches of other rollouts."""

    def change(leaves: list[StepLeaf]) -> list[StepLeaf]:
        rows = batches(len(made), bench.spec.rollout.group_size, len(leaves))
        return [replace(leaf, batch_hash=batch_hash(made, part)) for leaf, part in zip(leaves, rows, strict=True)]

    return change


def open_all(room: Path, base: Path, spec: TaskSpec) -> Path:
    """Open every step of the submission in a room, each opening in a folder named by its root."""
    every, opened = list(range(spec.inner.steps)), room / "openings"
    for folder in open_steps(room / "states", room / "submission", base, spec, every, room / "opened"):
        shutil.copytree(folder, opened / open_artifact(folder, 1 << 30).root.hex(), dirs_exist_ok=True)
    return opened


@pytest.fixture(scope="session", autouse=True)
def _deterministic() -> Iterator[None]:
    threads = torch.get_num_threads()
    load.determinism(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify") / "base"
    make_base("digits", OPTIONS, folder, steps=30)
    return folder


@pytest.fixture(scope="session")
def submit(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Bench]:
    made: dict[tuple[str | None, int], Bench] = {}
    plain = spec_of(open_artifact(base, 1 << 30).root)

    def make(fault: str | None = None, profile: int = 0) -> Bench:
        if (fault, profile) not in made:
            room = tmp_path_factory.mktemp(fault or "honest")
            done = train_submission(
                base, plain, BOUND, BEACON, room / "submission", fault, states=room / "states", profile=profile
            )
            context = Context(
                **BOUND, units=done.units, beacon=BEACON, audit_seed=b"\x05" * 16, root=done.root, history=KNOWN_FROM
            )
            opened = open_all(room, base, plain)
            made[fault, profile] = Bench(room, room / "submission", base, plain, context, opened)
        return made[fault, profile]

    return make


@pytest.fixture
def honest(submit: Callable[..., Bench], tmp_path: Path) -> Bench:
    made = submit()
    folder = tmp_path / "submission"
    shutil.copytree(made.folder, folder)
    return replace(made, room=tmp_path, folder=folder)


@pytest.fixture(scope="session")
def n_params(base: Path) -> int:
    return read_checkpoint(base, 1 << 30).n_params
