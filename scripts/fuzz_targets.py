"""What strangers send, and who reads it: valid inputs, their mutations, and readers that may only refuse.

`run` is called in a child of the sandbox, where these modules are loaded before it forks. Each case is made from its
seed, target and number alone, so that it can be made again. Only files' and documents' readers are here, which need
NumPy and no torch.
"""

from __future__ import annotations

import resource
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from eth_keys.datatypes import PrivateKey

import fuzz_mutate as mutate
from assay.artifact import evidence, folder, manifest, opening, rollouts, tensors, trace, update, weights
from assay.artifact.manifest import Binding, FileEntry, Manifest
from assay.artifact.origin import origin_of
from assay.artifact.rollouts import Rollouts
from assay.artifact.trace import StepLeaf
from assay.errors import Refused
from assay.protocol import codec, profile, sketch, templates, toploc
from assay.protocol import spec as task_spec
from fuzz_parquet import mutate_parquet

MIB = 1 << 20
TRAINER, LEDGER = "0x" + "ab" * 20, "0x" + "cd" * 20
GROUPS, SIZE, T, P, N_PARAMS = 3, 4, 8, 7, 1000
KEY = PrivateKey(b"\7" * 32)
_BINDING = Binding(1, 31337, LEDGER, 1, 2, TRAINER, 0, 1, 0, GROUPS, 40, b"\1" * 32, b"\2" * 32)
MEMORY_DISK = Path("/dev/shm")  # noqa: S108  TemporaryDirectory makes a folder of its own there
Read = Callable[[Path, Any], object]


@dataclass(frozen=True)
class Target:
    """Valid inputs, how they are changed, and who reads them."""

    inputs: list[Any]
    change: mutate.Mutate
    read: Read


def _spec() -> task_spec.TaskSpec:
    plain = templates.blank("digits")
    return replace(
        plain,
        rollout=replace(plain.rollout, groups=GROUPS, group_size=SIZE, max_new_tokens=T),
        inner=replace(plain.inner, steps=1),
        verification=replace(plain.verification, groups=GROUPS),
        rounds=replace(plain.rounds, max_artifact_bytes=MIB),
    )


SPEC = _spec()


def _rollouts(groups: int) -> Rollouts:
    chance, n = np.random.default_rng(groups), groups * SIZE
    proof = toploc.proof_bytes(SPEC.verification.top_k)
    lengths = np.array([T, *chance.integers(1, T + 1, n - 1)], np.int16)
    inside = np.arange(T) < lengths[:, None]
    return Rollouts(
        prompts=chance.integers(0, 10, (n, P)).astype(np.int32),
        prompt_lengths=np.full(n, P, np.int16),
        tokens=np.where(inside, chance.integers(0, 10, (n, T)), -1).astype(np.int32),
        lengths=lengths,
        rewards=chance.random(n).astype(np.float32),
        logprobs=np.where(inside, -chance.random((n, T)), 0).astype(np.float32),
        proofs=chance.integers(0, 256, (n, toploc.chunks_of(T, SPEC.verification.chunk) * proof)).astype(np.uint8),
        prompt_proofs=chance.integers(0, 256, (groups, toploc.chunks_of(P, SPEC.verification.chunk) * proof)).astype(
            np.uint8
        ),
        prompt_texts=np.array([f"prompt {i // SIZE}" for i in range(n)], np.object_),
        texts=np.array([f"text {i}" for i in range(n)], np.object_),
        problems=np.repeat(chance.integers(0, 1000, groups), SIZE),
        seeds=chance.integers(-(2**63), 2**63, n),
        rounds=np.full(n, 2, np.int32),
    )


def _parquet(groups: int, signed: bool = False) -> bytes:
    made = _rollouts(groups)
    origin = origin_of(replace(_BINDING, trainer=KEY.public_key.to_address(), groups=groups))
    if signed:
        key = KEY.sign_msg_hash(origin.digest(made.root(SPEC)))
        origin = replace(origin, signature=key.to_bytes()[:64] + bytes([27 + key.v]))
    return _written(lambda path: rollouts.write(path, made, SPEC, origin))


def _written(write: Callable[[Path], object]) -> bytes:
    with tempfile.TemporaryDirectory() as room:
        write(Path(room) / "x")
        return (Path(room) / "x").read_bytes()


def _update() -> bytes:
    moved = np.random.default_rng(0).standard_normal(N_PARAMS).astype(np.float32)
    return _written(lambda path: update.write(path, update.Update(*codec.quantise(moved))))


