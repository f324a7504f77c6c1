from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from assay.errors import Refused
from assay.model import forward, load
from assay.model.env import registry
from assay.train import curves, engines, evaluate
from unit.model import tiny
from unit.train.world import World

ENV = registry.get("digits", {"digits": 6})


def test_measure__random_model__figures_agree_with_a_forward_pass() -> None:
    model = tiny.model()
    found = evaluate.measure(model, ENV, 16, 7, temperature=2.0, examples=3)
    prompts = [ENV.prompt(seed) for seed in ENV.held_out(16)]
    said = engines.greedy(model, prompts, 7, ENV.eos)
    asked = np.array(prompts)
    logits, _ = forward.prefill(model, asked, np.full(16, asked.shape[1]), np.maximum(said.tokens, 0), said.lengths)
    log = torch.log_softmax(logits / 2.0, dim=-1)
    live = torch.arange(7)[None] < torch.from_numpy(said.lengths.astype(np.int64))[:, None]
    entropy = -(log.exp() * log).sum(-1)[live].mean()
    assert found.entropy == pytest.approx(float(entropy), abs=1e-4)
    assert found.length_mean == pytest.approx(said.lengths.mean()) and found.tokens == said.lengths.sum()
    assert found.reward_low <= found.reward <= found.reward_high and found.tokens_per_second > 0
    assert [one.prompt for one in found.examples] == [ENV.describe(prompt) for prompt in prompts[:3]]


def test_measure__more_items_than_fit_at_once__same_figures_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = evaluate.measure(tiny.model(), ENV, 10, 7)
    told: list[float] = []
    monkeypatch.setattr(evaluate, "HELD_VALUES", 3 * 7 * 16)
    parts = evaluate.measure(tiny.model(), ENV, 10, 7, progress=lambda _what, share: told.append(share))
    assert (parts.reward, parts.length_mean, parts.items) == (whole.reward, whole.length_mean, 10)
    assert parts.entropy == pytest.approx(whole.entropy) and told == [0.3, 0.6, 0.9, 1.0]


def test_measure__interval__narrows_with_the_root_of_the_items() -> None:
    few, many = (evaluate.measure(tiny.model(), ENV, items, 7) for items in (32, 512))
    assert (many.reward_high - many.reward_low) < 0.5 * (few.reward_high - few.reward_low)


def test_evaluate__checkpoint__json_without_surprises(world: World) -> None:
    load.determinism(1)
    found = evaluate.evaluate(world.folder, world.spec, 32, examples=1).to_json()
    assert 0 < found["reward"] < 1 and found["items"] == 32 and len(found["examples"]) == 1
    with pytest.raises(Refused, match="at least one item"):
        evaluate.evaluate(world.folder, world.spec, 0)


def test_curves__written_twice__tensorboard_reads_the_last(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for rewards in ([(0, 0.25)], [(0, 0.5), (1, 0.75)]):
        curves.write(tmp_path, {"held_out/reward": rewards}, {"rounds/staleness": {1: [2, 1]}})
    read = EventAccumulator(str(tmp_path))
    read.Reload()
    assert [(one.step, one.value) for one in read.Scalars("held_out/reward")] == [(0, 0.5), (1, 0.75)]
    found = read.Histograms("rounds/staleness")[0].histogram_value
    assert (found.num, found.bucket) == (3, [2, 1]) and len(list(tmp_path.iterdir())) == 1
