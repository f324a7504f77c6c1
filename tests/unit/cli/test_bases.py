"""Base checkpoints in a home: found by root, chosen where there is one, and compared with what a spec says of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from assay.artifact.pretrained import describe
from assay.artifact.weights import Checkpoint, write_checkpoint
from assay.cli import bases
from assay.errors import Refused
from assay.model import load
from assay.protocol import templates
from assay.protocol.spec import TaskSpec
from assay.roles.base import section
from unit.model.small import model_folder

LORA = {"kind": "lora", "rank": 2, "alpha": 4, "targets": ["q_proj"]}


def imported(home: Path, seed: int = 0) -> Path:
    """Put a small model and its checkpoint 0 into a home; return the checkpoint's folder."""
    near = home / "bases"
    held = [path.parent for path in near.glob("*/model.safetensors") if len(path.parent.name) == 64]
    near.mkdir(exist_ok=True)
    root = bytes.fromhex(held[0].name) if held else model_folder(near)[1]
    config = describe(root, LORA)
    torch.manual_seed(seed)
    base = write_checkpoint(near / "part", Checkpoint(load.arrays_of(load.blank(config, near)), None, config)).root()
    return (near / "part").rename(near / base.hex())


def spec_of(base: Path) -> TaskSpec:
    return replace(templates.blank("chain-sum"), model=section(base))


def test_check__spec_says_what_the_base_is__passes(tmp_path: Path) -> None:
    base = imported(tmp_path)
    bases.check(tmp_path, spec_of(base))
    assert bases.imported(tmp_path, None) == base


@pytest.mark.parametrize(("change", "named"), [({"adapter": "full"}, "adapter"), ({"size_bytes": 1}, "size_bytes")])
def test_check__spec_says_otherwise__refused_by_name(tmp_path: Path, change: dict[str, object], named: str) -> None:
    spec = spec_of(imported(tmp_path))
    with pytest.raises(Refused, match=f"model.{named}: "):
        bases.check(tmp_path, replace(spec, model=replace(spec.model, **change)))  # type: ignore[arg-type]


def test_check__model_gone__refused(tmp_path: Path) -> None:
    spec = spec_of(imported(tmp_path))
    (tmp_path / "bases" / spec.model.tokenizer[2:]).rename(tmp_path / "elsewhere")
    with pytest.raises(Refused, match="has no such folder"):
        bases.check(tmp_path, spec)


def test_imported__none_or_several__asks_which(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no base checkpoint was imported"):
        bases.imported(tmp_path, None)
    first = imported(tmp_path)
    imported(tmp_path, seed=1)
    with pytest.raises(Refused, match="several"):
        bases.imported(tmp_path, None)
    assert bases.imported(tmp_path, "0x" + first.name) == first
