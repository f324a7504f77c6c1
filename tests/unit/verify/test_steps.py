"""What each way to cheat at training meets: trainers that really train so, seal it, and open what they are asked for.

The cheats' names are those of the attack bench; the checks are the ones that validators run.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay.artifact import opening
from assay.artifact.trace import StepLeaf
from assay.artifact.update import Update
from assay.errors import Refused
from assay.model import microbatch, optimizer, steps
from assay.model.steps import InnerLoop
from assay.protocol import codec
from assay.protocol.plan import KNOWN_FROM, plan_of
from assay.protocol.profile import GradientLimits
from assay.protocol.spec import TaskSpec
from assay.train import inner, keeping
from assay.types import Reason, Verdict
from assay.verify.gradient import check_gradient
from assay.verify.step import check_chain, check_step

TRAINER = "0x" + "ab" * 20
Cheat = Callable[[InnerLoop, int], None]


def seed_that_draws(spec: TaskSpec, step: int) -> bytes:
    """Return an audit seed by which a known trainer's step is drawn."""
    seeds = (bytes([i]) * 16 for i in range(256))
    return next(seed for seed in seeds if plan_of(seed, TRAINER, 1, spec, KNOWN_FROM).steps == (step,))


def trained_so(bench, monkeypatch: pytest.MonkeyPatch, change: Callable[[type[InnerLoop]], None], step: int = 1):
    """Return the bench of a trainer whose loop is changed, and whose step `step` is drawn and opened."""

    class Loop(InnerLoop):
        pass

    change(Loop)
    monkeypatch.setattr(inner, "InnerLoop", Loop)
    monkeypatch.setattr(keeping, "InnerLoop", Loop)
    # what a cheat remembers of its steps, a kept state doesn't: they are taken again from the first
    monkeypatch.setattr(keeping, "every", lambda *_: keeping.EVERY)
    case = bench.case()
    leaves, moved = inner.take_steps(
        case.model(), case.rollouts, bench.spec, {"task": 3, "round": 2, "trainer": TRAINER, "n": 1},
        states=bench.room / "states",
    )  # fmt: skip
    made = bench.forged(steps=lambda _: leaves, change=lambda _: Update(*codec.quantise(moved)))
    opened = bench.room / "openings"
    for folder in keeping.open_steps(
        bench.room / "states", made.folder, bench.base, bench.spec, [step], bench.room / "opened"
    ):
        shutil.copytree(folder, opened / keeping.open_artifact(folder, 1 << 30).root.hex(), dirs_exist_ok=True)
    context = replace(made.context, audit_seed=seed_that_draws(bench.spec, step))
    return replace(made, context=context, openings=opened)


def pulled(wrong: Callable[[InnerLoop, steps.StepReport], steps.StepReport]) -> Callable[[type[InnerLoop]], None]:
    """A trainer that does something after each honest gradient."""

    def change(loop: type[InnerLoop]) -> None:
        honest = InnerLoop.pull
        loop.pull = lambda self: wrong(self, honest(self))  # type: ignore[method-assign]

    return change


def _wrong_rows(rows: Callable[[slice], slice]) -> Callable[[type[InnerLoop]], None]:
    """A trainer whose gradient comes from other rows than those that it names."""

    def change(loop: type[InnerLoop]) -> None:
        def pull(self: InnerLoop) -> steps.StepReport:
            named = self._rows[self.step]
            self._rows[self.step] = rows(named)
            report = InnerLoop.pull(self)
            self._rows[self.step] = named
            return replace(report, batch_hash=steps.batch_hash(self._rollouts, named))

        loop.pull = pull  # type: ignore[method-assign]

    return change


def _scaled(loop: InnerLoop, report: steps.StepReport) -> steps.StepReport:
    loop.flat.gradient *= np.float32(1.05)
    return report


def _rate(loop: type[InnerLoop]) -> None:
    def push(self: InnerLoop) -> None:
        self._settings = replace(steps.settings_of(self._spec.inner), lr=self._spec.inner.lr * 1.05)
        InnerLoop.push(self)

    loop.push = push  # type: ignore[method-assign]


