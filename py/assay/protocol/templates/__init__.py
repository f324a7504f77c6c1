"""Tasks that come with the software: TOML whose environment hash and base root are left to be filled in.

`digits`: learnt on two CPU cores in a minute (scripts/bench/learning.py). `chain-sum`: for a language model of some
hundred million parameters with an adapter (scripts/demo_llm.py). Knows neither environments nor checkpoints: their
roots are the caller's.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from assay.errors import Refused
from assay.protocol.spec import ModelSpec, TaskSpec, check, parse_toml

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Return the names of the templates."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def blank(name: str) -> TaskSpec:
    """Return a template with zeros for the environment's hash and the base's root. Refused if there is none."""
    if name not in names():
        raise Refused(f"there is no template {name!r}; known: {', '.join(names())}")
    return parse_toml((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def fill(name: str, base: bytes, environment_hash: bytes, model: ModelSpec | None = None) -> TaskSpec:
    """Return a template's task for an environment and a base, 32 bytes each; `model` takes the place of its section.

    Refused if there is no template.
    """
    empty = blank(name)
    task = replace(
        empty,
        environment=replace(empty.environment, hash=environment_hash),
        model=replace(model or empty.model, base=base),
    )
    check(task)
    return task
