from __future__ import annotations

import numpy as np
import pytest
import torch

from assay.errors import Refused
from assay.model import forward
from assay.model.loss import token_logprobs
from assay.protocol.noise import gumbel
from assay.train import engines, rollout
from unit.train.world import BEACON, TRAINER, World


def _sampled(world: World, groups: int = 8, slots: int = engines.SLOTS) -> tuple[rollout.Assigned, engines.Sampled]:
    assigned = rollout.assign(world.spec, BEACON, 1, 2, TRAINER, 0, groups)
    prompts = [world.env.prompt(seed) for seed in assigned.seeds]
    return assigned, engines.sample(world.model(), prompts, assigned.keys, 7, 1.0, world.env.eos, slots)


def test_sample__teacher_forced_replay__every_token_wins_its_seeded_race(world: World) -> None:
    assigned, said = _sampled(world)
    prompts = np.repeat(np.array([world.env.prompt(seed) for seed in assigned.seeds], np.int32), 4, axis=0)
    asked = np.full(len(prompts), 7)
    logits, hidden = forward.prefill(world.model(), prompts, asked, said.tokens, said.lengths)
    scores = logits.numpy().astype(np.float64) + gumbel(assigned.keys.reshape(-1), 7, 13)
    inside = np.arange(7)[None, :] < said.lengths[:, None]
    assert np.array_equal(scores.argmax(axis=-1)[inside], said.tokens[inside])
    spoken = token_logprobs(logits, torch.from_numpy(np.where(inside, said.tokens, 0).astype(np.int64)), 1.0).numpy()
    np.testing.assert_allclose(spoken[inside], said.logprobs[inside], atol=1e-4)
    np.testing.assert_allclose(hidden.numpy()[inside], said.hidden[inside], atol=1e-4)


def test_sample__rows_end_at_eos_or_at_the_cap__and_are_padded_after(world: World) -> None:
    _, said = _sampled(world)
    for row, length in zip(said.tokens, said.lengths, strict=True):
        assert world.env.eos not in row[: length - 1].tolist()
        assert row[length - 1] == world.env.eos or length == 7
        assert (row[length:] == engines.EMPTY).all()
    assert (said.logprobs[said.tokens == engines.EMPTY] == 0).all()


def test_sample__other_batch_sizes__same_tokens(world: World) -> None:
    whole = _sampled(world)[1]
    for slots in (1, 4, 12):
        part = _sampled(world, slots=slots)[1]
        assert np.array_equal(whole.tokens, part.tokens) and np.array_equal(whole.lengths, part.lengths)


def test_sample__members_of_a_group__differ_and_repeat(world: World) -> None:
    first, second = _sampled(world)[1], _sampled(world)[1]
    assert np.array_equal(first.tokens, second.tokens)
    assert len({tuple(row) for row in first.tokens[:4].tolist()}) > 1


def test_sample__prompts_of_two_lengths__each_as_if_alone(world: World) -> None:
    prompts = [world.env.prompt(5), [1, 2, 3], world.env.prompt(6), [4, 5, 6]]
    keys = np.arange(8, dtype=np.uint64).reshape(4, 2)
    mixed = engines.sample(world.model(), prompts, keys, 7, 1.0, world.env.eos)
    for group, prompt in enumerate(prompts):
        alone = engines.sample(world.model(), [prompt], keys[group : group + 1], 7, 1.0, world.env.eos)
        assert np.array_equal(alone.tokens, mixed.tokens[2 * group : 2 * group + 2])


def test_sample__temperature_near_zero__is_greedy(world: World) -> None:
    prompts = [world.env.prompt(seed) for seed in range(6)]
    cold = engines.sample(world.model(), prompts, np.arange(6, dtype=np.uint64)[:, None], 7, 1e-6, world.env.eos)
    assert np.array_equal(cold.tokens, engines.greedy(world.model(), prompts, 7, world.env.eos).tokens)


def test_sample__keys_that_dont_fit_or_empty_prompt__refused(world: World) -> None:
    keys = np.zeros((2, 2), np.uint64)
    for prompts in ([[1]], [[1], []]):
        with pytest.raises(Refused, match="one row of keys"):
            engines.sample(world.model(), prompts, keys, 7, 1.0, world.env.eos)