def _stale(loop: type[InnerLoop]) -> None:
    """Every gradient is that of the weights one step ago."""
    seen: dict[int, np.ndarray] = {}  # of the loop that opens the step, too

    def pull(self: InnerLoop) -> steps.StepReport:
        theta = seen[self.step] = self.flat.theta.copy()
        self.flat.theta[:] = seen.get(self.step - 1, theta)
        report = InnerLoop.pull(self)
        self.flat.theta[:] = theta
        return report

    loop.pull = pull  # type: ignore[method-assign]


def _skipped(loop: type[InnerLoop]) -> None:
    loop.push = lambda self: setattr(self, "step", self.step + 1)  # type: ignore[method-assign]


def _noise(loop: InnerLoop, report: steps.StepReport) -> steps.StepReport:
    noise = np.random.default_rng(loop.step).standard_normal(loop.flat.gradient.size).astype(np.float32)
    loop.flat.gradient[:] = noise * (optimizer.norm(loop.flat.gradient) / optimizer.norm(noise))
    return report


def _poison(loop: InnerLoop, report: steps.StepReport) -> steps.StepReport:
    """One value is bent by a hundredth of its tensor's root mean square, which no norm shows."""
    loop.flat.gradient[11] += np.float32(0.01 * optimizer.norm(loop.flat.gradient) / loop.flat.gradient.size**0.5)
    return report


def _other_token(loop: type[InnerLoop]) -> None:
    """The gradient is that of a batch with one token changed."""

    def pull(self: InnerLoop) -> steps.StepReport:
        honest, rows = self._rollouts, self._rows[self.step]
        tokens = honest.tokens.copy()
        tokens[rows.start, 0] = (tokens[rows.start, 0] + 1) % 10
        self._rollouts = replace(honest, tokens=tokens)
        report = InnerLoop.pull(self)
        self._rollouts = honest
        return replace(report, batch_hash=steps.batch_hash(honest, rows))

    loop.pull = pull  # type: ignore[method-assign]


CHEATS = {
    "wrong data": _wrong_rows(lambda rows: slice(0, 16) if rows.start else slice(16, 32)),
    "half batch": _wrong_rows(lambda rows: slice(rows.start, rows.start + 8)),
    "gradient x1.05": pulled(_scaled),
    "learning rate x1.05": _rate,
    "stale parameters": _stale,
    "skipped step": _skipped,
    "random gradient of equal norm": pulled(_noise),
    "poisoned value": pulled(_poison),
    "one token changed": _other_token,
}


TO_THE_BIT = ("learning rate x1.05", "skipped step")


@pytest.mark.parametrize("cheat", CHEATS)
def test_check_step__trained_otherwise__is_invalid_at_the_drawn_step(honest, monkeypatch, cheat: str) -> None:
    bench = trained_so(honest, monkeypatch, CHEATS[cheat])
    with pytest.raises(Refused) as refused:
        check_step(bench.case())
    expected = Reason.STEP if cheat in TO_THE_BIT else Reason.GRADIENT
    assert (refused.value.reason, refused.value.leaf) == (expected, 1)


def test_check_step__honest_trainer__passes_at_either_step(honest, monkeypatch) -> None:
    for step in (0, 1):
        bench = trained_so(honest, monkeypatch, lambda loop: None, step)
        assert check_step(bench.case()).value < 1e-6
        shutil.rmtree(bench.room / "opened")


def test_check_chain__replayed_gradient__is_seen_without_an_opening(honest) -> None:
    def replay(leaves: list[StepLeaf]) -> list[StepLeaf]:
        return [leaves[0], replace(leaves[1], gradient_root=leaves[0].gradient_root, sketch=leaves[0].sketch)]

    bench = replace(honest.forged(steps=replay), openings=None)
    with pytest.raises(Refused, match="replays") as refused:
        check_chain(bench.case())
    assert (refused.value.reason, refused.value.leaf) == (Reason.STEP, 1)


@pytest.mark.parametrize("field", ["weights_before", "moments_before"])
@pytest.mark.parametrize("step", [0, 1])
def test_check_chain__a_step_begins_elsewhere__is_seen_without_an_opening(honest, field: str, step: int) -> None:
    def gap(leaves: list[StepLeaf]) -> list[StepLeaf]:
        return [replace(leaf, **{field: b"\x07" * 32}) if leaf.step == step else leaf for leaf in leaves]

    with pytest.raises(Refused, match="doesn't begin") as refused:
        check_chain(replace(honest.forged(steps=gap), openings=None).case())
    assert (refused.value.reason, refused.value.leaf) == (Reason.STEP, step)


