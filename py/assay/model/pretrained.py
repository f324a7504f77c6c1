"""Causal language models of the transformers library, whole or with a low-rank adapter on frozen weights.

The description in a checkpoint names the model by its root and, under an adapter, its rank, strength and targets. The
model's own configuration comes from strangers: only architectures that the library itself knows are built, never code
that comes with a model, and nothing drops out. Whether a network fits what proofs and checks assume (its logits are
its output embedding applied to its last states) is `probe`'s question, asked once when a model is imported.

Source of the adapter: Hu et al. 2021 (LoRA), as peft implements it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from huggingface_hub.errors import StrictDataclassError
from peft import LoraConfig, inject_adapter_in_model
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.modeling_utils import PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils import logging

from assay.artifact import pretrained as files
from assay.artifact.pretrained import ARCHITECTURE, ModelFolder, model_root
from assay.errors import AssayError, Refused
from assay.model.llama import ATTENTION

__all__ = ["ARCHITECTURE", "Adapter", "Pretrained", "network", "probe", "read"]

_BOUNDS: Final = {
    "vocab_size": (2, 1 << 20),
    "hidden_size": (4, 1 << 16),
    "num_hidden_layers": (1, 512),
    "max_position_embeddings": (2, 1 << 24),
}
_FOREIGN: Final = ("auto_map", "quantization_config", "custom_pipelines")
_UNREADABLE: Final = (OSError, ValueError, RuntimeError, KeyError, TypeError, AssertionError)
MAX_RANK: Final = 1024
_library: Any = AutoModelForCausalLM  # without types of its own
MAX_TARGETS: Final = 32
ALL_LINEAR: Final = "all-linear"


@dataclass(frozen=True, slots=True)
class Adapter:
    """Low-rank matrices on the linear layers whose names end in one of `targets`: ΔW = alpha / rank · B A."""

    rank: int
    alpha: int
    targets: tuple[str, ...]

    def describe(self) -> dict[str, Any]:
        """Return the adapter as a checkpoint's description has it."""
        return {"kind": "lora", "rank": self.rank, "alpha": self.alpha, "targets": list(self.targets)}


@dataclass(frozen=True, slots=True)
class Pretrained:
    """A described model: its folder and the adapter on it, or None where all of it is trained."""

    files: ModelFolder
    adapter: Adapter | None

    def config(self) -> Any:
        """Return the library's configuration object. Refused if this software doesn't build such a model."""
        return library_config(self.files.config)

    def sizes(self) -> dict[str, int]:
        """Return vocab_size, hidden_size, num_hidden_layers and max_position_embeddings."""
        return _sizes(self.config())


def read(config: Mapping[str, Any], near: Path | None) -> Pretrained:
    """Read a checkpoint's description and open the model that it names among the folders in `near`.

    Refused if the description is malformed; Unavailable if the model isn't there.
    """
    if set(config) != {"architecture", "model", "adapter"}:
        odd = sorted(set(config) ^ {"architecture", "model", "adapter"})
        raise Refused(f"the checkpoint's description has a missing or unknown field: {odd[0]}")
    root = model_root(config)
    if root is None or near is None:
        raise Refused("the checkpoint's description names no model that could be here")
    return Pretrained(files.open_model(near, root), read_adapter(config["adapter"]))


def read_adapter(found: Any) -> Adapter | None:
    """Read the adapter of a checkpoint's description; None where there is none. Refused if it is malformed."""
    if found is None:
        return None
    if not isinstance(found, dict) or set(found) != {"kind", "rank", "alpha", "targets"} or found["kind"] != "lora":
        raise Refused("the checkpoint's adapter isn't a LoRA of rank, alpha and targets")
    for name, most in (("rank", MAX_RANK), ("alpha", 64 * MAX_RANK)):
        if type(found[name]) is not int or not 1 <= found[name] <= most:
            raise Refused(f"the adapter's {name} must be a whole number from 1 to {most}")
    targets = found["targets"]
    fits = (
        isinstance(targets, list) and 1 <= len(targets) <= MAX_TARGETS and len(set(map(str, targets))) == len(targets)
    )
    if not fits or not all(isinstance(name, str) and 1 <= len(name) <= 64 and name.isidentifier() for name in targets):
        raise Refused(f"the adapter's targets must be 1 to {MAX_TARGETS} names of linear layers")
    return Adapter(found["rank"], found["alpha"], tuple(targets))


