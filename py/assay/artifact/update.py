"""The pseudo-gradient of a submission: base weights minus the weights after the inner steps, in int8 blocks.

Knows nothing of models: n_params is the caller's. Bounds every value; whether the update is honest is not judged here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.artifact import tensors
from assay.protocol import codec

NAME = "update.safetensors"


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """q int8[n] and scale uint16[ceil(n/256)], bf16 bit patterns, as `protocol.codec` defines them."""

    q: NDArray[np.int8]
    scale: NDArray[np.uint16]


def write(path: Path, update: Update) -> None:
    """Write an update within its bounds; another is Refused."""
    codec.check_bounds(update.q, update.scale)
    tensors.write(path, {"q": update.q, "scale": update.scale})


def read(path: Path, n_params: int) -> Update:
    """Read the update of a model with `n_params` parameters.

    Raises:
        Refused: malformed (SCHEMA, SIZE) or out of bounds (UPDATE).
    """
    blocks = codec.blocks_of(n_params)
    wanted: tensors.Wanted = {"q": ("int8", (n_params,)), "scale": ("uint16", (blocks,))}
    found = tensors.read(path, wanted, n_params + 2 * blocks + 4096)
    update = Update(found["q"], found["scale"])
    codec.check_bounds(update.q, update.scale)
    return update
