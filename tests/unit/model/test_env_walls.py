from __future__ import annotations

import sys
from pathlib import Path

import pytest

from assay.artifact.sandbox import Sandbox
from assay.artifact.walls import Walls, usable
from assay.model.env import folder

HERE = Path(__file__).parent
SCORER = """
import os
def score(item, completion):
    if completion == "die":
        os._exit(1)
    return float(completion == item["answer"])
"""


def test_hosted__in_a_job_behind_walls__scores_and_survives_a_death(tmp_path: Path) -> None:
    if not usable():
        pytest.skip("bubblewrap isn't usable here")
    source, near = tmp_path / "mine", tmp_path / "near"
    source.mkdir()
    near.mkdir()
    (source / "items.jsonl").write_text('{"question": "1+1?", "answer": "2"}\n{"question": "2+3?", "answer": "5"}\n')
    (source / "scorer.py").write_text(SCORER)
    root = folder.write(near / "new", source).root()
    (near / "new").rename(near / root.hex())
    sys.path.append(str(HERE))
    try:
        with Sandbox(("walled",), walls=Walls(read=(near, HERE))) as sandbox:
            found = sandbox.run("walled:score", {"root": "0x" + root.hex(), "near": str(near)}, 256 << 20, 60)
    finally:
        sys.path.remove(str(HERE))
    assert found["values"] == [1.0, 0.0, None, 1.0]
    assert found["reasons"] == ["", "", "left with exit code 1", ""]
