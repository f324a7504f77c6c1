"""Micro-batches: their sum is the batch's gradient, whatever the room."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from assay.model import load, microbatch, steps
from assay.protocol.spec import TaskSpec
from unit.model import tiny
from unit.protocol.example import example

KINDS = (("grpo", 4), ("dpo", 2), ("sft", 1), ("pretrain", 1))


def _spec(kind: str = "grpo", size: int = 4) -> TaskSpec:
    spec = example()
    return replace(spec, kind=kind, rollout=replace(spec.rollout, group_size=size), loss=replace(spec.loss, kl=0.1))


def _pulled(made: tiny.Columns, spec: TaskSpec, begun: list[int]) -> tuple[float, dict[str, torch.Tensor]]:
    model = tiny.model(1)
    passes = list[int]()
    handle = load.head(model).register_forward_hook(lambda *_: passes.append(1))
    value = steps.backward(model, made, slice(0, 16), spec, lambda: begun.append(len(passes)))
    handle.remove()
    begun.append(len(passes))
    return value, {name: p.grad.clone() for name, p in load.trained(model) if p.grad is not None}


@pytest.mark.parametrize(("kind", "size"), KINDS)
@pytest.mark.parametrize("room", [0, 60_000])
def test_backward__little_room__several_micro_batches_and_the_same_gradient(
    kind: str, size: int, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, spec = tiny.columns(), _spec(kind, size)
    begun = list[int]()
    value, whole = _pulled(made, spec, begun)
    assert begun == [0, 1]
    monkeypatch.setattr(microbatch, "room_of", lambda _: room)
    begun.clear()
    same, parts = _pulled(made, spec, begun)
    assert begun[1] > 2 and begun[0] == begun[1] - 1  # told before the last one
    assert same == pytest.approx(value, abs=1e-6) and parts.keys() == whole.keys()
    for name, gradient in whole.items():
        assert torch.allclose(parts[name], gradient, rtol=1e-4, atol=1e-6)


def test_backward__several_micro_batches_twice__equal_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microbatch, "room_of", lambda _: 60_000)
    (value, one), (again, other) = (_pulled(tiny.columns(), _spec(), []) for _ in range(2))
    assert value == again and all(torch.equal(one[name], other[name]) for name in one)


def test_backward__equal_groups__are_left_out_of_sum_and_count() -> None:
    made, spec = tiny.columns(), _spec()
    rewards = made.rewards.copy()
    rewards[4:12] = 0.5
    found, gradient = _pulled(replace(made, rewards=rewards), spec, [])
    rows = np.r_[0:4, 12:16]
    rest = tiny.Columns(**{name: getattr(made, name)[rows] for name in tiny.Columns.__dataclass_fields__})
    model = tiny.model(1)
    assert steps.backward(model, rest, slice(0, 8), spec) == found
    assert all(torch.equal(p.grad, gradient[name]) for name, p in load.trained(model) if p.grad is not None)


def test_inner_loop__nothing_counts__loss_and_gradient_are_zero_and_weights_stay() -> None:
    made = replace(tiny.columns(), rewards=np.full(16, 0.25, np.float32))
    model = tiny.model()
    spec = replace(_spec(), inner=replace(_spec().inner, steps=2, weight_decay=0.0))
    loop = steps.InnerLoop(model, made, spec)
    before, report = loop.flat.theta.copy(), loop.pull()
    loop.push()
    assert (report.loss, report.grad_norm) == (0.0, 0.0) and not loop.flat.gradient.any()
    assert np.array_equal(loop.flat.theta, before)
    assert not steps.counts(made, slice(0, 8), spec) and steps.counts(tiny.columns(), slice(0, 8), spec)


def test_cut__too_much_for_the_room__like_lengths_together_and_pairs_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    model, widths = tiny.model(), np.array([9, 2, 3, 3, 8, 8, 2, 9])
    one = microbatch.activation_bytes(model, 2, 9, 2)
    monkeypatch.setattr(microbatch, "room_of", lambda _: one)
    parts = microbatch.cut(model, widths, np.ones(8, np.int64), 1)
    assert sorted(row for part in parts for row in part.tolist()) == list(range(8))
    assert all(len(part) == 1 or len(part) * widths[part].max() <= 18 for part in parts)
    assert all(widths[a].max() <= widths[b].min() for a, b in pairwise(parts))
    pairs = microbatch.cut(model, widths, np.ones(8, np.int64), 2)
    assert [part.reshape(-1, 2)[:, 1].tolist() for part in pairs] == [
        (part.reshape(-1, 2)[:, 0] + 1).tolist() for part in pairs
    ]
