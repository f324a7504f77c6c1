"""The environments that this software knows, by name, and the hash that a task pins one with.

`digits` is built in. The others are text environments bound to a model's tokenizer: `reasoning-gym`, if installed,
tasksets of `verifiers`, and `folder`, a folder of one's own that a task names by its root. The hash covers the code
that makes and scores items, its version and the options, so a changed rule is another environment. Whether its owner
trusts an environment is not asked here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from assay.artifact import pretrained
from assay.errors import Refused
from assay.model.env import digits, folder, pairs, reasoning_gym, tokenised, verifiers_tasks
from assay.model.env.base import Environment
from assay.model.env.host import Host, Limits, Log
from assay.model.env.text import BINDING, Asking, split_options
from assay.protocol.fields import Option
from assay.protocol.sections import TaskSpec

_BUILT_IN: dict[str, tuple[ModuleType, int, Callable[[Mapping[str, Option], bytes], Environment]]] = {
    digits.NAME: (digits, digits.VERSION, digits.Digits),
}
_TEXT: Final[dict[str, tuple[str, Callable[[Mapping[str, Option]], dict[str, Any]]]]] = {
    folder.NAME: (folder.TARGET, folder.described),
    pairs.NAME: (pairs.TARGET, folder.described),
    reasoning_gym.NAME: (reasoning_gym.TARGET, reasoning_gym.described),
    verifiers_tasks.NAME: (verifiers_tasks.TARGET, verifiers_tasks.described),
}


def names() -> list[str]:
    """Return the names of the built-in environments."""
    return sorted(_BUILT_IN)


def text_names() -> list[str]:
    """Return the names of the kinds of text environment."""
    return sorted(_TEXT)


def get(name: str, options: Mapping[str, Option]) -> Environment:
    """Return a built-in environment. Refused if the name or an option is unknown, or an option is out of range."""
    if name not in _BUILT_IN:
        known = ", ".join([*names(), *text_names()])
        raise Refused(f"unknown environment {name!r}; known: {known}" if name not in _TEXT else f"{name} needs a model")
    module, version, make = _BUILT_IN[name]
    described = {"name": name, "options": dict(make(options, b"").options), "version": version}
    return make(options, hashlib.sha256(_source(module) + _canonical(described)).digest())


def bound(spec: TaskSpec, near: Path, limits: Limits | None = None, log: Log | None = None) -> Environment:
    """Return a task's environment; `near` is the folder in which what the task names by root lies.

    A text environment's calls get `limits`, and `log` a line for each that fails. Refused if this software's differs
    from the pinned one, or has too few seeds; Unavailable if a folder isn't there.
    """
    named = spec.environment
    here = environment_hash(named.name, named.options)
    if here != named.hash:
        raise Refused(f"the task pins another version of environment {named.name} than this software has")
    env = get(named.name, named.options) if named.name in _BUILT_IN else _tokenised(spec, near, limits, log)
    if named.seed_count > env.training_seeds:
        raise Refused(f"environment.seed_count must be at most {env.training_seeds}: the rest is held out")
    return env


def environment_hash(name: str, options: Mapping[str, Option]) -> bytes:
    """Return the 32-byte hash that a task names its environment by. Refused if it isn't known or not installed."""
    return get(name, options).hash if name in _BUILT_IN else _named(name, options)[0].hash


def hosted(
    name: str, options: Mapping[str, Option], near: Path, limits: Limits | None = None, log: Log | None = None
) -> Host:
    """Return a text environment's functions in a process of their own, without a tokenizer."""
    _, _, own = _named(name, options)
    return Host(_TEXT[name][0], {**own, **_where(name, own, near)}, limits, log)


def _tokenised(spec: TaskSpec, near: Path, limits: Limits | None, log: Log | None) -> Environment:
    named, asking, _ = _named(spec.environment.name, spec.environment.options)
    try:
        root = bytes.fromhex(spec.model.tokenizer.removeprefix("0x"))
    except ValueError:
        root = b""
    if len(root) != 32 or not spec.model.tokenizer.startswith("0x"):
        raise Refused("model.tokenizer must be the root of a model's folder for an environment of words")
    model = pretrained.open_model(near, root)
    room = spec.rollout
    words = tokenised.words(model.folder, model.config, room.max_prompt_tokens, room.max_new_tokens)
    host = hosted(spec.environment.name, spec.environment.options, near, limits, log)
    return tokenised.Tokenised(named, host, asking, words)


def _named(name: str, options: Mapping[str, Option]) -> tuple[tokenised.Named, Asking, dict[str, Option]]:
    if name not in _TEXT:
        get(name, options)  # says what is known
    asking, own = split_options(options, name)
    full = {**own, **asking.described()}
    described = {"name": name, "options": full, "binding": BINDING, "code": _TEXT[name][1](own)}
    return tokenised.Named(name, full, hashlib.sha256(_canonical(described)).digest()), asking, own


def _where(name: str, own: Mapping[str, Option], near: Path) -> dict[str, Option]:
    """Return where a folder lies, its bytes hashed; other environments are installed."""
    if name not in {folder.NAME, pairs.NAME}:
        return {}
    # absolute: the environment's process has no folder that it works in
    return {folder.PLACE: str(folder.opened(near, folder.root_of(own)).absolute())}


def _canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


@cache
def _source(module: ModuleType) -> bytes:
    if module.__file__ is None:
        raise Refused(f"environment {module.__name__} has no source to hash")
    return Path(module.__file__).read_bytes()
