"""Models of the transformers library: whole or adapted, built from a description, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, Gemma2Config, GPT2Config

from assay.artifact.pretrained import describe, write_model
from assay.errors import Refused, Unavailable
from assay.model import forward, load, pretrained
from unit.model.small import model_folder

LORA = {"kind": "lora", "rank": 2, "alpha": 4, "targets": ["q_proj", "down_proj"]}


def built(near: Path, root: bytes, adapter: dict[str, Any] | None) -> load.CausalLM:
    config = describe(root, adapter)
    torch.manual_seed(0)
    return load.build(config, load.arrays_of(load.blank(config, near)), near)


def changed(near: Path, root: bytes, **files: Any) -> bytes:
    """Return the root of the model with other JSON files."""
    source = near / "changed"
    source.mkdir()
    for path in (near / root.hex()).iterdir():
        if path.name != "manifest.json":
            (source / path.name).write_bytes(path.read_bytes())
    for name, change in files.items():
        path = source / f"{name}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
    return sealed(near, source)


def sealed(near: Path, source: Path) -> bytes:
    root = write_model(near / ".again", source).root()
    (near / ".again").rename(near / root.hex())
    return root


def test_adapter__fresh__changes_nothing_and_is_all_that_is_trained(tmp_path: Path) -> None:
    near, root = model_folder(tmp_path)
    model = built(near, root, LORA)
    plain = AutoModelForCausalLM.from_pretrained(near / root.hex(), dtype=torch.float32)

    ids = torch.arange(20)[None]
    assert torch.equal(model(ids).logits, plain(ids).logits)
    names = [name for name, _ in load.trained(model)]
    assert len(names) == 2 * 2 * 2
    assert all("lora_" in name for name in names)
    assert [name for name, value in model.named_parameters() if value.requires_grad] != []


def test_adapter__moved__changes_the_logits(tmp_path: Path) -> None:
    near, root = model_folder(tmp_path)
    config = describe(root, LORA)
    arrays = load.arrays_of(load.blank(config, near))
    moved = {name: value + np.float32(0.5) for name, value in arrays.items()}
    ids = torch.arange(20)[None]
    assert not torch.equal(load.build(config, arrays, near)(ids).logits, load.build(config, moved, near)(ids).logits)


def test_whole__tied_weights__lie_once_in_a_checkpoint(tmp_path: Path) -> None:
    near, root = model_folder(tmp_path, weights=False)
    tied = changed(near, root, config={"tie_word_embeddings": True})
    free = {name for name, _ in load.trained(load.blank(describe(root, None), near))}
    once = {name for name, _ in load.trained(load.blank(describe(tied, None), near))}
    assert free - once == {"lm_head.weight"}


def test_forward__prompt_read_once__same_states_and_gradient(tmp_path: Path) -> None:
    near, root = model_folder(tmp_path)
    model = built(near, root, LORA)
    rng = np.random.default_rng(0)
    prompts = np.repeat(rng.integers(0, 256, (2, 9)), 3, axis=0).astype(np.int32)
    tokens, lengths = rng.integers(0, 256, (6, 5)).astype(np.int32), np.array([1, 5, 3, 2, 5, 4], np.int16)
    inside = torch.from_numpy(np.arange(5)[None] < lengths[:, None])
    found = []
    for states in (
        forward.states(model, *forward.layout(prompts, np.full(6, 9, np.int16), tokens, lengths)),
        forward.group_states(model, prompts[::3], tokens, lengths, 3),
    ):
        model.zero_grad()
        (load.head(model)(states) * inside[:, :, None]).square().sum().backward()
        found.append((states.detach() * inside[:, :, None], [value.grad.clone() for _, value in load.trained(model)]))
    assert torch.allclose(found[0][0], found[1][0], atol=1e-5)
    assert all(torch.allclose(a, b, rtol=1e-3, atol=1e-4) for a, b in zip(found[0][1], found[1][1], strict=True))


def test_shards__all_there__loaded__one_missing__refused(tmp_path: Path) -> None:
    near, root = model_folder(tmp_path)
    whole = AutoModelForCausalLM.from_pretrained(near / root.hex())
    source = tmp_path / "sharded"
    whole.save_pretrained(source, max_shard_size="10KB")
    assert len(list(source.glob("model-*.safetensors"))) > 1
    ids = torch.arange(20)[None]
    assert torch.equal(built(near, sealed(near, source), LORA)(ids).logits, whole(ids).logits)

    next(source.glob("model-*.safetensors")).unlink()
    with pytest.raises(Refused, match="can't be loaded"):
        built(near, sealed(near, source), LORA)


@pytest.mark.parametrize(("change", "message"), [("nan", "not finite"), ("lost", "missing"), ("more", "unexpected")])
def test_weights__not_the_models__are_refused(tmp_path: Path, change: str, message: str) -> None:
    near, root = model_folder(tmp_path)
    source = tmp_path / "bad"
    source.mkdir()
    for path in (near / root.hex()).glob("*.json"):
        if path.name != "manifest.json":
            (source / path.name).write_bytes(path.read_bytes())
    tensors = load_file(near / root.hex() / "model.safetensors")
    first = sorted(tensors)[0]
    if change == "nan":
        tensors[first] = torch.full_like(tensors[first], float("nan"))
    elif change == "lost":
        del tensors[first]
    else:
        tensors["model.another.weight"] = torch.zeros(2)
    save_file(tensors, source / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(Refused, match=message):
        built(near, sealed(near, source), LORA)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "nothing"}, "isn't a causal language model"),
        ({"auto_map": {"AutoModel": "x.Y"}}, "auto_map"),
        ({"quantization_config": {"bits": 4}}, "quantization_config"),
        ({"num_hidden_layers": 100_000}, "num_hidden_layers must be"),
        ({"vocab_size": "many"}, "can't be used|vocab_size"),
    ],
)
def test_configuration__foreign_or_out_of_bounds__is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    near, root = model_folder(tmp_path)
    with pytest.raises(Refused, match=message):
        load.dimensions(describe(changed(near, root, config=change), None), near)


@pytest.mark.parametrize(
    ("adapter", "message"),
    [
        ({**LORA, "rank": 0}, "rank"),
        ({**LORA, "kind": "other"}, "isn't a LoRA"),
        ({**LORA, "targets": []}, "targets"),
        ({**LORA, "targets": ["q_proj", "q_proj"]}, "targets"),
        ({**LORA, "targets": ["elsewhere"]}, "isn't a linear layer"),
        ({**LORA, "targets": [".*"]}, "targets"),
    ],
)
def test_adapter__malformed__is_refused(tmp_path: Path, adapter: dict[str, Any], message: str) -> None:
    near, root = model_folder(tmp_path)
    with pytest.raises(Refused, match=message):
        load.blank(describe(root, adapter), near)


def test_model__not_here_or_named_wrongly__is_not_used(tmp_path: Path) -> None:
    near, root = model_folder(tmp_path)
    with pytest.raises(Unavailable, match="isn't here"):
        load.blank(describe(bytes(32), None), near)
    (near / root.hex()).rename(near / bytes(32).hex())
    with pytest.raises(Refused, match="doesn't hold the model"):
        load.blank(describe(bytes(32), None), near)


def test_probe__logits_changed_after_the_head__is_refused() -> None:
    sizes: dict[str, Any] = {"vocab_size": 64, "hidden_size": 16, "num_hidden_layers": 1, "intermediate_size": 16}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8}
    capped = AutoModelForCausalLM.from_config(Gemma2Config(**sizes, **heads, final_logit_softcapping=0.1))
    with pytest.raises(Refused, match="after the output embedding"):
        pretrained.probe(capped.eval())
    pretrained.probe(AutoModelForCausalLM.from_config(GPT2Config(vocab_size=64, n_embd=16, n_layer=1, n_head=2)).eval())
