"""Checkpoints: float32 weights, the outer optimizer's integer momentum and the model's configuration under one root.

Equal checkpoints give equal roots on every machine. Knows nothing of architectures: model builds a network from these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.artifact import strict, tensors
from assay.artifact.folder import open_artifact, read_bounded, seal, staged
from assay.artifact.manifest import Manifest
from assay.artifact.strict import refuse
from assay.types import Reason

CONFIG_BYTES = 64 << 10
Arrays = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """One version of the model.

    Attributes:
        arrays: parameter name to float32 array, all finite.
        momentum: int64[n] in units of 2^-40 over the flattened parameters, or None before the first outer step.
        config: what the architecture needs, plain JSON.
    """

    arrays: dict[str, NDArray[np.float32]]
    momentum: NDArray[np.int64] | None
    config: dict[str, Any]

    @property
    def n_params(self) -> int:
        """The number of parameters, the length of `flatten(arrays)`."""
        return sum(array.size for array in self.arrays.values())


def flatten(arrays: Arrays) -> NDArray[np.float32]:
    """Put all parameters into one float32[n], by sorted name, each in C order."""
    if not arrays:
        return np.zeros(0, dtype=np.float32)
    return np.concatenate([np.asarray(arrays[name], dtype=np.float32).reshape(-1) for name in sorted(arrays)])


def unflatten(flat: NDArray[np.float32], like: Arrays) -> dict[str, NDArray[np.float32]]:
    """Undo `flatten` with the names and shapes of `like`; Refused when the lengths differ."""
    if flat.shape != (sum(array.size for array in like.values()),):
        refuse(f"{flat.size} values don't fit the parameters of this model")
    arrays, offset = {}, 0
    for name in sorted(like):
        size = like[name].size
        arrays[name] = flat[offset : offset + size].astype(np.float32).reshape(like[name].shape)
        offset += size
    return arrays


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> Manifest:
    """Write a checkpoint as an artifact, complete or not at all.

    Raises:
        Refused: a value that isn't finite, a type other than float32, a momentum of another length.
    """
    _check(checkpoint)
    with staged(folder) as stage:
        (stage / "config.json").write_bytes(strict.dump(checkpoint.config, "config.json"))
        tensors.write(stage / "weights.safetensors", checkpoint.arrays)
        if checkpoint.momentum is not None:
            tensors.write(stage / "momentum.safetensors", {"momentum": checkpoint.momentum})
        return seal(stage, "checkpoint", None)


def read_checkpoint(folder: Path, max_bytes: int) -> Checkpoint:
    """Hash and read a checkpoint of at most `max_bytes`.

    Raises:
        Refused: malformed, oversized, not float32, not finite.
        Unavailable: not there.
    """
    artifact = open_artifact(folder, max_bytes)
    if artifact.manifest.kind != "checkpoint":
        refuse("this artifact is a submission, not a checkpoint")
    config = strict.load(read_bounded(artifact.path("config.json"), CONFIG_BYTES), CONFIG_BYTES, "config.json")
    arrays = tensors.read(artifact.path("weights.safetensors"), None, max_bytes, finite=True)
    momentum = None
    if any(entry.name == "momentum.safetensors" for entry in artifact.manifest.files):
        size = sum(array.size for array in arrays.values())
        wanted: tensors.Wanted = {"momentum": ("int64", (size,))}
        momentum = tensors.read(artifact.path("momentum.safetensors"), wanted, max_bytes)["momentum"]
    checkpoint = Checkpoint(arrays, momentum, config)
    _check(checkpoint)
    return checkpoint


def checked_config(folder: Path, max_bytes: int) -> dict[str, Any]:
    """Hash a checkpoint's files and read its configuration only; raises as `read_checkpoint` does."""
    artifact = open_artifact(folder, max_bytes)
    if artifact.manifest.kind != "checkpoint":
        refuse("this artifact is a submission, not a checkpoint")
    config = strict.load(read_bounded(artifact.path("config.json"), CONFIG_BYTES), CONFIG_BYTES, "config.json")
    if not isinstance(config, dict):
        refuse("the configuration isn't an object")
    return config


def shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Return name → shape of a hashed checkpoint's weights, from the header alone. Refused if it is malformed."""
    return tensors.shapes(folder / "weights.safetensors")


def stream(folder: Path, shard: int) -> Iterator[NDArray[np.float32]]:
    """Read a hashed checkpoint's weights as `flatten` has them, in pieces of `shard` values, none held. Refused unless
    all are finite.
    """
    for piece in tensors.flat(folder / "weights.safetensors", shard):
        if not np.isfinite(piece).all():
            refuse("the weights have a value that isn't finite", Reason.BOUNDS)
        yield piece


def _check(checkpoint: Checkpoint) -> None:
    if not isinstance(checkpoint.config, dict) or len(strict.dump(checkpoint.config, "config.json")) > CONFIG_BYTES:
        refuse(f"the configuration isn't an object of at most {CONFIG_BYTES} bytes")
    if not checkpoint.arrays:
        refuse("the checkpoint has no weights")
    for name, array in checkpoint.arrays.items():
        if array.dtype != np.float32:
            refuse(f"tensor {name} is {array.dtype.name}, not float32")
        if not np.isfinite(array).all():
            refuse(f"tensor {name} has a value that isn't finite", Reason.BOUNDS)
    if checkpoint.momentum is not None and (
        checkpoint.momentum.dtype != np.int64 or checkpoint.momentum.shape != (checkpoint.n_params,)
    ):
        refuse("the momentum isn't int64 with one value for each parameter")
