"""Who is who at the command line of these tests, and how its answers are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from typer.testing import Result

from integration.chain.world import INITIATOR, TRAINERS, VALIDATORS

NAMES = dict(
    zip(("alice", *("carol", "val-2", "val-3"), "bob", "mallory"), (INITIATOR, *VALIDATORS, *TRAINERS), strict=True)
)
Run = Callable[..., Result]


def as_json(result: Result) -> Any:
    """Return what a command that must have worked printed as JSON."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refusal(result: Result) -> str:
    """Return the sentence of a command that must have been refused."""
    assert result.exit_code == 2, result.output
    assert result.stderr.splitlines()[-1].startswith("refused: "), result.stderr
    return result.stderr.splitlines()[-1].removeprefix("refused: ")
