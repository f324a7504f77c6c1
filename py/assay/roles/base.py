"""Making a task's base model: checkpoint 0 of a built-in environment, the same root on every run of one machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from assay.protocol.fields import Option


def make(env_name: str, options: dict[str, Option], out: Path, progress: Callable[..., None] | None = None) -> bytes:
    """Train the base checkpoint into `out` and return its root. Raises Refused for an unknown environment."""
    from assay.train.base import make_base

    return make_base(env_name, options, out, progress=progress).root()


def environment(env_name: str, options: dict[str, Option]) -> tuple[bytes, int]:
    """Return a built-in environment's hash and how many training seeds it has. Raises Refused if it isn't known."""
    from assay.model.env import registry

    env = registry.get(env_name, options)
    return env.hash, env.training_seeds
