from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from assay.artifact.weights import Checkpoint, read_checkpoint, write_checkpoint
from assay.errors import Refused, Unavailable
from assay.model import load
from assay.train.exporting import export
from assay.train.importing import import_model
from unit.model import sources, tiny

LIMIT = 1 << 30
LORA = {"rank": 4, "alpha": 8, "targets": ["all-linear"]}


def silent(_what: str, _share: float) -> None:
    return None


def trained(near: Path, config: Any, adapter: Any) -> Path:
    """Import a model and write a checkpoint of it whose weights have moved; return its folder, named by its root."""
    sources.folder(near / "source", config)
    made = import_model(near / "source", near, adapter, None, 0, silent)
    (near / "model").rename(near / made.model.root().hex())
    start = read_checkpoint(near / "checkpoint", LIMIT)
    rng = np.random.default_rng(1)
    moved = {name: value + rng.normal(0, 0.05, value.shape).astype(np.float32) for name, value in start.arrays.items()}
    root = write_checkpoint(near / "moved", Checkpoint(moved, None, start.config)).root()
    return (near / "moved").rename(near / root.hex())


def own(folder: Path) -> torch.Tensor:
    """Return what Assay's own network says."""
    found = read_checkpoint(folder, LIMIT)
    return logits(load.build(found.config, found.arrays, folder.parent))


def logits(model: Any) -> torch.Tensor:
    ids = torch.arange(30)[None] * 7 % model.config.vocab_size
    with torch.inference_mode():
        return model(input_ids=ids, use_cache=False).logits.float()


@pytest.mark.parametrize("adapter", [None, LORA])
@pytest.mark.parametrize("config", [sources.llama(), sources.llama(tied=True), sources.gpt2()])
def test_export__merged__loads_with_auto_model_and_says_the_same(tmp_path: Path, config: Any, adapter: Any) -> None:
    folder = trained(tmp_path, config, adapter)
    made = export(folder, tmp_path / "out", True, "float32", LIMIT, silent)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    model.train(False)
    assert torch.allclose(logits(model), own(folder), atol=1e-4)
    assert model.config.use_cache and made["architecture"] == config.model_type
    assert AutoTokenizer.from_pretrained(tmp_path / "out").encode("7 + 4") == sources.tokenizer().encode("7 + 4")
    assert model.config.tie_word_embeddings == config.tie_word_embeddings


def test_export__adapter_alone__loads_with_peft_on_the_base(tmp_path: Path) -> None:
    folder = trained(tmp_path, sources.llama(), LORA)
    export(folder, tmp_path / "out", False, "float32", LIMIT, silent)
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "source")
    model = PeftModel.from_pretrained(base, tmp_path / "out")
    model.train(False)
    assert torch.allclose(logits(model), own(folder), atol=1e-4)
    assert not torch.allclose(logits(AutoModelForCausalLM.from_pretrained(tmp_path / "source")), own(folder), atol=1e-2)


def test_export__built_in_llama__loads_with_auto_model(tmp_path: Path) -> None:
    root = write_checkpoint(tmp_path / "c", Checkpoint(load.arrays_of(tiny.model()), None, tiny.CONFIG)).root()
    folder = (tmp_path / "c").rename(tmp_path / root.hex())
    export(folder, tmp_path / "out", True, "float32", LIMIT, silent)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert torch.allclose(logits(model), own(folder), atol=1e-5)


def test_export__bf16__weights_are_rounded_and_load_as_such(tmp_path: Path) -> None:
    folder = trained(tmp_path, sources.llama(), LORA)
    export(folder, tmp_path / "out", True, "bf16", LIMIT, silent)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype="auto")
    assert {value.dtype for value in model.parameters()} == {torch.bfloat16}


def test_export__adapter_asked_for_of_whole_weights__refused(tmp_path: Path) -> None:
    folder = trained(tmp_path, sources.llama(), None)
    with pytest.raises(Refused, match="no adapter"):
        export(folder, tmp_path / "out", False, "float32", LIMIT, silent)


def test_export__model_is_not_beside__unavailable(tmp_path: Path) -> None:
    folder = trained(tmp_path, sources.llama(), LORA)
    (tmp_path / "elsewhere").mkdir()
    folder = folder.rename(tmp_path / "elsewhere" / folder.name)
    with pytest.raises(Unavailable, match="isn't here"):
        export(folder, tmp_path / "out", True, "float32", LIMIT, silent)
