"""The small valid task spec that tests and vectors start from."""

from __future__ import annotations

from pathlib import Path

from assay.protocol.spec import TaskSpec, parse_toml

ASY = 10**18
TOML = (Path(__file__).parents[2] / "vectors" / "task.toml").read_text(encoding="utf-8")


def example() -> TaskSpec:
    return parse_toml(TOML)
