from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch

from assay.errors import Broken, Unavailable
from assay.protocol import profile
from assay.protocol.noise import gumbel_at
from assay.train.engines import TransformersEngine
from assay.train.engines.vllm import Seeded, VllmEngine, told_of
from unit.train.networks import VOCABULARY, network

EOS, WIDTH = 3, 20


def test_vllm_engine__not_installed__unavailable() -> None:
    if importlib.util.find_spec("vllm"):
        pytest.skip("vLLM is installed here")
    with pytest.raises(Unavailable, match="vLLM isn't installed"):
        VllmEngine("model", network("llama"))


def test_seeded__each_place__leaves_only_the_winner() -> None:
    chance = np.random.default_rng(1)
    key, temperature, said = 2**63 + 5, 0.7, []
    seeded = Seeded(key, temperature)
    for place in range(6):
        logits = torch.from_numpy(chance.standard_normal(17).astype(np.float32))
        left = seeded(said, logits)
        scores = logits.numpy().astype(np.float64) / temperature + gumbel_at(np.array([key], np.uint64), place, 17)[0]
        assert left.shape == logits.shape and left.dtype == logits.dtype
        assert torch.isfinite(left).nonzero().flatten().tolist() == [int(scores.argmax())]
        said.append(int(scores.argmax()))


def test_seeded__temperature_zero__greedy() -> None:
    left = Seeded(1, 0.0)([], torch.tensor([0.0, 3.0, 1.0]))
    assert int(left.argmax()) == 1


def test_told_of__texts_of_the_other_engine__its_states_and_proofs() -> None:
    model, chance = network("llama"), np.random.default_rng(4)
    prompts = [chance.integers(4, VOCABULARY, length).tolist() for length in (3, 9, 5)]
    keys = chance.integers(0, 2**63, (3, 2)).astype(np.uint64)
    made = TransformersEngine(model).sample(prompts, keys, WIDTH, 0.8, EOS)
    texts = [row[:length].tolist() for row, length in zip(made.tokens, made.lengths, strict=True)]
    told = told_of(model, None, prompts, texts, WIDTH, 0.8)
    assert np.array_equal(told.tokens, made.tokens) and np.array_equal(told.lengths, made.lengths)
    for name in ("logprobs", "hidden", "prompts"):
        np.testing.assert_allclose(getattr(told, name), getattr(made, name), atol=1e-3)
    proofs = told_of(model, profile.shipped()["tiny-float32"], prompts, texts, WIDTH, 0.8).proofs
    assert proofs is not None and proofs.rollouts.any(axis=1).all()


def test_told_of__text_that_is_empty__broken() -> None:
    with pytest.raises(Broken, match="weren't asked for"):
        told_of(network("llama"), None, [[1]], [[]], WIDTH, 1.0)
