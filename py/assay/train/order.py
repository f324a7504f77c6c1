"""What a submission is made from: everything that its bits follow from, and a name for it.

Work that was interrupted goes on only under the same name, so nothing of another round, base or task gets into it.
Knows nothing of how the work is done.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assay.artifact.folder import read_bounded
from assay.artifact.manifest import MANIFEST_BYTES, MANIFEST_NAME, parse
from assay.errors import Refused
from assay.protocol.spec import TaskSpec, spec_hash
from assay.train import faults

BINDING_KEYS: Final = ("chain_id", "ledger", "task", "round", "trainer", "n", "base", "first_group")


@dataclass(frozen=True, slots=True)
class Order:
    """A submission to be made: the folder of its base checkpoint, the task, what the artifact is bound to
    (BINDING_KEYS), the round's beacon (32 bytes), the index of the profile that the proofs are made under, a fault, and
    for kind label the trainer's labels by the items' keys.

    Refused if the binding lacks something or there is no such fault.
    """

    checkpoint: Path
    spec: TaskSpec
    bound: Mapping[str, Any]
    beacon: bytes
    profile: int = 0
    fault: str | None = None
    labels: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        faults.check_fault(self.fault)
        if missing := [key for key in BINDING_KEYS if key not in self.bound]:
            raise Refused(f"the submission's binding lacks {missing[0]}")
        object.__setattr__(self, "bound", {key: self.bound[key] for key in BINDING_KEYS})

    @property
    def near(self) -> Path:
        """Where what the checkpoint and the task name by root lies: beside the checkpoint."""
        return self.checkpoint.parent

    def name(self) -> str:
        """Return a digest of all this in hex. Unavailable if the checkpoint isn't there."""
        base = parse(read_bounded(self.checkpoint / MANIFEST_NAME, MANIFEST_BYTES)).root()
        parts = [
            spec_hash(self.spec).hex(),
            base.hex(),
            dict(self.bound),
            self.beacon.hex(),
            self.profile,
            self.fault,
            self.labels,
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
