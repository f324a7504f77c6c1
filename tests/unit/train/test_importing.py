from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from assay.artifact.pretrained import open_model
from assay.artifact.weights import read_checkpoint
from assay.errors import Refused
from assay.model import load
from assay.model.load import CausalLM
from assay.train.importing import Imported, import_model
from unit.model import sources

LORA = {"rank": 4, "alpha": 8, "targets": ["all-linear"]}
IDS = torch.arange(40)[None] * 7 % sources.VOCABULARY
LIMIT = 1 << 30


def bring(path: Path, near: Path, adapter: Any = None, dtype: str | None = None, seed: int = 0) -> Imported:
    """Import into folders named by their roots, below `near`."""
    made = import_model(path, near, adapter, dtype, seed, lambda _what, _share: None)
    for folder, manifest in (("model", made.model), ("checkpoint", made.checkpoint)):
        (near / folder).rename(near / manifest.root().hex())
    return made


def built(near: Path, made: Imported) -> CausalLM:
    checkpoint = read_checkpoint(near / made.checkpoint.root().hex(), LIMIT)
    return load.build(checkpoint.config, checkpoint.arrays, near)


def logits(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        return model(input_ids=IDS, use_cache=False).logits.float()


@pytest.mark.parametrize("adapter", [None, LORA])
@pytest.mark.parametrize("config", [sources.llama(), sources.llama(tied=True), sources.gpt2()])
def test_import__whole_or_with_adapter__computes_what_the_source_does(
    tmp_path: Path, config: Any, adapter: Any
) -> None:
    source = sources.folder(tmp_path / "source", config)
    made = bring(tmp_path / "source", tmp_path / "home", adapter)
    assert torch.allclose(logits(built(tmp_path / "home", made)), logits(source), atol=1e-5)
    kept = open_model(tmp_path / "home", made.model.root())
    assert kept.has_weights == (adapter is not None)
    assert AutoTokenizer.from_pretrained(kept.folder).encode("7 + 4") == sources.tokenizer().encode("7 + 4")


def test_import__same_seed_and_another__same_roots_and_another_checkpoint(tmp_path: Path) -> None:
    sources.folder(tmp_path / "source")
    first, again, other = (
        bring(tmp_path / "source", tmp_path / str(number), LORA, seed=seed) for number, seed in enumerate((1, 1, 2))
    )
    assert first.checkpoint.root() == again.checkpoint.root() != other.checkpoint.root()
    assert first.model.root() == again.model.root() == other.model.root()


def test_import__shards__are_read_and_all_kept(tmp_path: Path) -> None:
    source = sources.folder(tmp_path / "source", shard="40KB")
    assert len(list((tmp_path / "source").glob("model-*.safetensors"))) > 1
    made = bring(tmp_path / "source", tmp_path / "home", LORA)
    assert torch.allclose(logits(built(tmp_path / "home", made)), logits(source), atol=1e-5)


def test_import__bf16_source__kept_in_bf16_and_computed_in_float32(tmp_path: Path) -> None:
    source = sources.folder(tmp_path / "source", dtype=torch.bfloat16)
    made = bring(tmp_path / "source", tmp_path / "home", LORA)
    stored = load_file(tmp_path / "home" / made.model.root().hex() / "model.safetensors")
    assert made.dtype == "bf16" and {value.dtype for value in stored.values()} == {torch.bfloat16}
    assert torch.allclose(logits(built(tmp_path / "home", made)), logits(source.float()), atol=1e-5)


def test_import__bf16_of_a_float32_source__weights_are_rounded(tmp_path: Path) -> None:
    source = sources.folder(tmp_path / "source")
    made = bring(tmp_path / "source", tmp_path / "home", dtype="bf16")
    rounded = dict(source.bfloat16().float().named_parameters())
    found = dict(built(tmp_path / "home", made).named_parameters())
    assert all(torch.equal(found[name], rounded[name]) for name in rounded)


def test_import__adapter_on_named_targets__only_those(tmp_path: Path) -> None:
    sources.folder(tmp_path / "source")
    made = bring(tmp_path / "source", tmp_path / "home", {**LORA, "targets": ["q_proj", "v_proj"]})
    assert made.adapter == {"kind": "lora", "rank": 4, "alpha": 8, "targets": ["q_proj", "v_proj"]}
    names = read_checkpoint(tmp_path / "home" / made.checkpoint.root().hex(), LIMIT).arrays
    assert len(names) == 2 * 2 * 2 and all("q_proj" in name or "v_proj" in name for name in names)


def test_import__gguf__computes_what_the_source_does(tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    source = sources.gguf(tmp_path / "tiny.gguf")
    made = bring(tmp_path / "tiny.gguf", tmp_path / "home", LORA)
    assert torch.allclose(logits(built(tmp_path / "home", made)), logits(source), atol=1e-5)
    kept = AutoTokenizer.from_pretrained(tmp_path / "home" / made.model.root().hex())
    assert kept.encode("7 + 4", add_special_tokens=False) == sources.tokenizer().encode("7 + 4")


def _pickled(at: Path) -> None:
    torch.save({}, at / "pytorch_model.bin")
    (at / "model.safetensors").unlink()


def _not_finite(at: Path) -> None:
    found = load_file(at / "model.safetensors")
    found["model.norm.weight"][3] = float("nan")
    save_file(found, at / "model.safetensors", {"format": "pt"})


def _lacking(at: Path) -> None:
    found = load_file(at / "model.safetensors")
    del found["model.norm.weight"]
    save_file(found, at / "model.safetensors", {"format": "pt"})


def _cut(at: Path) -> None:
    data = (at / "model.safetensors").read_bytes()
    (at / "model.safetensors").write_bytes(data[:-100])


def _config(**change: Any) -> Any:
    def spoil(at: Path) -> None:
        found = json.loads((at / "config.json").read_text())
        (at / "config.json").write_text(json.dumps({**found, **change}))

    return spoil


def _without(name: str) -> Any:
    return lambda at: (at / name).unlink()


def _no_tokenizer(at: Path) -> None:
    for path in at.glob("tokenizer*"):
        path.unlink()


def _tokenizer_code(at: Path) -> None:
    (at / "tokenizer_config.json").write_text(json.dumps({"auto_map": {"AutoTokenizer": ["evil.py", None]}}))


def _adapter(at: Path) -> None:
    (at / "adapter_config.json").write_text("{}")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_pickled, "only as pickles"),
        (_not_finite, "not finite"),
        (_lacking, "missing model.norm.weight"),
        (_cut, "can't be loaded"),
        (_without("config.json"), "has no config.json"),
        (_without("model.safetensors"), "no weights in safetensors"),
        (_config(model_type="mamba99"), "isn't a causal language model"),
        (_config(auto_map={"AutoModel": "evil.Model"}), "has auto_map"),
        (_config(quantization_config={"quant_method": "gptq"}), "has quantization_config"),
        (_config(hidden_size=10**9), "hidden_size must be"),
        (_config(hidden_size=64), "mismatched"),
        (_config(vocab_size=100), "mismatched"),
        (_no_tokenizer, "no tokenizer"),
        (_tokenizer_code, "auto_map"),
        (_adapter, "an adapter, not a whole model"),
    ],
)
def test_import__bad_folder__refused_with_what_is_wrong(tmp_path: Path, spoil: Any, says: str) -> None:
    sources.folder(tmp_path / "source")
    spoil(tmp_path / "source")
    with pytest.raises(Refused, match=says):
        bring(tmp_path / "source", tmp_path / "home")


