from __future__ import annotations

import numpy as np
import pytest
import torch

from assay.errors import Refused
from assay.model import forward, load
from assay.model.load import CausalLM
from assay.model.pretrained import Adapter, adapted
from assay.protocol import profile
from assay.train.engines import Sampled, TransformersEngine, attention
from assay.train.engines.comparing import apart
from unit.train.networks import VOCABULARY, network

EOS = 3
PROFILE = profile.shipped()["tiny-float32"]
MARGIN = PROFILE.margin
WIDTH = 90  # past the first two sizes of rooms


def _order(groups: int = 6, size: int = 4) -> tuple[list[list[int]], np.ndarray]:
    chance = np.random.default_rng(11)
    lengths = chance.integers(1, 60, groups)
    lengths[0], lengths[-1] = 1, 70
    prompts = [chance.integers(4, VOCABULARY, length).tolist() for length in lengths]
    return prompts, chance.integers(0, 2**63, (groups, size)).astype(np.uint64)


def _made(model: CausalLM, slots: int, eos: int = EOS, **more: object) -> Sampled:
    engine = TransformersEngine(model, slots=slots, **more)  # type: ignore[arg-type]
    return engine.sample(*_order(), WIDTH, 1.0, eos)


@pytest.fixture(scope="module")
def llama() -> CausalLM:
    return network("llama")


@pytest.fixture(scope="module")
def reference(llama: CausalLM) -> Sampled:
    return _made(llama, 2048, continuous=False)


@pytest.mark.parametrize("slots", [1, 7, 64])
def test_continuous__any_number_of_slots__tokens_of_fixed_batches(
    llama: CausalLM, reference: Sampled, slots: int
) -> None:
    made = _made(llama, slots)
    found = apart(llama, *_order(), 1.0, reference, made)
    assert all(one.margin <= MARGIN for one in found) and len(found) <= 1
    same = np.setdiff1d(np.arange(len(made.tokens)), [one.rollout for one in found])
    assert len(set(made.lengths.tolist())) > 5 and made.lengths.max() == WIDTH
    np.testing.assert_allclose(made.hidden[same], reference.hidden[same], atol=2e-3)
    np.testing.assert_allclose(made.prompts, reference.prompts, atol=1e-3)
    np.testing.assert_allclose(made.logprobs[same], reference.logprobs[same], atol=2e-3)


def test_continuous__little_memory__same_tokens(llama: CausalLM, reference: Sampled) -> None:
    for budget in (1, 300_000):
        found = apart(llama, *_order(), 1.0, reference, _made(llama, 64, budget=budget))
        assert all(one.margin <= MARGIN for one in found)


@pytest.mark.parametrize("kind", ["qwen2", "qwen3", "gpt_neox", "gpt2"])
def test_continuous__other_architectures__their_own_states(kind: str) -> None:
    sizes = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256} if kind == "gpt2" else {}
    sizes |= {"head_dim": 8} if kind == "qwen3" else {}
    model = network(kind, **sizes)
    assert attention.fits(model)
    _replayed(model, _made(model, 5), 2e-3)


def test_continuous__adapter_in_place__serves_the_adapted_model() -> None:
    model = adapted(network("llama"), Adapter(4, 8, ("q_proj", "v_proj", "down_proj")))
    with torch.no_grad():
        for _, value in load.trained(model):
            value.normal_(0.0, 0.2)
    plain, made = _made(network("llama"), 6), _made(model, 6)
    assert not np.array_equal(plain.tokens, made.tokens)
    _replayed(model, made, 2e-3)


def test_continuous__bf16__states_near_the_prefills(llama: CausalLM) -> None:
    model = load.computed_in(network("llama"), "bf16")
    assert attention.fits(model)
    made = _made(model, 6)
    assert made.hidden.dtype == np.float32
    _replayed(model, made, 0.3)


def _replayed(model: CausalLM, made: Sampled, tolerance: float) -> None:
    prompts, keys = _order()
    for group, prompt in enumerate(prompts):
        rows = slice(group * keys.shape[1], (group + 1) * keys.shape[1])
        asked = np.repeat(np.array([prompt]), keys.shape[1], axis=0)
        lengths = made.lengths[rows]
        _, hidden = forward.prefill(model, asked, np.full(len(asked), len(prompt)), made.tokens[rows], lengths)
        inside = np.arange(WIDTH)[None] < lengths[:, None]
        np.testing.assert_allclose(hidden.numpy()[inside], made.hidden[rows][inside], atol=tolerance)


def test_fits__windows_or_states_of_another_kind__fixed_batches_serve() -> None:
    mistral = network("mistral", sliding_window=16)
    assert not attention.fits(mistral)
    _replayed(mistral, _made(mistral, 9), 2e-3)


def test_sample__with_a_profile__the_proofs_of_whole_states(llama: CausalLM) -> None:
    from assay.train.rollout import _proofs

    whole, kept = _made(llama, 7), _made(llama, 7, rules=PROFILE)
    prompts, _ = _order()
    assert np.array_equal(whole.tokens, kept.tokens)
    assert kept.proofs is not None and kept.hidden.shape == (24, 0, 32) and kept.prompts.shape == (6, 0, 32)
    assert np.array_equal(kept.proofs.rollouts, _proofs(whole.hidden, whole.lengths, PROFILE))
    lengths = np.array([len(prompt) for prompt in prompts], np.int16)
    assert np.array_equal(kept.proofs.prompts, _proofs(whole.prompts, lengths, PROFILE))


def test_sample__progress__rises_to_one(llama: CausalLM) -> None:
    calls: list[tuple[str, float]] = []
    TransformersEngine(llama, slots=4).sample(*_order(), 5, 1.0, EOS, lambda *call: calls.append(call))
    assert calls == sorted(set(calls)) and calls[-1] == ("rollouts", 1.0)


def test_sample__no_tokens_or_too_many__refused(llama: CausalLM) -> None:
    for width in (0, 40_000):
        with pytest.raises(Refused, match="makes 1 to 32767 tokens"):
            TransformersEngine(llama).sample([[1]], np.zeros((1, 1), np.uint64), width, 1.0, EOS)


def test_sample__text_longer_than_the_context__refused(llama: CausalLM) -> None:
    engine, keys = TransformersEngine(llama), np.zeros((1, 1), np.uint64)
    assert engine.sample([[5] * 254], keys, 3, 1.0, -1).lengths.tolist() == [3]
    with pytest.raises(Refused, match="a prompt of 255 and 3 new tokens don't fit a context of 256"):
        engine.sample([[5] * 255], keys, 3, 1.0, -1)


def test_greedy__longer_and_shorter_prompts__what_the_model_likes_best(llama: CausalLM) -> None:
    prompts, _ = _order()
    made = TransformersEngine(llama, slots=3).greedy(prompts, 12, EOS)
    for prompt, row, length in zip(prompts, made.tokens, made.lengths, strict=True):
        text = np.array([row])
        logits, _ = forward.prefill(llama, np.array([prompt]), np.array([len(prompt)]), text, np.array([length]))
        assert logits[0, :length].argmax(dim=-1).tolist() == row[:length].tolist()
