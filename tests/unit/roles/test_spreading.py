"""A node's part in the swarm: which deltas it offers, and what it drops when its disk is full."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from assay.artifact.folder import write_artifact
from assay.roles import deltas
from assay.roles.spreading import Spreading
from assay.store.engine import Store
from assay.swarm import delta
from assay.swarm.chunks import ChunkStore
from assay.swarm.signed import Network
from unit.roles.story import SIGNERS

NETWORK = Network(31337, "0x" + "a1" * 20)
VALUES = deltas.LEAST_BYTES // 2


@pytest.fixture
def chunks(tmp_path: Path) -> ChunkStore:
    return ChunkStore(tmp_path / "artifacts")


def _keep(chunks: ChunkStore, tmp_path: Path, seed: int, size: int = 5000, data: bytes | None = None) -> bytes:
    raw = np.random.default_rng(seed).bytes(size) if data is None else data
    folder = tmp_path / f"made-{seed}"
    write_artifact(folder, "checkpoint", None, {"config.json": b"{}", "weights.safetensors": raw})
    return chunks.add(folder)


def _bf16(seed: int, changed: float) -> bytes:
    values = np.random.default_rng(seed).integers(0, 1 << 15, VALUES, dtype=np.uint16)
    values[np.random.default_rng(1).random(VALUES) < changed] += 1
    return values.tobytes()


def test_make__few_values_changed__delta_is_kept_and_leads_there(chunks: ChunkStore, tmp_path: Path) -> None:
    base = _keep(chunks, tmp_path, 0, data=_bf16(7, 0.0))
    root = _keep(chunks, tmp_path, 1, data=_bf16(7, 0.01))
    made = deltas.make(chunks, base, root)
    assert made is not None
    assert made[1] < deltas.LEAST_BYTES // 10
    out = delta.apply(chunks.folder(made[0]), chunks.folder(base), tmp_path / "out", root, 1 << 30)
    assert (out / "weights.safetensors").read_bytes() == _bf16(7, 0.01)


def test_make__all_changed_or_small__is_not_worth_it(chunks: ChunkStore, tmp_path: Path) -> None:
    base, other = _keep(chunks, tmp_path, 0, data=_bf16(7, 0.0)), _keep(chunks, tmp_path, 1, data=_bf16(8, 0.0))
    assert deltas.make(chunks, base, other) is None
    small = _keep(chunks, tmp_path, 2)
    assert deltas.make(chunks, base, small) is None
    assert len(chunks.roots()) == 3


def _told(submissions: dict[int, bytes], final: set[int], disputed: set[int]) -> Store:
    """Records of one task, told: submissions by round, final rounds, disputed rounds."""
    row = SimpleNamespace
    told = row(
        tasks=lambda: [row(id=1, state="running", uri="", initiator="0x")],
        checkpoints=lambda task: [],
        enlistments=lambda task: [],
        cases=lambda task: [row(round=number) for number in disputed],
        rounds=lambda task: [row(round=number) for number in final],
        submissions=lambda task: [row(root=root, round=number) for number, root in submissions.items()],
    )
    return cast(Store, told)


def test_make_room__full__only_finished_undisputed_submissions_go(chunks: ChunkStore, tmp_path: Path) -> None:
    roots = {number: _keep(chunks, tmp_path, number) for number in (1, 2, 3)}
    old = _keep(chunks, tmp_path, 5)
    os.utime(chunks.folder(old), (0, 0))
    unknown = _keep(chunks, tmp_path, 4)
    signer: Any = SIGNERS["carol"]
    node = Spreading(
        _told(roots, final={1, 2}, disputed={2}),
        chunks,
        signer,
        NETWORK,
        lambda: "",
        lambda task: None,
        quota=1,
        later=lambda name, work, done: False,
        needed=lambda: {old},
    )
    try:
        assert node.make_room() == [roots[1]]
    finally:
        node.close()
    assert set(chunks.roots()) == {roots[2], roots[3], unknown, old}
