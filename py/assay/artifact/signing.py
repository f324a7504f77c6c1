"""The trainer's signature in its rollout file, put there after the sandboxed job that made the artifact.

The job has no key: it names the digest, whoever holds the key signs it, and the artifact is sealed again. The signature
is not in the Merkle root that it signs, but in the artifact's. Knows no key.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from assay.artifact import rollouts
from assay.artifact.folder import open_artifact, write_artifact
from assay.artifact.manifest import Binding, Manifest
from assay.artifact.origin import origin_of
from assay.artifact.strict import refuse
from assay.protocol.spec import TaskSpec


def digest_of(manifest: Manifest) -> bytes:
    """Return the 32 bytes that a submission's trainer signs. Refused if it is no submission's manifest."""
    binding = _binding(manifest)
    return origin_of(binding).digest(binding.rollout_root)


def sign(folder: Path, spec: TaskSpec, signature: bytes) -> Manifest:
    """Put r ‖ s ‖ v into the submission in `folder` and seal it anew. Refused unless its trainer signed."""
    artifact = open_artifact(folder, spec.rounds.max_artifact_bytes)
    binding = _binding(artifact.manifest)
    made = rollouts.read(artifact.path(rollouts.NAME), spec)
    files: dict[str, bytes | Path] = {entry.name: folder / entry.name for entry in artifact.manifest.files}
    with TemporaryDirectory(dir=folder.parent) as room:
        files[rollouts.NAME] = signed = Path(room) / rollouts.NAME
        rollouts.write(signed, made, spec, origin_of(binding, signature))
        return write_artifact(folder, "submission", binding, files)


def _binding(manifest: Manifest) -> Binding:
    if manifest.binding is None:
        refuse("only a submission is signed")
    return manifest.binding
