"""The reference library's side of scripts/bench/proofs.py. Runs in build/toploc-venv, where `toploc` is, without assay.

Reads JSON lines from standard input and answers each with one: {"do": "load", "folder"} loads NAME.npy files of bf16
bits, {"do": "build" | "verify", "own", "other", "rows"} times passes over the first rows tokens.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from toploc import build_proofs_bytes, verify_proofs_bytes

CHUNK, TOP_K, TURNS = 32, 128, 3


def main() -> None:
    """Answer until the input ends."""
    torch.set_num_threads(1)
    states: dict[str, torch.Tensor] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["do"] == "load":
            for path in Path(asked["folder"]).glob("*.npy"):
                states[path.stem] = torch.from_numpy(np.load(path).view(np.int16)).view(torch.bfloat16)
            answer: dict[str, Any] = {"names": sorted(states)}
        else:
            answer = timed(asked["do"], states[asked["own"]][: asked["rows"]], states[asked["other"]][: asked["rows"]])
        print(json.dumps(answer), flush=True)


def timed(what: str, own: torch.Tensor, other: torch.Tensor) -> dict[str, Any]:
    """Time building the proofs of `own`, or scoring them against `other`: the best of a few passes."""
    if what == "verify":
        proofs = build_proofs_bytes(own, CHUNK, TOP_K, skip_prefill=True)
    walls, cpus = [], []
    for _ in range(TURNS):
        wall, cpu = time.perf_counter(), time.process_time()
        if what == "build":
            proofs = build_proofs_bytes(own, CHUNK, TOP_K, skip_prefill=True)
        else:
            scores = verify_proofs_bytes(other, proofs, CHUNK, TOP_K, skip_prefill=True)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    if what == "build":
        found: list[Any] = [proof.hex() for proof in proofs]
    else:
        found = [[s.exp_mismatches, s.mant_err_mean, s.mant_err_median] for s in scores]
    return {"wall": min(walls), "cpu": min(cpus), "found": found}


if __name__ == "__main__":
    main()
