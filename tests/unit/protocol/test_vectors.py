"""The golden vectors say what the code computes, and drift is seen."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
NAMES = ("spec", "economics", "merkle", "windows", "sortition", "pay", "typed_data", "header")


def vectors(*args: str) -> subprocess.CompletedProcess[str]:
    script = str(ROOT / "scripts" / "vectors.py")
    return subprocess.run([sys.executable, script, *args], capture_output=True, text=True, check=False, timeout=60)


def test_vectors__stored__are_what_the_code_computes() -> None:
    found = vectors("--check")

    assert (found.returncode, found.stderr) == (0, "")


def test_vectors__one_digit_changed__is_named(tmp_path: Path) -> None:
    for name in NAMES:
        shutil.copy(ROOT / "tests" / "vectors" / f"{name}.json", tmp_path)
    path = tmp_path / "pay.json"
    path.write_text(path.read_text().replace('"0x01"', '"0x02"', 1))

    found = vectors("--check", "--folder", str(tmp_path))

    assert found.returncode == 1
    assert "pay.json" in found.stderr
    assert "spec.json" not in found.stderr


def test_vectors__written_twice__are_the_same_bytes(tmp_path: Path) -> None:
    assert vectors("--folder", str(tmp_path)).returncode == 0

    assert vectors("--check", "--folder", str(tmp_path)).returncode == 0