def network(what: Pretrained) -> PreTrainedModel:
    """Return the network in eval mode in float32; of an adapted one only the adapter takes a gradient.

    Refused if files lack weights, add some, or hold values that aren't finite.
    """
    config = what.config()
    if what.adapter is None:
        model: PreTrainedModel = _library.from_config(config, dtype=torch.float32)
    else:
        model = adapted(frozen(what.files.folder, config), what.adapter)
    model.train(False)
    return model


def frozen(folder: Path, config: Any, gguf: str | None = None) -> PreTrainedModel:
    """Load a model's weights from the safetensors in its folder, or its GGUF file, all of them and no others."""
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model, report = _library.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            attn_implementation=ATTENTION,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
            gguf_file=gguf,
        )
    except AssayError:
        raise
    except (*_UNREADABLE, SafetensorError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise Refused(f"the model's weights can't be loaded: {first[:200]}") from error
    for what in ("missing_keys", "mismatched_keys", "unexpected_keys"):
        if found := sorted(map(str, report.get(what) or ())):
            raise Refused(f"the model's weights don't fit its configuration: {what.split('_')[0]} {found[0]}")
    for name, value in model.named_parameters():
        if not all(map(math.isfinite, torch.aminmax(value.detach()))):  # both are NaN where one value is
            raise Refused(f"{name} holds a value that is not finite")
    loaded: PreTrainedModel = model
    return loaded


def adapted(model: PreTrainedModel, adapter: Adapter) -> PreTrainedModel:
    """Put an adapter on a model in place; its matrices come from torch's current seed, and change nothing at first."""
    linear = {name.split(".")[-1] for name, part in model.named_modules() if _is_linear(part)}
    if unknown := sorted(set(adapter.targets) - linear):
        raise Refused(f"the adapter's target {unknown[0]} isn't a linear layer of this model")
    inject_adapter_in_model(lora(adapter), model)
    for name, value in model.named_parameters():
        value.requires_grad_("lora_" in name)
    return model


def lora(adapter: Adapter, **more: Any) -> LoraConfig:
    """Return peft's description of an adapter."""
    return LoraConfig(
        r=adapter.rank,
        lora_alpha=adapter.alpha,
        target_modules=list(adapter.targets),
        lora_dropout=0.0,
        bias="none",
        task_type="CAUSAL_LM",
        **more,
    )


def linear_targets(model: PreTrainedModel) -> tuple[str, ...]:
    """Return the names of all linear layers but the output embedding."""
    output = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    return tuple(
        sorted({name.split(".")[-1] for name, part in model.named_modules() if _is_linear(part) and part is not output})
    )


def _is_linear(part: torch.nn.Module) -> bool:
    return isinstance(part, torch.nn.Linear) or type(part).__name__ == "Conv1D"


@torch.inference_mode()
def probe(model: PreTrainedModel) -> None:
    """Refuse a network whose logits aren't its output embedding applied to its decoder's last states."""
    ids = (torch.arange(24)[None] * 37 + 5) % model.config.vocab_size
    whole = model(input_ids=ids, use_cache=False).logits
    states = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
    head = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    if head is None or not torch.allclose(head(states), whole, rtol=1e-4, atol=1e-4):
        raise Refused(f"models of type {model.config.model_type} change their logits after the output embedding")


def library_config(found: Mapping[str, Any]) -> Any:
    """Return the library's configuration object of a model's `config.json`. Refused if this software doesn't build it,
    or if it wants code of its own or quantised weights."""
    kind = found.get("model_type")
    if kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise Refused(f"{str(kind)[:40]!r} isn't a causal language model of the transformers library")
    for name in _FOREIGN:
        if found.get(name):
            raise Refused(
                f"the model's configuration has {name}: only plain weights and the library's own code are used"
            )
    try:
        config = AutoConfig.for_model(**found)
        sizes = _sizes(config)
    except (ValueError, TypeError, AttributeError, KeyError, ImportError, StrictDataclassError) as error:
        raise Refused(f"the model's configuration can't be used: {str(error)[:200]}") from error
    for name, (low, high) in _BOUNDS.items():
        if type(sizes[name]) is not int or not low <= sizes[name] <= high:
            raise Refused(f"the model's configuration: {name} must be a whole number in {low}..{high}")
    for name, value in vars(config).items():
        if ("dropout" in name or name.endswith("pdrop")) and isinstance(value, float):
            setattr(config, name, 0.0)
    config._attn_implementation = ATTENTION
    config.use_cache = False
    return config


def _sizes(config: Any) -> dict[str, int]:
    return {name: getattr(config, name) for name in _BOUNDS}