def test_import__shard_missing__refused_by_its_name(tmp_path: Path) -> None:
    sources.folder(tmp_path / "source", shard="40KB")
    gone = sorted((tmp_path / "source").glob("model-*.safetensors"))[1]
    gone.unlink()
    with pytest.raises(Refused, match=f"lacks {gone.name}"):
        bring(tmp_path / "source", tmp_path / "home")


def test_import__index_names_a_path_elsewhere__refused(tmp_path: Path) -> None:
    sources.folder(tmp_path / "source", shard="40KB")
    (tmp_path / "source/model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../b.safetensors"}}))
    with pytest.raises(Refused, match="isn't a safetensors file of this folder"):
        bring(tmp_path / "source", tmp_path / "home")


def test_import__tokenizer_has_more_tokens_than_the_model__refused(tmp_path: Path) -> None:
    sources.folder(tmp_path / "source", sources.llama(vocabulary=258))
    with pytest.raises(Refused, match="259 tokens, and the model only 258"):
        bring(tmp_path / "source", tmp_path / "home")


def test_import__logits_changed_after_the_head__refused(tmp_path: Path) -> None:
    from transformers import CohereConfig

    config = CohereConfig(
        vocab_size=sources.VOCABULARY, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=64, logit_scale=0.0625, bos_token_id=256, eos_token_id=257,
        pad_token_id=258,
    )  # fmt: skip
    sources.folder(tmp_path / "source", config)
    with pytest.raises(Refused, match="change their logits"):
        bring(tmp_path / "source", tmp_path / "home")


@pytest.mark.parametrize(
    ("adapter", "says"),
    [({**LORA, "targets": ["nonsense"]}, "isn't a linear layer"), ({**LORA, "rank": 5000}, "rank must be")],
)
def test_import__adapter_that_does_not_fit__refused(tmp_path: Path, adapter: Any, says: str) -> None:
    sources.folder(tmp_path / "source")
    with pytest.raises(Refused, match=says):
        bring(tmp_path / "source", tmp_path / "home", adapter)


def test_import__links_of_a_hub_cache__are_followed(tmp_path: Path) -> None:
    source = sources.folder(tmp_path / "blobs")
    (tmp_path / "snapshot").mkdir()
    for path in (tmp_path / "blobs").iterdir():
        (tmp_path / "snapshot" / path.name).symlink_to(path)
    made = bring(tmp_path / "snapshot", tmp_path / "home", LORA)
    assert torch.allclose(logits(built(tmp_path / "home", made)), logits(source), atol=1e-5)
    shutil.rmtree(tmp_path / "blobs")
    assert not any(path.is_symlink() for path in (tmp_path / "home").rglob("*"))
