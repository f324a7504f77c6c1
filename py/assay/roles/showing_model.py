"""What a model's or a checkpoint's folder holds, read from its manifest, configuration and tensor headers only."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

from assay.artifact import strict, weights
from assay.artifact.folder import open_artifact, read_bounded
from assay.artifact.pretrained import CONFIG_BYTES
from assay.errors import Refused

MAX_BYTES: Final = 256 << 30
SHOWN: Final = ("model_type", "dtype", "vocab_size", "hidden_size", "num_hidden_layers", "max_position_embeddings")


def describe(folder: Path) -> dict[str, Any]:
    """Return what is in a folder as JSON. Refused if its bytes aren't those of its manifest, or it is neither."""
    artifact = open_artifact(folder, MAX_BYTES)
    kind = artifact.manifest.kind
    if kind not in {"model", "checkpoint"}:
        raise Refused(f"{folder} is a {kind}, neither a model nor a checkpoint")
    found: dict[str, Any] = {
        "kind": kind,
        "root": "0x" + artifact.root.hex(),
        "folder": str(folder),
        "bytes": artifact.manifest.size,
        "files": [entry.name for entry in artifact.manifest.files],
    }
    config = strict.load(read_bounded(artifact.path("config.json"), CONFIG_BYTES), CONFIG_BYTES, "config.json")
    if not isinstance(config, dict):
        raise Refused("the configuration isn't an object")
    if kind == "checkpoint":
        shapes = weights.shapes(folder)
        more = {name: config.get(name) for name in ("architecture", "model", "adapter")}
        return {**found, **more, "tensors": len(shapes), "trained": sum(math.prod(shape) for shape in shapes.values())}
    return {**found, **{name: config[name] for name in SHOWN if name in config}}
