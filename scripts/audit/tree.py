"""A copy of what forge needs, under build/, with a profile of its own; forge is run in it.

The checkout is only read. Copies share node_modules by a link.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.solidity import reached

ROOT = Path(__file__).resolve().parents[2]

# Instrumented contracts are larger than the chain allows, raise warnings that the originals don't,
# and always need the IR pipeline.
PROFILE = """
[profile.audit]
compilation_restrictions = [{restrictions}]
deny = "never"
optimizer_runs = 1
code_size_limit = 10000000
fs_permissions = [{permissions}, {{ access = "read-write", path = "hits" }}]

[profile.audit.fuzz]
runs = {fuzz}
seed = "0x41"

[profile.audit.invariant]
runs = {invariant}
depth = {depth}
fail_on_revert = true
show_metrics = false
"""


@dataclass(frozen=True)
class Outcome:
    """One test's result in a run of forge."""

    suite: str
    test: str
    passed: bool
    seconds: float
    reason: str


class ForgeError(Exception):
    """Forge didn't come to run tests."""


def copy(name: str, fuzz: int, invariant: int, depth: int) -> Path:
    """Makes or refreshes build/audit/NAME, keeping forge's cache there."""
    root = ROOT / "build/audit" / name
    root.mkdir(parents=True, exist_ok=True)
    for folder in ("contracts", "tests/solidity", "tests/vectors", "hits"):
        shutil.rmtree(root / folder, ignore_errors=True)
    for folder in ("contracts", "tests/solidity", "tests/vectors"):
        shutil.copytree(ROOT / folder, root / folder)
    (root / "hits").mkdir()
    (root / "scripts").mkdir(exist_ok=True)
    shutil.copy2(ROOT / "scripts/solc", root / "scripts/solc")
    shutil.copy2(ROOT / "package.json", root / "package.json")
    config = (ROOT / "foundry.toml").read_text()
    allowed = tomllib.loads(config)["profile"]["default"]["fs_permissions"]
    profile = PROFILE.format(
        fuzz=fuzz,
        invariant=invariant,
        depth=depth,
        restrictions=_restrictions(root),
        permissions=", ".join(f'{{ access = "{p["access"]}", path = "{p["path"]}" }}' for p in allowed),
    )
    (root / "foundry.toml").write_text(config + profile)
    link = root / "node_modules"
    if not link.is_symlink():
        link.symlink_to((ROOT / "node_modules").resolve())
    return root


def _restrictions(root: Path) -> str:
    """The IR pipeline for code of `contracts/` and tests that import it; the others compile faster without."""
    paths = [p for folder in ("contracts", "tests/solidity") for p in sorted((root / folder).rglob("*.sol"))]
    texts = {str(p.relative_to(root)): p.read_text() for p in paths}
    lines = []
    for path in texts:
        has_code = any(part.startswith("contracts/") and "/interfaces/" not in part for part in reached([path], texts))
        if has_code or path.endswith(".t.sol"):
            lines.append(f'{{ paths = "{path}", via_ir = {str(has_code).lower()} }}')
    return ",\n    ".join(lines)


def native_forge(root: Path) -> Path:
    """Forge itself. npm's wrapper of it ends with 0 whatever happened."""
    found = sorted((root / "node_modules/@foundry-rs").glob("forge-*/bin/forge"))
    if not found:
        raise ForgeError("no forge in node_modules: run scripts/setup")
    return found[0]


def forge(root: Path, *args: str, limit: float, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs forge in a copy, one thread, under the copy's profile."""
    binary = native_forge(root)
    environment = os.environ | {"FOUNDRY_PROFILE": "audit"} | (env or {})
    command = [str(binary), *args]
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, timeout=limit, check=False
    )


def build(root: Path) -> None:
    done = forge(root, "build", limit=1200)
    if done.returncode != 0:
        raise ForgeError((done.stdout + done.stderr)[-4000:])


def outcomes(done: subprocess.CompletedProcess[str]) -> list[Outcome]:
    """The tests of a run made with --json."""
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise ForgeError((done.stdout + done.stderr)[-4000:])
    suites: dict[str, Any] = json.loads(lines[-1])
    return [
        Outcome(
            suite, test.split("(")[0], r["status"] == "Success", _seconds(r.get("duration", 0)), r.get("reason") or ""
        )
        for suite, body in suites.items()
        for test, r in body["test_results"].items()
    ]


def _seconds(duration: object) -> float:
    """Forge writes durations as text such as `1s 203ms 4us`, or as seconds and nanoseconds."""
    if isinstance(duration, dict):
        return float(duration.get("secs", 0)) + float(duration.get("nanos", 0)) / 1e9
    total = 0.0
    for word in str(duration).split():
        for unit, size in (("ms", 1e-3), ("us", 1e-6), ("µs", 1e-6), ("ns", 1e-9), ("s", 1.0), ("m", 60.0)):
            if word.endswith(unit) and word[: -len(unit)].replace(".", "").isdigit():
                total += float(word[: -len(unit)]) * size
                break
    return total
