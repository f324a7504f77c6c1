"""Checkpoints: equal ones have equal roots, and only finite float32 weights are read."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.artifact import tensors, weights
from assay.artifact.folder import write_artifact
from assay.artifact.weights import Checkpoint, flatten, read_checkpoint, unflatten, write_checkpoint
from assay.errors import Refused, Unavailable
from assay.types import Reason
from unit.artifact import parts

LIMIT = 1 << 20
ARRAYS = {
    "b.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a.weight": -np.ones((4,), np.float32),
    "c": np.array(5, np.float32),
}
MADE = Checkpoint(ARRAYS, np.arange(11, dtype=np.int64) - 5, {"hidden_size": 64, "eps": 1e-6, "tied": True})


@pytest.mark.parametrize("made", [MADE, replace(MADE, momentum=None)], ids=["momentum", "plain"])
def test_read__what_write_wrote__is_the_same_checkpoint(tmp_path: Path, made: Checkpoint) -> None:
    manifest = write_checkpoint(tmp_path / "c", made)
    found = read_checkpoint(tmp_path / "c", LIMIT)
    assert found.config == made.config
    assert found.n_params == 11
    assert found.arrays.keys() == made.arrays.keys()
    assert all(np.array_equal(found.arrays[name], made.arrays[name]) for name in made.arrays)
    assert (found.momentum is None) == (made.momentum is None)
    assert write_checkpoint(tmp_path / "again", found).root() == manifest.root()


def test_root__one_ulp_or_one_unit_of_momentum__changes_it(tmp_path: Path) -> None:
    nudged = {**ARRAYS, "c": np.nextafter(ARRAYS["c"], np.float32(9))}
    momentum = MADE.momentum + np.eye(1, 11, 3, dtype=np.int64)[0]  # type: ignore[operator]
    changed = [MADE, replace(MADE, arrays=nudged), replace(MADE, momentum=momentum), replace(MADE, momentum=None)]
    roots = {write_checkpoint(tmp_path / "c", checkpoint).root() for checkpoint in changed}
    assert len(roots) == 4


def test_flatten__sorted_by_name__and_back() -> None:
    flat = flatten(ARRAYS)
    assert flat.tolist() == [-1, -1, -1, -1, 0, 1, 2, 3, 4, 5, 5]
    back = unflatten(flat, ARRAYS)
    assert all(np.array_equal(back[name], ARRAYS[name]) and back[name].shape == ARRAYS[name].shape for name in ARRAYS)
    back["a.weight"][0] = 9
    assert flat[0] == -1
    with pytest.raises(Refused):
        unflatten(flat[:-1], ARRAYS)


@pytest.mark.parametrize(
    "bad",
    [
        replace(MADE, arrays={**ARRAYS, "c": np.array(np.nan, np.float32)}),
        replace(MADE, arrays={**ARRAYS, "c": np.array(np.inf, np.float32)}),
        replace(MADE, arrays={**ARRAYS, "c": np.array(1.0)}),
        replace(MADE, arrays={}),
        replace(MADE, arrays={**ARRAYS, "../x": np.ones(1, np.float32)}),
        replace(MADE, momentum=np.zeros(10, np.int64)),
        replace(MADE, momentum=np.zeros(11, np.int32)),
        replace(MADE, config={"x": float("nan")}),
        replace(MADE, config={"x": 1 << 60}),
        replace(MADE, config={"x": object()}),
        replace(MADE, config={"x": "y" * 100_000}),
        replace(MADE, config=[]),  # type: ignore[arg-type]
    ],
    ids=range(12),
)
def test_write__breaks_a_rule__is_refused_and_nothing_appears(tmp_path: Path, bad: Checkpoint) -> None:
    with pytest.raises(Refused):
        write_checkpoint(tmp_path / "c", bad)
    assert list(tmp_path.iterdir()) == []


def forged(tmp_path: Path, **files: bytes) -> Path:
    """A checkpoint under a valid manifest with other content."""
    write_checkpoint(tmp_path / "c", MADE)
    content: dict[str, Any] = {path.name: path.read_bytes() for path in (tmp_path / "c").glob("*[!t].*")}
    content = {name: data for name, data in content.items() if name != "manifest.json"}
    content.update({name.replace("__", "."): data for name, data in files.items()})
    write_artifact(tmp_path / "forged", "checkpoint", None, content)
    return tmp_path / "forged"


def encoded(tmp_path: Path, arrays: dict[str, Any]) -> bytes:
    tensors.write(tmp_path / "t", arrays)
    return (tmp_path / "t").read_bytes()


def test_read__pickle_in_place_of_weights__is_refused_by_content(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="Python object"):
        read_checkpoint(forged(tmp_path, weights__safetensors=pickle.dumps(ARRAYS)), LIMIT)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_read__weights_are_not_finite__is_refused(tmp_path: Path, value: float) -> None:
    data = encoded(tmp_path, {"a": np.full(3, value, np.float32)})
    with pytest.raises(Refused, match="finite") as caught:
        read_checkpoint(forged(tmp_path, weights__safetensors=data), LIMIT)
    assert caught.value.reason is Reason.BOUNDS


def test_read__momentum_or_config_does_not_fit__is_refused(tmp_path: Path) -> None:
    short = encoded(tmp_path, {"momentum": np.zeros(10, np.int64)})
    for files in ({"momentum__safetensors": short}, {"config__json": b"[]"}, {"config__json": b"{" * 50_000}):
        with pytest.raises(Refused):
            read_checkpoint(forged(tmp_path, **files), LIMIT)
    with pytest.raises(Refused, match="65536"):
        read_checkpoint(forged(tmp_path, config__json=b" " * (weights.CONFIG_BYTES + 1)), LIMIT)


def test_read__a_submission_or_nothing_or_too_much__is_an_error_of_its_kind(tmp_path: Path) -> None:
    write_artifact(tmp_path / "s", "submission", parts.binding(), {"trace.json": b"{}"})
    with pytest.raises(Refused, match="submission"):
        read_checkpoint(tmp_path / "s", LIMIT)
    with pytest.raises(Unavailable):
        read_checkpoint(tmp_path / "none", LIMIT)
    write_checkpoint(tmp_path / "c", MADE)
    with pytest.raises(Refused) as caught:
        read_checkpoint(tmp_path / "c", 100)
    assert caught.value.reason is Reason.SIZE
