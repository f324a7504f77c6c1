"""docs/train.md as a person follows it: its shell blocks in order, with a small model in place of the reader's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from assay.chain import localnet
from unit.model import small

pytestmark = pytest.mark.integration
PAGE = Path(__file__).parents[3] / "docs" / "train.md"
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def own_model(folder: Path) -> None:
    """Write a small model as `save_pretrained` does."""
    _, root = small.model_folder(folder.parent / "made")
    shutil.copytree(folder.parent / "made" / root.hex(), folder, ignore=shutil.ignore_patterns("manifest.json"))


def shell(folder: Path, block: str) -> str:
    """Run a block as a reader's shell would; `assay up` takes free ports."""
    ports = f"--port {localnet.free_port()} --api-port {localnet.free_port()}"
    assay = f'{sys.executable} -m assay.cli.main "$@"'
    function = f'assay() {{ if [ "$1" = up ]; then {assay} {ports}; else {assay}; fi; }}'
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"{function}\n{block}"],
        cwd=folder,
        env={**environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, block + done.stdout + done.stderr
    return done.stdout


def test_page__followed_from_top_to_bottom__publishes_measures_and_exports(tmp_path: Path) -> None:
    own_model(tmp_path / "my-model")
    try:
        said = [shell(tmp_path, block) for block in BLOCKS]
    finally:
        shell(tmp_path, "assay down || true")
    spec = tomllib.loads((tmp_path / "task.toml").read_text())
    assert (spec["environment"]["name"], spec["environment"]["seed_count"]) == ("folder", 400)
    assert spec["model"]["adapter"] == "lora"
    assert "task 1" in said[-2]
    made = AutoModelForCausalLM.from_pretrained(tmp_path / "trained", dtype=torch.float32)
    assert made(torch.arange(8)[None]).logits.shape == (1, 8, small.config().vocab_size)
    assert "0x" in (tmp_path / "trained" / "README.md").read_text()
