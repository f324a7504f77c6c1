"""Putting another environment into a spec: from the lines that `assay env` printed."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import Refused

if TYPE_CHECKING:
    from assay.protocol.spec import TaskSpec


def named(spec: TaskSpec, file: Path, near: Path) -> TaskSpec:
    """Return the spec with the environment that a file's [environment] names, and all of its seeds; `near` is where its
    folder lies. Refused where the file isn't such lines, or the environment can't be made.
    """
    from assay.model.env import registry
    from assay.protocol import document
    from assay.protocol.sections import EnvironmentSpec

    try:
        table = tomllib.loads(file.read_text()).get("environment", {})
    except (OSError, ValueError) as error:
        raise Refused(f"{file} isn't what `assay env show` prints: {error}") from error
    read = document.build(
        EnvironmentSpec, {"seed_count": 1, **table}, "environment.", document.from_toml, defaults=False
    )
    host = registry.hosted(read.name, read.options, near)
    try:
        seeds = int(host.about()["seeds"])
    finally:
        host.close()
    return replace(spec, name=f"{read.name}-task", environment=replace(read, seed_count=min(seeds, 1 << 31)))
