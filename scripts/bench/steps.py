"""What the audit of a training submission costs beside its training, in time and in memory.

    python scripts/bench/steps.py [--json] [--layers N] [--threads N]

Makes a checkpoint of random weights, trains one submission on it, opens a drawn step, and audits it in a child process
whose peak memory is read from the kernel. Figures, in CPU seconds: `audit_over_train` (all that is done for the drawn
step and the update, hashing included), `hashing_over_train` of that, `memory_over_model` (peak over what the process
held before, in sizes of the model), `opening_bytes_per_param`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

BEACON, SEED = b"\x07" * 32, b"\x05" * 16
BOUND = {
    "chain_id": 31337, "ledger": "0x" + "11" * 20, "task": 1, "round": 1, "trainer": "0x" + "ab" * 20, "n": 0,
    "base": 0, "first_group": 0,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--layers", type=int, default=10)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--groups", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(_audit(given.child, given.threads)))
        return
    with tempfile.TemporaryDirectory() as room:
        figures = _measure(Path(room), given)
    print(json.dumps(figures, indent=1) if given.json else "\n".join(f"{k:<24}{v}" for k, v in figures.items()))


def _measure(room: Path, given: argparse.Namespace) -> dict[str, Any]:
    from assay.artifact.folder import open_artifact
    from assay.artifact.weights import Checkpoint, write_checkpoint
    from assay.model import llama, load
    from assay.protocol.plan import KNOWN_FROM, plan_of
    from assay.protocol.spec import to_json
    from assay.train import export, inner, keeping

    load.determinism(given.threads)
    config = llama.config_for(13, given.hidden, given.layers, 8, 3 * given.hidden)
    root = write_checkpoint(room / "base", Checkpoint(load.arrays_of(load.blank(config)), None, config)).root()
    spec = _spec(root, given.groups)
    spent: list[float] = []
    export.take_steps = _timed(inner.take_steps, spent)
    done = export.train_submission(room / "base", spec, BOUND, BEACON, room / "s", states=room / "states")
    drawn = list(plan_of(SEED, BOUND["trainer"], 0, spec, KNOWN_FROM).steps)  # type: ignore[arg-type]
    begin = time.process_time()
    folders = keeping.open_steps(room / "states", room / "s", room / "base", spec, drawn, room / "opened")
    opened = time.process_time() - begin
    (room / "openings").mkdir()
    for folder in folders:
        folder.rename(room / "openings" / open_artifact(folder, 1 << 40).root.hex())
    (room / "spec.json").write_bytes(to_json(spec))
    (room / "units").write_text(str(done.units))
    child = [sys.executable, __file__, "--child", str(room), "--threads", str(given.threads)]
    found = json.loads(subprocess.run(child, check=True, capture_output=True, text=True).stdout)
    size = sum(value.numel() for value in load.blank(config).parameters())
    kept = sum(path.stat().st_size for path in (room / "openings").rglob("*.bin"))
    return {
        "parameters": size,
        "inner_steps": spec.inner.steps,
        "drawn_step": drawn[0],
        "train_seconds": round(spent[0], 3),
        "open_seconds": round(opened, 3),
        "audit_seconds": round(found["seconds"], 3),
        "audit_over_train": round(found["seconds"] / spent[0], 4),
        "gradient_over_train": round(found["gradient"] / spent[0], 4),
        "hashing_over_train": round(found["hashing"] / spent[0], 4),
        "one_over_n": 1 / spec.inner.steps,
        "memory_over_model": round(found["bytes"] / (4 * size), 3),
        "opening_bytes_per_param": round(kept / size, 2),
    }


def _timed(work: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    """Return `work` as it is, but for the CPU seconds of each call, which are added to `spent`."""

    def timed(*args: Any) -> Any:
        begin = time.process_time()
        found = work(*args)
        spent.append(time.process_time() - begin)
        return found

    return timed


def _spec(root: bytes, groups: int) -> Any:
    from assay.model.env import registry
    from assay.protocol import templates

    plain = templates.fill("digits", root, registry.get("digits", templates.blank("digits").environment.options).hash)
    return replace(
        plain,
        rollout=replace(plain.rollout, groups=groups),
        rounds=replace(plain.rounds, max_artifact_bytes=1 << 40),
    )


def _audit(room: Path, threads: int) -> dict[str, float]:
    from assay.artifact import opening
    from assay.model import load
    from assay.protocol import spec as task_spec
    from assay.protocol.plan import KNOWN_FROM
    from assay.verify import step
    from assay.verify.case import Case, Context

    load.determinism(threads)
    units = int((room / "units").read_text())
    at = {**BOUND, "units": units, "beacon": BEACON, "audit_seed": SEED, "history": KNOWN_FROM}
    context = Context(**at)  # type: ignore[arg-type]
    case = Case(
        room / "s", room / "base", task_spec.parse_json((room / "spec.json").read_bytes()), context, room / "openings"
    )
    assert case.rollouts and case.steps and case.n_params and len(case.update.q)
    spent, hashing = list[float](), list[float]()
    step.check_gradient = _timed(step.check_gradient, spent)
    opening.digest = _timed(opening.digest, hashing)
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from now on
    before, begin = _status("VmRSS"), time.process_time()
    step.check_chain(case)
    step.check_step(case)
    seconds = time.process_time() - begin
    return {"bytes": _status("VmHWM") - before, "seconds": seconds, "gradient": spent[0], "hashing": sum(hashing)}


def _status(name: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
