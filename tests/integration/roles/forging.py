"""Artifacts that a stranger could submit: a real one, bound to the stranger, with one file spoilt and hashed anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from assay.artifact import rollouts, tensors, trace, update
from assay.artifact.folder import open_artifact, write_artifact
from assay.chain import localnet
from assay.model import load
from assay.protocol import sortition
from assay.train.export import train_submission
from integration.roles.stage import Stage, Task

PICKLE = b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94."
KINDS = ("pickle", "truncated", "nan", "oversized")
NAN_BF16 = 0x7FC0


def spoilt(stage: Stage, task: Task, account: int, kind: str) -> tuple[bytes, int]:
    """Make a submission of round 1 that only its kind speaks against; the host serves it. Return root and units."""
    schedule, ledger = task.schedule, stage.deployment.ledger
    block = stage.client.first_block_at(schedule.open(1))
    assert block is not None
    prevrandao = stage.client.prevrandao(block.number)
    beacon = sortition.beacon(localnet.CHAIN_ID, ledger, task.number, 1, prevrandao)
    bound = {
        "chain_id": localnet.CHAIN_ID, "ledger": ledger, "task": task.number, "round": 1,
        "trainer": stage.address(account), "n": 0, "base": 0, "first_group": 0,
    }  # fmt: skip
    honest, out = stage.folder / f"honest-{account}", stage.folder / f"spoilt-{account}"
    with load.one_thread():
        made = train_submission(stage.base, task.spec, bound, beacon, honest)
    artifact = open_artifact(honest, 1 << 30)
    files: dict[str, bytes | Path] = {name: honest / name for name in (rollouts.NAME, update.NAME, trace.NAME)}
    name, content = _spoil(kind, honest, stage.folder / f"{kind}.safetensors")
    write_artifact(out, "submission", artifact.manifest.binding, {**files, name: content})
    return stage.chunks.add(out), made.units


def _spoil(kind: str, honest: Path, scratch: Path) -> tuple[str, bytes | Path]:
    if kind == "pickle":
        return rollouts.NAME, PICKLE
    whole = (honest / update.NAME).read_bytes()
    if kind == "truncated":
        return update.NAME, whole[: len(whole) // 2]
    if kind == "oversized":
        return rollouts.NAME, bytes(5 << 20)
    arrays = tensors.read(honest / update.NAME, {"q": ("int8", None), "scale": ("uint16", None)}, 1 << 30)
    tensors.write(scratch, {"q": arrays["q"], "scale": np.full_like(arrays["scale"], NAN_BF16)})
    return update.NAME, scratch
