"""A job that scores with a folder's environment, as a node's jobs do, for a test behind walls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assay.model.env.registry import hosted


def score(args: dict[str, Any]) -> dict[str, Any]:
    host = hosted("folder", {"root": args["root"]}, Path(args["near"]))
    found = host.ask("score", [[0, "2"], [0, "3"], [0, "die"], [1, "5"]])
    host.close()
    return {"values": [one.value for one in found], "reasons": [one.reason for one in found]}
