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
@pytest.mark.parametrize("room", [0, 20_000])
def test_backward__little_room__several_micro_batches_and_the_same_gradient(
    kind: str, size: int, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, spec = tiny.columns(), _spec(kind, size)
    begun = list[int]()
    value, whole = _pulled(made, spec, begun)
    assert begun[0] == begun[1] - 1
    most = begun[1]
    monkeypatch.setattr(microbatch, "room_of", lambda _: room)
    begun.clear()
    same, parts = _pulled(made, spec, begun)
    assert begun[1] > most and begun[0] == begun[1] - 1  # told before the last one
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


def test_cut__single_texts__like_lengths_together(monkeypatch: pytest.MonkeyPatch) -> None:
    model, prompts = tiny.model(), np.array([8, 1, 2, 2, 7, 7, 1, 8])
    monkeypatch.setattr(microbatch, "room_of", lambda _: microbatch.activation_bytes(model, 18, 2))
    parts = [part.rows for part in microbatch.cut(model, prompts, np.ones(8, np.int64), 1)]
    assert sorted(row for part in parts for row in part.tolist()) == list(range(8))
    assert all(len(part) == 1 or len(part) * (prompts[part].max() + 1) <= 18 for part in parts)
    assert all(prompts[a].max() <= prompts[b].min() for a, b in pairwise(parts))


def test_cut__groups__prompts_of_one_length_together_and_large_groups_in_pieces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, prompts, said = tiny.model(), np.repeat([5, 3, 5, 4], 4), np.full(16, 2, np.int64)
    whole = microbatch.cut(model, prompts, said, 4)
    assert [(part.rows.tolist(), part.size) for part in whole] == [
        ([4, 5, 6, 7], 4), ([12, 13, 14, 15], 4), ([0, 1, 2, 3, 8, 9, 10, 11], 4),
    ]  # fmt: skip
    monkeypatch.setattr(microbatch, "room_of", lambda _: microbatch.activation_bytes(model, 9, 4))
    pieces = microbatch.cut(model, prompts, said, 4)
    assert {part.size for part in pieces} == {2}
    assert sorted(row for part in pieces for row in part.rows.tolist()) == list(range(16))
    assert {part.size for part in microbatch.cut(model, prompts, said, 4, 4)} == {4}
