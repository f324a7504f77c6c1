"""Check 7: the chain of inner steps, the drawn ones from the states that their trainer opened, and the update.

Of every step, for nothing: its batch, that each begins where the one before ended, the first at the checkpoint, and
that no gradient was used twice. Of a drawn one: the optimizer applied to the opened state and gradient gives the next
state to the bit, and one forward and backward pass gives the gradient within the tolerance. What wasn't opened is
MISSING. Steps that weren't drawn may be false: the audit plan says how likely that is found.

Source of the scheme and its limits: research/toploc.md sections 2.7 and 4.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from assay.artifact import opening
from assay.artifact.opening import GRADIENT, MOMENTS, WEIGHTS, Floats, Opening
from assay.artifact.trace import StepLeaf
from assay.errors import Refused
from assay.model import optimizer, steps
from assay.protocol import codec
from assay.protocol.sketch import WIDTH, Sketch
from assay.types import Reason
from assay.verify.case import Case, Measure
from assay.verify.gradient import check_gradient


def check_step(case: Case) -> Measure:
    """Check the drawn steps and the update. Value: the worst relative error of a gradient."""
    worst = 0.0
    for step in case.plan.steps:
        try:
            worst = max(worst, check_one(case, case.steps[step]))
        except Refused as fault:  # readers of files don't know which step they read for
            reason = fault.reason or Reason.STEP
            leaf = None if reason is Reason.MISSING else step  # as where the whole artifact is missing
            raise Refused(f"step {step}: {fault}", reason, leaf, fault.value, fault.threshold) from fault
    check_last(case)
    return Measure(worst, case.profile.gradient.norm)


def wanted(case: Case) -> list[tuple[str, bytes]]:
    """Return kind and root of all that has to be opened of a submission."""
    return opening.wanted(case.steps, list(case.plan.steps))


def check_chain(case: Case) -> Measure:
    """Check what the leaves and the rollouts show of all steps, without an opening."""
    weights = opening.root_of(WEIGHTS, case.n_params, [[opening.digest(shard) for shard in case.base()]])
    state = (weights, opening.zero_root(MOMENTS, case.n_params))
    used, nothing = set[bytes](), opening.zero_root(GRADIENT, case.n_params)
    spec, rollouts = case.spec, case.rollouts
    rows = steps.batches(len(rollouts), spec.rollout.group_size, spec.inner.steps)
    for leaf, batch in zip(case.steps, rows, strict=True):
        if leaf.batch_hash != steps.batch_hash(rollouts, batch):
            raise Refused(f"step {leaf.step} was taken on another batch", Reason.STEP, leaf.step)
        if (leaf.weights_before, leaf.moments_before) != state:
            where = "the base checkpoint" if leaf.step == 0 else f"where step {leaf.step - 1} ended"
            raise Refused(f"step {leaf.step} doesn't begin at {where}", Reason.STEP, leaf.step)
        if leaf.gradient_root in used and leaf.gradient_root != nothing:
            raise Refused(f"step {leaf.step} replays an earlier step's gradient", Reason.STEP, leaf.step)
        is_nothing = (leaf.gradient_root, leaf.grad_norm, leaf.loss) == (nothing, 0.0, 0.0)
        if not is_nothing and not steps.counts(rollouts, batch, spec):
            raise Refused(f"step {leaf.step} has a gradient, and nothing to have it of", Reason.STEP, leaf.step)
        used.add(leaf.gradient_root)
        state = (leaf.weights_after, leaf.moments_after)
    return Measure()


def check_one(case: Case, leaf: StepLeaf) -> float:
    """Check one step from its opening; return the gradient's worst relative error in a tensor."""
    gradient = case.opening(GRADIENT, leaf.gradient_root)
    weights = case.opening(WEIGHTS, leaf.weights_before) if leaf.step else None
    moments = case.opening(MOMENTS, leaf.moments_before) if leaf.step else None
    check_transition(
        leaf,
        weights.shards() if weights else case.base(),
        moments,
        gradient,
        steps.settings_of(case.spec.inner),
    )
    model = case.model_of(weights.shards() if weights else case.base())
    return check_gradient(model, case.rollouts, case.spec, leaf, gradient, case.profile.gradient)


def check_transition(
    leaf: StepLeaf,
    weights: Iterator[Floats],
    moments: Opening | None,
    gradient: Opening,
    settings: optimizer.AdamWSettings,
) -> None:
    """Apply the optimizer to the opened state and gradient, shard by shard: the next state's roots must come out.

    Everything is hashed on the way; a few shards are held. `moments` is None where they are zero.
    """
    after: tuple[list[bytes], list[bytes], list[bytes]] = ([], [], [])
    before, sketch = list[bytes](), Sketch()
    begin = optimizer.AdamWState.zero(0).products_at(leaf.step, settings)
    for old, first, second, pull in zip(weights, *_moments(moments, gradient), gradient.shards(), strict=True):
        sketch.add(pull)
        before.append(opening.digest(old))
        theta, state = old.copy(), replace(begin, first=first.copy(), second=second.copy())
        optimizer.step(theta, pull, state, settings)
        for digests, part in zip(after, (theta, state.first, state.second), strict=True):
            digests.append(opening.digest(part))
    size = gradient.size
    if opening.root_of(WEIGHTS, size, [before]) != leaf.weights_before:
        raise Refused("the opened weights aren't those before the step", Reason.STEP)
    found = opening.root_of(WEIGHTS, size, after[:1]), opening.root_of(MOMENTS, size, after[1:])
    if found != (leaf.weights_after, leaf.moments_after):
        raise Refused("the optimizer doesn't give the state that the step claims", Reason.STEP)
    if not _close(sketch.bytes(), leaf.sketch):
        raise Refused("the sketch isn't that of the gradient", Reason.STEP)


def check_last(case: Case) -> None:
    """Compare the update with the weights after the last step: every block must be what the codec makes of them."""
    last, at = case.steps[-1], 0
    for base, after in zip(case.base(), case.opening(WEIGHTS, last.weights_after).shards(), strict=True):
        q, scale = codec.quantise(base - after)
        blocks = at // codec.BLOCK
        own = case.update.q[at : at + base.size], case.update.scale[blocks : blocks + len(scale)]
        if not (np.array_equal(q, own[0]) and np.array_equal(scale, own[1])):
            raise _another_update(last.step, codec.dequantise(q, scale), codec.dequantise(*own))
        at += base.size


def _another_update(step: int, due: np.ndarray, found: np.ndarray) -> Refused:
    length, apart = float(np.linalg.norm(due)), float(np.linalg.norm(due - found))
    value = apart / length if length else float("inf")
    return Refused("the update isn't what the inner steps give", Reason.UPDATE, step, value, 0.0)


def _moments(moments: Opening | None, gradient: Opening) -> Sequence[Iterator[Floats]]:
    if moments is not None:
        return moments.shards(0), moments.shards(1)
    return (_zeros(gradient.size), _zeros(gradient.size))


def _zeros(size: int) -> Iterator[Floats]:
    for at in range(0, size, opening.SHARD):
        yield np.zeros(min(opening.SHARD, size - at), np.float32)


def _close(own: bytes, claimed: bytes) -> bool:
    """Tell whether two sketches agree to a float16's last place: sums may be rounded otherwise elsewhere."""
    a, b = (np.frombuffer(sketch, "<f2").astype(np.float64) for sketch in (own, claimed))
    return a.size == b.size == WIDTH and bool((np.abs(a - b) <= 2.0**-9 * np.abs(a) + 2.0**-23).all())
