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

_KNOWN: dict[str, tuple[ModuleType, int, Callable[[Mapping[str, int], bytes], Environment]]] = {
    digits.NAME: (digits, digits.VERSION, digits.Digits),
}


def names() -> list[str]:
    """Return the names of the built-in environments."""
    return sorted(_KNOWN)


def get(name: str, options: Mapping[str, int]) -> Environment:
    """Return an environment. Refused if the name or an option is unknown, or an option is out of range."""
    if name not in _KNOWN:
        raise Refused(f"unknown environment {name!r}; known: {', '.join(names())}")
    module, version, make = _KNOWN[name]
    described = {"name": name, "options": dict(make(options, b"").options), "version": version}
    content = _source(module) + json.dumps(described, sort_keys=True, separators=(",", ":")).encode()
    return make(options, hashlib.sha256(content).digest())


def environment_hash(name: str, options: Mapping[str, int]) -> bytes:
    """Return the 32-byte hash that a task names its environment by."""
    return get(name, options).hash


@cache
def _source(module: ModuleType) -> bytes:
    if module.__file__ is None:
        raise Refused(f"environment {module.__name__} has no source to hash")
    return Path(module.__file__).read_bytes()
