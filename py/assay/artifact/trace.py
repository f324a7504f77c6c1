"""The trace of a submission: one leaf for each inner step, under one Merkle root.

Each leaf repeats task, round, trainer and n, so an old trace under a new root is worthless, and names the state before
and after its step, so that it can be judged alone. Knows nothing of training. Doesn't check that the steps are true:
verify repeats drawn ones.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import rfc8785

from assay.artifact import strict
from assay.artifact.folder import read_bounded
from assay.artifact.strict import refuse
from assay.protocol import merkle, sketch
from assay.protocol.hashing import keccak

NAME = "trace.json"
TRACE_BYTES = 4 << 20
MAX_STEPS = 4096
_NUMBERS = ("task", "round", "n", "step")
_ROOTS = ("batch_hash", "gradient_root", "weights_before", "moments_before", "weights_after", "moments_after")
_SKETCH = re.compile(rf"0x[0-9a-f]{{{2 * sketch.BYTES}}}")


@dataclass(frozen=True, slots=True)
class StepLeaf:
    """One inner step, counted from 0.

    `batch_hash` names the batch, `loss` and `grad_norm` (before clipping) are float64. `gradient_root` names the
    gradient after clipping and `sketch` is its sketch; the last four are the roots of weights and of the optimizer's
    moments before and after the step, all as `artifact.opening` makes them. The trainer's address is in lower case.
    """

    task: int
    round: int
    trainer: str
    n: int
    step: int
    batch_hash: bytes
    loss: float
    grad_norm: float
    gradient_root: bytes
    sketch: bytes
    weights_before: bytes
    moments_before: bytes
    weights_after: bytes
    moments_after: bytes

    def __post_init__(self) -> None:
        for name in _NUMBERS:
            strict.integer(getattr(self, name), f"a step's {name}")
        object.__setattr__(self, "trainer", strict.address(self.trainer.lower(), "a step's trainer"))
        for name in ("loss", "grad_norm"):
            value = strict.number(float(getattr(self, name)), f"a step's {name}")
            object.__setattr__(self, name, value + 0.0)  # canonical JSON has no −0, so the digest must have none either
        for name in _ROOTS:
            if len(getattr(self, name)) != 32:
                refuse(f"a step's {name} has 32 bytes")
        if len(self.sketch) != sketch.BYTES:
            refuse(f"a step's sketch has {sketch.BYTES} bytes")

    def digest(self) -> bytes:
        """The 32 bytes that stand for this leaf in the trace's Merkle tree."""
        head = struct.pack(">QQ20sQQ", self.task, self.round, bytes.fromhex(self.trainer[2:]), self.n, self.step)
        numbers = struct.pack(">dd", self.loss, self.grad_norm)
        return keccak(head + numbers + self.sketch + b"".join(getattr(self, name) for name in _ROOTS))


def root(steps: Sequence[StepLeaf]) -> bytes:
    """The Merkle root over the steps' digests."""
    return merkle.root([step.digest() for step in steps])


def encode(steps: Sequence[StepLeaf]) -> bytes:
    """Canonical JSON of the steps, what `decode` reads."""
    _check(steps)
    return rfc8785.dumps({"steps": [_plain(step) for step in steps]})


def decode(data: bytes) -> list[StepLeaf]:
    """Read steps from strangers' bytes, in canonical form only.

    Raises:
        Refused: the sentence names what is wrong.
    """
    top = strict.fields(strict.load(data, TRACE_BYTES, NAME), ("steps",), NAME)
    if not isinstance(top["steps"], list) or len(top["steps"]) > MAX_STEPS:
        refuse(f"{NAME} must list at most {MAX_STEPS} steps")
    steps = [_step(item) for item in top["steps"]]
    if encode(steps) != data:
        refuse(f"{NAME} isn't canonical JSON")
    return steps


def write(path: Path, steps: Sequence[StepLeaf]) -> None:
    """Write the steps as canonical JSON."""
    path.write_bytes(encode(steps))


def read(path: Path) -> list[StepLeaf]:
    """Read what `write` wrote; Refused when it breaks a rule, Unavailable when the disk doesn't answer."""
    return decode(read_bounded(path, TRACE_BYTES))


def _check(steps: Sequence[StepLeaf]) -> None:
    if not 1 <= len(steps) <= MAX_STEPS:
        refuse(f"a trace has 1 to {MAX_STEPS} steps")
    if [step.step for step in steps] != list(range(len(steps))):
        refuse("a trace counts its steps from 0, without a gap")
    if len({(step.task, step.round, step.trainer, step.n) for step in steps}) != 1:
        refuse("the steps of a trace belong to different submissions")


def _plain(step: StepLeaf) -> dict[str, Any]:
    return {key: "0x" + value.hex() if isinstance(value, bytes) else value for key, value in asdict(step).items()}


def _step(value: Any) -> StepLeaf:
    found = strict.fields(value, tuple(StepLeaf.__dataclass_fields__), "a step")
    values: dict[str, Any] = {name: strict.bytes32(found[name], f"a step's {name}") for name in _ROOTS}
    values |= {name: strict.integer(found[name], f"a step's {name}") for name in _NUMBERS}
    values |= {name: strict.number(found[name], f"a step's {name}") for name in ("loss", "grad_norm")}
    trainer = strict.address(found["trainer"], "a step's trainer")
    return StepLeaf(trainer=trainer, sketch=_sketch(found["sketch"]), **values)


def _sketch(value: Any) -> bytes:
    if not isinstance(value, str) or not _SKETCH.fullmatch(value):
        refuse(f"a step's sketch isn't {sketch.BYTES} bytes of lower-case hex")
    return bytes.fromhex(value[2:])
