"""The environments that this software knows, by name, and the hash that a task pins one with.

The hash covers the environment's source file, its version and its options, so a changed rule is another environment.
It doesn't load strangers' code: an unknown name is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType

from assay.errors import Refused
from assay.model.env import digits
from assay.model.env.base import Environment
from assay.protocol.fields import Option
from assay.protocol.sections import TaskSpec

_KNOWN: dict[str, tuple[ModuleType, int, Callable[[Mapping[str, Option], bytes], Environment]]] = {
    digits.NAME: (digits, digits.VERSION, digits.Digits),
}


def names() -> list[str]:
    """Return the names of the built-in environments."""
    return sorted(_KNOWN)


def get(name: str, options: Mapping[str, Option]) -> Environment:
    """Return an environment. Refused if the name or an option is unknown, or an option is out of range."""
    if name not in _KNOWN:
        raise Refused(f"unknown environment {name!r}; known: {', '.join(names())}")
    module, version, make = _KNOWN[name]
    described = {"name": name, "options": dict(make(options, b"").options), "version": version}
    content = _source(module) + json.dumps(described, sort_keys=True, separators=(",", ":")).encode()
    return make(options, hashlib.sha256(content).digest())


def bound(spec: TaskSpec, near: Path) -> Environment:
    """Return a task's environment; `near` is the folder in which what the task names by root lies.

    Refused if this software's differs from the pinned one, or has too few seeds; Unavailable if a folder isn't there.
    """
    named = spec.environment
    env = get(named.name, named.options)
    if env.hash != named.hash:
        raise Refused(f"the task pins another version of environment {env.name} than this software has")
    if named.seed_count > env.training_seeds:
        raise Refused(f"environment.seed_count must be at most {env.training_seeds}: the rest is held out")
    return env


def environment_hash(name: str, options: Mapping[str, Option]) -> bytes:
    """Return the 32-byte hash that a task names its environment by."""
    return get(name, options).hash


@cache
def _source(module: ModuleType) -> bytes:
    if module.__file__ is None:
        raise Refused(f"environment {module.__name__} has no source to hash")
    return Path(module.__file__).read_bytes()
