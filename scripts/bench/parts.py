"""The frame of a bench that is made of parts: `<bench>_<part>.measure(quick)` gives figures by key.

What is measured is written after each part, so that a run that is stopped has lost one part.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def measured(bench: str, parts: Sequence[str], quick: bool, out: Path | None, **more: dict[str, Any]) -> dict[str, Any]:
    """Run the parts and return their figures; in the file `out` others' stay. `more`: arguments by part."""
    found: dict[str, Any] = {}
    for part in parts:
        found |= importlib.import_module(f"{bench}_{part}").measure(quick, **more.get(part, {}))
        if out:
            before = json.loads(out.read_text()) if out.exists() else {}
            out.write_text(json.dumps(before | found, indent=1) + "\n")
    return found
