"""From a model as people hand it around to what a task needs: the model artifact and checkpoint 0.

Under an adapter the model artifact holds the frozen weights and the checkpoint the adapter's matrices (A by the seed,
B zero: nothing is changed at first). Else the checkpoint holds all weights in float32, and the model artifact only
configuration and tokenizer. Equal sources, options and library versions give equal roots. Knows no task and no money.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from transformers.modeling_utils import PreTrainedModel

from assay.artifact import pretrained as files
from assay.artifact.manifest import Manifest
from assay.artifact.weights import Checkpoint, write_checkpoint
from assay.errors import Broken
from assay.model import load, pretrained, source

SHARD: Final = "1GB"
MODEL, CHECKPOINT = "model", "checkpoint"
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import made: manifests of both artifacts, the adapter's description, sizes in bytes and values."""

    model: Manifest
    checkpoint: Manifest
    adapter: dict[str, Any] | None
    architecture: str
    dtype: str
    parameters: int
    trained: int


def import_model(
    path: Path, out: Path, adapter: dict[str, Any] | None, dtype: str | None, seed: int, progress: Progress
) -> Imported:
    """Read the model at `path` and write the artifacts `out`/model and `out`/checkpoint.

    `adapter` has rank, alpha and targets ("all-linear" alone stands for every linear layer but the output); `dtype`
    float32 or bf16, None for what the source has. `progress(what, share)` is called a few times.

    Raises:
        Refused: pickles, missing pieces, values that aren't finite, an unknown architecture, code of its own, logits
            that aren't the head's of the last states, no tokenizer, or an adapter that doesn't fit.
        Unavailable: the disk fails, or a library that this file needs isn't installed.
    """
    found = source.find(path)
    progress("reading", 0.0)
    config = source.configuration(found)
    kept = dtype or source.stored_as(config)
    config["dtype"] = "bfloat16" if kept == "bf16" else "float32"
    with load.one_thread():
        model = source.network(found, config, kept)
        progress("checked", 0.4)
        stage = _texts(found, config, out, model.config.vocab_size)
        size = sum(value.numel() for value in model.parameters())
        if adapter is not None:
            _weights(model, stage, kept)
            progress("frozen weights", 0.7)
            adapter = _adapt(model, adapter, seed)
        manifest = files.write_model(out / MODEL, stage)
        shutil.rmtree(stage)
        arrays = load.arrays_of(model)
        progress("hashed", 0.9)
        checkpoint = Checkpoint(arrays, None, files.describe(manifest.root(), adapter))
        written = write_checkpoint(out / CHECKPOINT, checkpoint)
    progress("done", 1.0)
    return Imported(manifest, written, adapter, str(config["model_type"]), kept, size, checkpoint.n_params)


def _texts(found: source.Source, config: dict[str, Any], out: Path, vocabulary: int) -> Path:
    """Write everything but the weights to a folder and return it."""
    stage = out / "stage"
    stage.mkdir(parents=True)
    source.write_tokenizer(found, stage, vocabulary)
    (stage / source.CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    generation = found.folder / "generation_config.json"
    if found.gguf is None and generation.is_file() and generation.stat().st_size <= files.CONFIG_BYTES:
        shutil.copyfile(generation, stage / generation.name)
    return stage


def _weights(model: PreTrainedModel, stage: Path, dtype: str) -> None:
    """Add the weights in safetensors, in files of at most 1 GB; tied ones once."""
    room = stage / "weights"
    load.computed_in(model, dtype)
    model.save_pretrained(room, max_shard_size=SHARD)
    load.computed_in(model, "float32")
    for path in sorted(room.iterdir()):
        if ".safetensors" in path.suffixes:
            path.chmod(0o644)  # the library keeps it to its owner
            path.rename(stage / path.name)
    shutil.rmtree(room)


def _adapt(model: PreTrainedModel, wanted: dict[str, Any], seed: int) -> dict[str, Any]:
    """Put the adapter on the model and return its description."""
    targets = wanted["targets"]
    if targets == [pretrained.ALL_LINEAR]:
        targets = list(pretrained.linear_targets(model))
    found = pretrained.read_adapter(
        {"kind": "lora", "rank": wanted["rank"], "alpha": wanted["alpha"], "targets": targets}
    )
    if found is None:
        raise Broken("an adapter without a description")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pretrained.adapted(model, found)
    return found.describe()