def _weights() -> bytes:
    chance = np.random.default_rng(0)
    shapes = {"embed.weight": (13, 8), "norm.weight": (8,), "layers.0.mlp.weight": (24, 8)}
    arrays = {name: chance.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    return _written(lambda path: tensors.write(path, arrays))


def _momentum() -> bytes:
    return _written(lambda path: tensors.write(path, {"momentum": np.arange(13 * 8 + 8 + 24 * 8, dtype=np.int64)}))


def _checkpoint() -> dict[str, bytes]:
    config = b'{"hidden_size":8,"model_type":"llama","rope":{"theta":10000.0},"vocab_size":13}'
    return {"config.json": config, "momentum.safetensors": _momentum(), "weights.safetensors": _weights()}


def _manifests() -> list[bytes]:
    names = ("rollouts.parquet", "trace.json", "update.safetensors")
    files = tuple(FileEntry(name, 1 + i * MIB * 2, (bytes([i]) * 32,) * (1 + 2 * i)) for i, name in enumerate(names))
    weight = FileEntry("weights.safetensors", 3 * MIB, (b"\7" * 32,) * 3)
    made = (Manifest("submission", _BINDING, files), Manifest("checkpoint", None, (weight,)))
    return [found.to_json() for found in made]


def _trace() -> bytes:
    gradient, *states = (bytes([i]) * 32 for i in range(3, 8))
    step = StepLeaf(1, 2, TRAINER, 0, 0, b"\1" * 32, 0.5, 1.25, gradient, bytes(sketch.BYTES), *states)
    return trace.encode([replace(step, step=i, loss=0.5 / (i + 1)) for i in range(4)])


STATES = {
    "bf16": (np.random.default_rng(0).standard_normal((70, 64)).astype(np.float32).view(np.uint32) >> 16).astype(
        np.uint16
    ),
    "float32": np.random.default_rng(0).standard_normal((70, 64)).astype(np.float32).view(np.uint32),
}


def _read_proofs(kind: str) -> Read:
    def read(_: Path, proofs: list[bytes]) -> object:
        scores = toploc.verify(STATES[kind], proofs, 32, 16)
        assert len(scores) == 3 and all(0 <= score.error <= 128 for score in scores)
        return scores

    return read


def _read_rollouts(path: Path, data: bytes) -> object:
    path.write_bytes(data)
    return rollouts.read(path, SPEC).root(SPEC)


def _read_update(path: Path, data: bytes) -> object:
    path.write_bytes(data)
    found = update.read(path, N_PARAMS)
    return np.isfinite(codec.dequantise(found.q, found.scale)).all() or _impossible("an update that isn't finite")


def _read_weights(path: Path, data: bytes) -> object:
    path.write_bytes(data)
    return weights.flatten(tensors.read(path, None, MIB, finite=True))


def _read_checkpoint(path: Path, files: dict[str, bytes]) -> object:
    path.mkdir()
    for name, data in files.items():
        (path / name).write_bytes(data)
    folder.seal(path, "checkpoint", None)
    return weights.read_checkpoint(path, MIB).n_params


def _read_folder(path: Path, files: dict[str, bytes]) -> object:
    """Open a submission whose manifest is a stranger's too."""
    path.mkdir()
    for name, data in files.items():
        (path / name).write_bytes(data)
    return folder.open_artifact(path, MIB).root


def _submission() -> dict[str, bytes]:
    files = {
        "rollouts.parquet": _parquet(GROUPS, signed=True),
        "trace.json": _trace(),
        "update.safetensors": _update(),
    }
    with tempfile.TemporaryDirectory() as room:
        sealed = folder.write_artifact(Path(room) / "x", "submission", _BINDING, files)
    return {**files, "manifest.json": sealed.to_json()}


SHARDS = np.random.default_rng(1).standard_normal(opening.SHARD + 77).astype(np.float32)
OPENED = opening.root(opening.WEIGHTS, SHARDS)


def _opening() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as room:
        opening.write(Path(room) / "x", opening.WEIGHTS, SHARDS)
        return {path.name: path.read_bytes() for path in (Path(room) / "x").iterdir()}


def _read_opening(path: Path, files: dict[str, bytes]) -> object:
    """Read what a trainer opened under a root that its trace names; the manifest is the trainer's too."""
    path.mkdir()
    for name, data in files.items():
        (path / name).write_bytes(data)
    return sum(shard.size for shard in opening.open_opening(path, opening.WEIGHTS, OPENED, SHARDS.size).shards())


def _evidence() -> dict[str, bytes]:
    entries = tuple(
        evidence.Entry(i, bytes([i]) * 32, b"\1" * 32, tuple(bytes([i, j]) * 17 for j in range(i))) for i in range(4)
    )
    made = evidence.Evidence(31337, LEDGER, 1, 2, TRAINER, 34, entries)
    with tempfile.TemporaryDirectory() as room:
        evidence.write(Path(room) / "x", made)
        return {name: (Path(room) / "x" / name).read_bytes() for name in (evidence.TABLE, evidence.FINGERPRINTS)}


def _read_evidence(path: Path, files: dict[str, bytes]) -> object:
    path.mkdir()
    for name, data in files.items():
        (path / name).write_bytes(data)
    folder.seal(path, evidence.KIND, None)
    found = evidence.read(path, MIB)
    return all(len(one) == found.size for entry in found.entries for one in entry.fingerprints) or _impossible("sizes")


def _table_of_files(files: dict[str, bytes], chance: Random) -> dict[str, bytes]:
    changed = dict(files)
    if chance.random() < 0.2:
        changed[evidence.FINGERPRINTS] = mutate.mutate_bytes(files[evidence.FINGERPRINTS], chance)
    else:
        changed[evidence.TABLE] = mutate.mutate_json(files[evidence.TABLE], chance)
    return changed


def _read_spec(data: bytes) -> object:
    spec = task_spec.parse_json(data)
    task_spec.check(spec)
    return task_spec.terms(spec), task_spec.spec_hash(spec)


def _read_toml(data: bytes) -> object:
    return task_spec.to_json(task_spec.parse_toml(data.decode("utf-8", "surrogateescape")))


def _impossible(what: str) -> object:
    raise AssertionError(what)


def _one_of_files(files: dict[str, bytes], chance: Random) -> dict[str, bytes]:
    name = chance.choice(sorted(files))
    changes = {
        ".safetensors": mutate.mutate_safetensors,
        ".json": mutate.mutate_json,
        ".parquet": mutate_parquet,
    }
    change = changes.get(Path(name).suffix, mutate.mutate_bytes)
    return {**files, name: change(files[name], chance)}


def _targets() -> dict[str, Target]:
    return {
        "proofs bf16": Target([toploc.build(STATES["bf16"], 32, 16)], mutate.mutate_proofs, _read_proofs("bf16")),
        "proofs float32": Target(
            [toploc.build(STATES["float32"], 32, 16)], mutate.mutate_proofs, _read_proofs("float32")
        ),
        "rollouts": Target(
            [_parquet(1), _parquet(GROUPS), _parquet(GROUPS, signed=True)],
            mutate_parquet,
            _read_rollouts,
        ),
        "update": Target([_update()], mutate.mutate_safetensors, _read_update),
        "weights": Target([_weights()], mutate.mutate_safetensors, _read_weights),
        "checkpoint": Target([_checkpoint()], _one_of_files, _read_checkpoint),
        "submission": Target([_submission()], _one_of_files, _read_folder),
        "opening": Target([_opening()], _one_of_files, _read_opening),
        "evidence": Target([_evidence()], _table_of_files, _read_evidence),
        "manifest": Target(_manifests(), mutate.mutate_json, lambda _, data: manifest.parse(data).root()),
        "trace": Target([_trace()], mutate.mutate_json, lambda _, data: trace.root(trace.decode(data))),
        "profile": Target(
            [profile.to_json(found) for found in profile.shipped().values()],
            mutate.mutate_json,
            lambda _, data: profile.profile_hash(profile.parse(data)),
        ),
        "spec json": Target([task_spec.to_json(SPEC)], mutate.mutate_json, lambda _, data: _read_spec(data)),
        "spec toml": Target([task_spec.to_toml(SPEC).encode()], mutate.mutate_toml, lambda _, data: _read_toml(data)),
    }


TARGETS = _targets()


def make(target: str, seed: int, number: int) -> Any:
    """Return the input of one case; every hundredth is valid."""
    chance = Random(f"{seed}/{target}/{number}")  # noqa: S311  cases must be made again, not be secret
    valid = chance.choice(TARGETS[target].inputs)
    return valid if number % 100 == 0 else TARGETS[target].change(valid, chance)


def run(args: dict[str, Any]) -> dict[str, Any]:
    """Read cases first … last − 1 of a target. Each gives [outcome, CPU seconds, wall seconds, peak bytes, words]."""
    return {"cases": [_case(args["target"], args["seed"], n) for n in range(args["first"], args["last"])]}


def _case(target: str, seed: int, number: int) -> list[Any]:
    given = make(target, seed, number)
    words = ""
    with tempfile.TemporaryDirectory(dir=MEMORY_DISK if MEMORY_DISK.is_dir() else None) as room:
        _forget_peak()
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            TARGETS[target].read(Path(room) / "x", given)
            outcome = "accepted"
        except Refused as error:
            outcome, words = "refused", str(error)[:200]
        except BaseException as error:  # noqa: BLE001  whatever else comes out is what is looked for
            outcome, words = "fault", "".join(traceback.format_exception(error))[-2000:]
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        peak = _peak()
    if outcome == "refused" and number % 100 == 0:
        outcome, words = "fault", f"a valid input was refused: {words}"
    return [outcome, cpu, wall, peak, words if outcome == "fault" else ""]


def _forget_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def _peak() -> int:
    """Return the most memory that this whole process held at once since `_forget_peak`, in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
