"""Time proofs of activations, and the reference library `toploc` 0.1.6 on the same activations in the same run.

    python scripts/bench/proofs.py [--json] [--repeats 30]

Chunks of 32 tokens, top 128, hidden sizes 576 (SmolLM2-135M) and 4096 (an 8B model), one thread for either side; the
library's verification starts a thread per core of its own. The two take turns, the best of three passes each, so that
whatever else runs disturbs both; figures are medians over the turns. bf16 proofs and scores of both are compared
wherever nothing ties at the k-th place. The library lives in build/toploc-venv: `make build/toploc-venv/.done` builds
it from its source in some four minutes (g++ needed).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from assay.protocol import toploc
from assay.verify.toploc import build_proofs, verify_proofs

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / "build" / "toploc-venv"
HOW = "the library isn't there: `make build/toploc-venv/.done` builds it (torch, ninja and g++; some four minutes)"
HIDDEN, CHUNKS, CHUNK, TOP_K, TURNS = (576, 4096), (1, 4, 64), 32, 128, 3


class Library:
    """The other side, in its own process and environment."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [VENV / "bin" / "python", Path(__file__).with_name("toploc_library.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
        )
        self.ask(do="load", folder=str(folder))

    def ask(self, **what: Any) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the library's process ended with {self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def activations(hidden: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return float32[tokens, hidden] with a few strong channels, as language models have them, and what is near it."""
    chance = np.random.default_rng(hidden)
    channels = np.exp(chance.standard_normal(hidden) * 0.7)
    own = (chance.standard_normal((max(CHUNKS) * CHUNK, hidden)) * channels).astype(np.float32)
    return own, own * (1 + 0.002 * chance.standard_normal(own.shape)).astype(np.float32)


def bf16(values: NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(values).to(torch.bfloat16)


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Return wall and CPU seconds, the best of a few passes: the first finds the cache as the other side left it."""
    walls, cpus = [], []
    for _ in range(TURNS):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return min(walls), min(cpus)


def measure(
    own: NDArray[np.float32], other: NDArray[np.float32], repeats: int, library: Library | None
) -> dict[str, Any]:
    """Time one size: milliseconds per chunk, medians over the repeats."""
    tokens, hidden = own.shape
    chunks = tokens // CHUNK
    states, compared, bits, seen = bf16(own), bf16(other), own.view(np.uint32), other.view(np.uint32)
    names = {"own": f"own{hidden}", "other": f"other{hidden}", "rows": tokens}
    proofs, fine = build_proofs(states), toploc.build(bits)
    works: dict[str, Callable[[], Any]] = {
        "build": lambda: build_proofs(states),
        "verify": lambda: verify_proofs(compared, proofs),
        "build_float32": lambda: toploc.build(bits),
        "verify_float32": lambda: toploc.verify(seen, fine),
    }
    walls: dict[str, list[float]] = {}
    cpus: dict[str, list[float]] = {}
    theirs: dict[str, Any] = {}
    for _ in range(repeats):
        for name, work in works.items():
            wall, cpu = timed(work)
            walls.setdefault(name, []).append(wall)
            cpus.setdefault(name, []).append(cpu)
        for name in ("build", "verify") if library is not None else ():
            told = library.ask(do=name, **names)
            walls.setdefault(f"library_{name}", []).append(told["wall"])
            cpus.setdefault(f"library_{name}", []).append(told["cpu"])
            theirs[name] = told["found"]
    result: dict[str, Any] = {"hidden": hidden, "chunks": chunks}
    result["ms"] = {name: statistics.median(times) * 1e3 / chunks for name, times in walls.items()}
    result["cpu_ms"] = {name: statistics.median(times) * 1e3 / chunks for name, times in cpus.items()}
    if library is not None:
        result |= ratios(result["ms"], "") | ratios(result["cpu_ms"], "cpu_")
        result["agree"] = agreement(states, compared, proofs, theirs)
    return result


def ratios(times: dict[str, float], prefix: str) -> dict[str, float]:
    """Return our time over the library's: build, verify and their sum."""
    build, verify = times["build"], times["verify"]
    return {
        f"{prefix}build_ratio": build / times["library_build"],
        f"{prefix}verify_ratio": verify / times["library_verify"],
        f"{prefix}sum_ratio": (build + verify) / (times["library_build"] + times["library_verify"]),
    }


def agreement(own: torch.Tensor, other: torch.Tensor, proofs: list[bytes], theirs: dict[str, Any]) -> dict[str, int]:
    """Count chunks where nothing ties, and those of them whose proofs and scores are the library's."""
    apart, same = 0, 0
    scores = verify_proofs(other, [bytes.fromhex(text) for text in theirs["build"]])
    for i, score in enumerate(scores):
        some = slice(i * CHUNK, (i + 1) * CHUNK)
        if tied(own[some]) or tied(other[some]):
            continue
        apart += 1
        found = [score.exponent_mismatches, score.mantissa_mean, score.mantissa_median]
        same += proofs[i].hex() == theirs["build"][i] and found == theirs["verify"][i]
    return {"chunks": len(scores), "without_ties": apart, "same": same}


def tied(chunk: torch.Tensor) -> bool:
    ranked = chunk.float().abs().reshape(-1).sort(descending=True).values
    return bool(ranked[TOP_K - 1] == ranked[TOP_K])


def table(results: list[dict[str, Any]]) -> str:
    """Return the figures for people."""
    lines = [
        f"{'hidden':>6} {'chunks':>6}   {'':<8}{'assay':>9} {'float32':>9} {'toploc':>9} {'ratio':>7}   ms a chunk"
    ]
    for result in results:
        ms, size = result["ms"], f"{result['hidden']:>6} {result['chunks']:>6}"
        for name in ("build", "verify"):
            theirs, ratio = ms.get(f"library_{name}"), result.get(f"{name}_ratio")
            end = f"{'-':>9} {'-':>7}" if theirs is None else f"{theirs:>9.3f} {ratio:>7.3f}"
            lines.append(f"{size}   {name:<8}{ms[name]:>9.3f} {ms[name + '_float32']:>9.3f} {end}")
        if "agree" in result:
            agree = result["agree"]
            lines.append(
                f"{size}   {'sum':<8}{'':>29} {result['sum_ratio']:>7.3f}   identical {agree['same']} of "
                f"{agree['without_ties']} chunks without a tie"
            )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument("--repeats", type=int, default=30)
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = {hidden: activations(hidden) for hidden in HIDDEN}
    library = None
    with tempfile.TemporaryDirectory() as room:
        for hidden, pair in data.items():
            for name, values in zip(("own", "other"), pair, strict=True):
                np.save(Path(room) / f"{name}{hidden}.npy", bf16(values).view(torch.int16).numpy())
        if (VENV / ".done").exists():
            library = Library(Path(room))
    sizes = [(hidden, chunks) for hidden in HIDDEN for chunks in CHUNKS]
    parts = [[values[: chunks * CHUNK] for values in data[hidden]] for hidden, chunks in sizes]
    results = [measure(own, other, options.repeats, library) for own, other in parts]
    if library is not None:
        library.close()
    print(json.dumps({"results": results, "library": library is not None}) if options.json else table(results))
    if library is None:
        print(HOW, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
