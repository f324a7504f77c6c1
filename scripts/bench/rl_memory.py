#!/usr/bin/env python3
"""What a trainer of a language model with an adapter takes at its peak, as a multiple of the weights in float32.

One submission of the template chain-sum from SmolLM2-135M, in a process of its own whose peak resident memory is the
kernel's count: interpreter and libraries, frozen weights, adapter, optimizer, rollouts and activations together.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from assay.artifact.weights import checked_config
from assay.cli import bases
from assay.errors import Refused
from assay.model import load
from assay.model.env import registry
from assay.protocol import templates
from assay.roles.base import section
from assay.roles.importing import bring
from assay.train.export import train_submission

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from demo_llm_world import weights_file

HOME = Path(__file__).resolve().parents[2] / "build" / "bench" / "llm"
BYTES = 4
TRAINER = "0x" + "ab" * 20


def measure(quick: bool) -> dict[str, Any]:
    """Return peak_over_model, and the bytes of both; `quick` makes a quarter of the groups."""
    base = imported()
    words = [sys.executable, __file__, "--child", str(base), *(["--quick"] if quick else [])]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "peak_over_model": found["peak_bytes"] / found["weight_bytes"]}


def imported() -> Path:
    """Return the folder of SmolLM2's checkpoint 0 with an adapter, imported where it isn't yet."""
    try:
        return bases.imported(HOME, None)
    except Refused:
        wanted = {"rank": 16, "alpha": 32, "targets": ["all-linear"]}
        made = bring(weights_file(), HOME / "bases", wanted, None, 0, lambda *_: None)
        return bases.folder_of(HOME, bytes.fromhex(made["base"][2:]))


def child(base: Path, quick: bool) -> dict[str, Any]:
    """Make one submission and return this process's peak."""
    blank = templates.blank("chain-sum")
    content = registry.environment_hash(blank.environment.name, blank.environment.options)
    spec = templates.fill("chain-sum", bytes.fromhex(base.name), content, section(base))
    if quick:
        spec = replace(spec, rollout=replace(spec.rollout, groups=4))
    load.determinism(1)
    binding = {"chain_id": 31337, "ledger": "0x" + "01" * 20, "task": 1, "round": 1, "trainer": TRAINER}
    with tempfile.TemporaryDirectory(dir=base.parent) as room:
        made = train_submission(
            base, spec, {**binding, "n": 0, "base": 0, "first_group": 0}, bytes(32), Path(room) / "out"
        )
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM"))
    network = load.blank(checked_config(base, 1 << 40), base.parent)
    weights = sum(value.numel() for value in network.parameters() if not value.requires_grad) * BYTES
    return {"peak_bytes": peak, "weight_bytes": weights, "units": made.units}


def main() -> int:
    """Print the figure; `--json` as one object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a quarter of the groups")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(child(args.child, args.quick)))
        return 0
    found = measure(args.quick)
    line = f"peak {found['peak_bytes'] / 1e9:.2f} GB over {found['weight_bytes'] / 1e9:.2f} GB of weights"
    print(json.dumps(found) if args.json else f"{line}: {found['peak_over_model']:.2f} × (target ≤ 4)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
