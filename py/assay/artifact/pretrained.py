"""The folder of a model of the transformers library as an artifact of kind `model`: its configuration, its tokenizer's
files and, where a checkpoint doesn't hold all weights itself, its weights in safetensors.

A checkpoint names it by its root. Opening one hashes every file and reads the configuration within bounds. Knows no
architecture; files other than JSON, templates and safetensors can't be in it, so nothing here is ever unpickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.artifact import strict
from assay.artifact.folder import open_named, read_bounded, seal, staged
from assay.artifact.manifest import Manifest
from assay.artifact.strict import refuse

KIND = "model"
CONFIG_BYTES = 1 << 20
MODEL_BYTES = 256 << 30
ARCHITECTURE = "transformers"
TEXT_FILES = (
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
)
"""Everything but the weights, and their index where they lie in several files."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """An opened model: its folder, whose bytes were hashed, its root, its configuration and whether it has weights."""

    folder: Path
    root: bytes
    config: dict[str, Any]
    has_weights: bool


def open_model(near: Path, root: bytes, max_bytes: int = MODEL_BYTES) -> ModelFolder:
    """Open the model with this root among the folders in `near`.

    Raises:
        Refused: not a model, larger than `max_bytes`, or a configuration that isn't a JSON object.
        Unavailable: it isn't here.
    """
    artifact = open_named(near, root, KIND, max_bytes)
    config = strict.load(read_bounded(artifact.path("config.json"), CONFIG_BYTES), CONFIG_BYTES, "config.json")
    if not isinstance(config, dict):
        refuse("the model's configuration isn't an object")
    names = [entry.name for entry in artifact.manifest.files]
    return ModelFolder(artifact.folder, root, config, any(name.endswith(".safetensors") for name in names))


def write_model(folder: Path, source: Path) -> Manifest:
    """Make an artifact of the files in `source` that a model may have, complete or not at all; others are left out."""
    from assay.artifact.manifest import is_allowed

    with staged(folder) as stage:
        for path in sorted(source.iterdir()):
            if path.is_file() and is_allowed(KIND, path.name):
                (stage / path.name).hardlink_to(path)
        return seal(stage, KIND, None)


def describe(root: bytes, adapter: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the description that a checkpoint of this model has in its `config.json`."""
    return {
        "architecture": ARCHITECTURE,
        "model": "0x" + root.hex(),
        "adapter": None if adapter is None else {**adapter},
    }


def model_root(config: Mapping[str, Any]) -> bytes | None:
    """Return the root of the model that a checkpoint's description names; None where it needs none. Refused if it is
    malformed."""
    if config.get("architecture") != ARCHITECTURE:
        return None
    return strict.bytes32(config.get("model"), "the checkpoint's model")
