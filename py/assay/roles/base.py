"""A task's base model: checkpoint 0 of a built-in environment, the same root on every run of one machine, or one that
was imported; and what a spec has to say of either.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from assay.artifact.folder import open_artifact
from assay.artifact.pretrained import model_root
from assay.artifact.weights import checked_config
from assay.errors import Refused
from assay.protocol.fields import Option
from assay.protocol.hashing import hex32
from assay.protocol.spec import ModelSpec

UNBOUNDED = 1 << 62


def make(env_name: str, options: dict[str, Option], out: Path, progress: Callable[..., None] | None = None) -> bytes:
    """Train the base checkpoint into `out` and return its root. Raises Refused for an unknown environment."""
    from assay.train.base import make_base

    return make_base(env_name, options, out, progress=progress).root()


def section(folder: Path) -> ModelSpec:
    """Return a spec's section of an imported base checkpoint; the model that it names lies beside it.

    Refused if it isn't one; Unavailable if a folder isn't there.
    """
    config = checked_config(folder, UNBOUNDED)
    root = model_root(config)
    if root is None:
        raise Refused(f"{folder} wasn't made by `assay model import`")
    files = open_artifact(folder.parent / root.hex(), UNBOUNDED).manifest
    adapter = "full" if config["adapter"] is None else "lora"
    base = bytes.fromhex(folder.name)
    named = {"architecture": "transformers", "tokenizer": hex32(root), "adapter": adapter}
    return ModelSpec(base=base, size_bytes=files.size, **named)


def environment_hash(env_name: str, options: dict[str, Option]) -> bytes:
    """Return the hash that a task names an environment by, here. Raises Refused if it isn't known or installed."""
    from assay.model.env import registry

    return registry.environment_hash(env_name, options)
