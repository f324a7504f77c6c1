"""A small digits task and its base checkpoint, as tests of train use them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.artifact.weights import read_checkpoint
from assay.model import load
from assay.model.env import registry
from assay.model.env.base import Environment
from assay.model.load import CausalLM
from assay.protocol.spec import TaskSpec

TRAINER = "0x" + "ab" * 20
BEACON = b"\x07" * 32


@dataclass(frozen=True)
class World:
    """A task of 8 groups of 4, its base checkpoint, and how a submission is bound."""

    folder: Path
    spec: TaskSpec

    @property
    def env(self) -> Environment:
        return registry.bound(self.spec, self.folder.parent)

    def model(self) -> CausalLM:
        checkpoint = read_checkpoint(self.folder, 1 << 24)
        return load.build(checkpoint.config, checkpoint.arrays)

    def bound(self, **changes: Any) -> dict[str, Any]:
        base = {"chain_id": 31337, "ledger": "0x" + "01" * 20, "task": 1, "round": 2, "trainer": TRAINER}
        return base | {"n": 0, "base": 0, "first_group": 0} | changes
