"""From a checkpoint to a folder that the transformers library loads, or peft's adapter folder, with the tokenizer.

An adapter is merged into the weights, ΔW = alpha / rank · B A, by peft. Merging and saving must not change what the
model computes: that is looked at before the folder is given out. Knows no task; the card is the caller's.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import save_file
from transformers.modeling_utils import PreTrainedModel

from assay.artifact.weights import Checkpoint, read_checkpoint
from assay.errors import Refused
from assay.model import load, pretrained, source

SHARD: Final = "5GB"
CLOSE: Final = 1e-3
Progress = Callable[[str, float], None]


def export(folder: Path, out: Path, merge: bool, dtype: str, max_bytes: int, progress: Progress) -> dict[str, Any]:
    """Write the checkpoint in `folder` to the new folder `out`; what it names by root lies beside it.

    `merge` false writes the adapter alone, and is Refused where there is none. `dtype` is float32 or bf16, of merged
    weights. Returns architecture, adapter and the number of weights. Refused if a file is malformed, or if the merged
    model would compute something else; Unavailable if the model isn't there or the disk fails.
    """
    progress("reading", 0.0)
    checkpoint = read_checkpoint(folder, max_bytes)
    named = None
    if checkpoint.config.get("architecture") == pretrained.ARCHITECTURE:
        named = pretrained.read(checkpoint.config, folder.parent)
    if not merge and (named is None or named.adapter is None):
        raise Refused("this checkpoint has no adapter: all of its weights were trained")
    out.mkdir(parents=True)
    if named is not None and not merge:
        _adapter_files(checkpoint, named, out)
    else:
        _whole(checkpoint, named, folder.parent, out, dtype, progress)
    if named is not None:
        for name in (*source.TOKENIZER_FILES, "generation_config.json"):
            if (named.files.folder / name).is_file():
                shutil.copyfile(named.files.folder / name, out / name)
    for path in out.iterdir():
        path.chmod(0o644)  # the libraries keep weights to their owner
    progress("done", 1.0)
    kind = str(named.files.config["model_type"]) if named is not None else "llama"
    adapter = named.adapter.describe() if named is not None and named.adapter is not None else None
    model = "0x" + named.files.root.hex() if named is not None else None
    return {
        "architecture": kind, "model": model, "adapter": adapter, "trained": checkpoint.n_params, "merged": merge
    }  # fmt: skip


def _whole(
    checkpoint: Checkpoint,
    named: pretrained.Pretrained | None,
    near: Path,
    out: Path,
    dtype: str,
    progress: Progress,
) -> None:
    model = load.build(checkpoint.config, checkpoint.arrays, near)
    progress("merging", 0.4)
    before = _probed(model)
    _merge(model)
    if not torch.allclose(_probed(model), before, rtol=CLOSE, atol=CLOSE):
        raise Refused("merging the adapter would change the model's tied embeddings: export with --adapter")
    progress("writing", 0.7)
    load.computed_in(model, dtype)
    model.save_pretrained(out, max_shard_size=SHARD)
    # what this software sets to compute alike, such as no dropout and no cache, isn't the model's own
    described = json.loads((out / source.CONFIG).read_text()) if named is None else dict(named.files.config)
    described |= {"dtype": "bfloat16" if dtype == "bf16" else "float32", "use_cache": True}
    (out / source.CONFIG).write_text(json.dumps(described, indent=2, sort_keys=True) + "\n")


def _merge(model: PreTrainedModel) -> None:
    """Replace each adapted layer by a plain one with the adapter in its weights."""
    for name, part in list(model.named_modules()):
        if isinstance(part, BaseTunerLayer):
            part.merge()
            above, _, last = name.rpartition(".")
            setattr(model.get_submodule(above), last, part.get_base_layer())


@torch.inference_mode()
def _probed(model: PreTrainedModel) -> torch.Tensor:
    ids = (torch.arange(16)[None] * 31 + 3) % model.config.vocab_size
    logits: torch.Tensor = model(input_ids=ids, use_cache=False).logits
    return logits


def _adapter_files(checkpoint: Checkpoint, named: pretrained.Pretrained, out: Path) -> None:
    """Write what `PeftModel.from_pretrained(base, out)` loads."""
    adapter = named.adapter
    if adapter is None:
        raise Refused("this checkpoint has no adapter")
    base = "0x" + named.files.root.hex()
    config: Any = pretrained.lora(adapter, inference_mode=True, base_model_name_or_path=base)
    config.save_pretrained(str(out))
    arrays = {
        f"base_model.model.{name.replace('.default.', '.')}": torch.from_numpy(array)
        for name, array in checkpoint.arrays.items()
    }
    save_file(arrays, out / "adapter_model.safetensors", {"format": "pt"})