def test_check_step__random_update_of_equal_norm__is_invalid(submit) -> None:
    with pytest.raises(Refused) as refused:
        check_step(submit("update").case())
    assert (refused.value.reason, refused.value.leaf) == (Reason.UPDATE, 1)
    assert refused.value.value > 1


def test_check_step__poisoned_update__one_value_is_enough(honest) -> None:
    def poison(update: Update) -> Update:
        q = update.q.copy()
        q[-1] += 1 if q[-1] < 100 else -1
        return replace(update, q=q)

    with pytest.raises(Refused) as refused:
        check_step(honest.forged(change=poison).case())
    assert refused.value.reason is Reason.UPDATE


def test_check__nothing_opened__is_unavailable_and_never_a_yes(honest, tmp_path: Path) -> None:
    for openings in (None, tmp_path / "nothing"):
        finding = replace(honest, openings=openings).check()
        assert (finding.verdict, finding.reason) == (Verdict.UNAVAILABLE, Reason.MISSING)


@pytest.mark.parametrize("kind", ["weights", "moments", "gradient"])
def test_check__one_part_withheld__is_unavailable(honest, tmp_path: Path, kind: str) -> None:
    context = replace(honest.context, audit_seed=seed_that_draws(honest.spec, 1))
    leaf = honest.case().steps[1]
    root = {"weights": leaf.weights_before, "moments": leaf.moments_before, "gradient": leaf.gradient_root}[kind]
    shutil.copytree(honest.openings, tmp_path / "openings")
    shutil.rmtree(tmp_path / "openings" / root.hex())
    finding = replace(honest, openings=tmp_path / "openings", context=context).check()
    assert (finding.verdict, finding.reason, finding.leaf) == (Verdict.UNAVAILABLE, Reason.MISSING, None)
    assert finding.message.startswith("step 1: ")


def test_check__opened_bytes_changed__are_refused_wherever_they_lie(honest, tmp_path: Path) -> None:
    shutil.copytree(honest.openings, tmp_path / "openings")
    leaf = honest.case().steps[1]
    path = tmp_path / "openings" / leaf.moments_before.hex() / "second.bin"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    context = replace(honest.context, audit_seed=seed_that_draws(honest.spec, 1))
    finding = replace(honest, openings=tmp_path / "openings", context=context).check()
    assert (finding.verdict, finding.reason, finding.leaf) == (Verdict.INVALID, Reason.STEP, 1)


def test_check_gradient__limits_of_norm_and_peak__each_refuses_alone(honest) -> None:
    case = honest.case()
    leaf = case.steps[0]
    gradient = case.opening("gradient", leaf.gradient_root)
    bent = next(gradient.shards()).copy()
    bent[5] += np.float32(0.02 * np.sqrt(np.mean(np.square(bent[:1000]))))
    opening.write(honest.room / "bent", "gradient", bent)
    forged = opening.open_opening(honest.room / "bent", "gradient", opening.root("gradient", bent), bent.size)
    for limits, word in (
        (GradientLimits(norm=1e-7, peak=1e9), "the gradient of"),
        (GradientLimits(norm=1e9), "a value of"),
    ):
        with pytest.raises(Refused, match=word):
            check_gradient(case.model(), case.rollouts, case.spec, leaf, forged, limits)
    check_gradient(case.model(), case.rollouts, case.spec, leaf, forged, GradientLimits(norm=1e9, peak=1e9))


def test_check_gradient__activations_computed_twice__same_gradient(honest, monkeypatch: pytest.MonkeyPatch) -> None:
    case, leaf = honest.case(), honest.case().steps[0]
    pull, limits = case.opening("gradient", leaf.gradient_root), GradientLimits()
    kept = check_gradient(case.model(), case.rollouts, case.spec, leaf, pull, limits)
    monkeypatch.setattr(microbatch, "room_of", lambda _: 0)
    twice = check_gradient(case.model(), case.rollouts, case.spec, leaf, pull, limits)
    assert kept < 1e-6 and twice == pytest.approx(kept, abs=1e-5)
