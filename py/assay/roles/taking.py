"""Getting a task's checkpoint, and what it names by root, into one folder: from this home's nodes, else from who
serves the task. Every byte is hashed against its root on the way in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assay.artifact.pretrained import model_root
from assay.artifact.weights import checked_config
from assay.errors import Refused
from assay.protocol import profile
from assay.protocol.hashing import hex32
from assay.protocol.spec import TaskSpec, parse_json
from assay.roles.needs import needed_by
from assay.store.engine import Store
from assay.store.rows import TaskRow
from assay.swarm import client, documents
from assay.swarm.chunks import ChunkStore
from assay.swarm.rate import Rate

FETCH_SECONDS: Final = 3600.0
MAX_BYTES: Final = 64 << 30
FOLDER: Final = "taken"
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Taken:
    """A task's spec, the round of its checkpoint, and the checkpoint's folder."""

    spec: TaskSpec
    round: int
    folder: Path


def take(
    store: Store,
    task: TaskRow,
    round_: int | None,
    home: Path,
    allow_private: bool,
    progress: Progress,
    *,
    first: Sequence[str] = (),
    rate: Rate | None = None,
) -> Taken:
    """Return a task's final checkpoint of a round (None: the newest), with what it needs beside it, from `first` and
    from who serves the task, at no more than `rate`.

    Refused if the round has no final checkpoint; Unavailable if nobody has the files.
    """
    rows = [row for row in store.checkpoints(task.id) if row.final or row.round == 0]
    found = [row for row in rows if round_ in {None, row.round}]
    if not found:
        raise Refused(f"task {task.id} has no final checkpoint {'' if round_ is None else round_}".rstrip())
    row = max(found, key=lambda one: one.round)
    uris = [uri for uri in (*first, task.uri, *(one.uri for one in store.enlistments(task.id))) if uri]
    spec = read_spec(task, home, uris, allow_private)
    kept = ChunkStore(home / FOLDER)
    for root, limit in (*needed_by(spec), (row.root, spec.rounds.max_artifact_bytes)):
        get(root, limit, kept, home, uris, allow_private, progress, rate)
    return Taken(spec, row.round, kept.folder(row.root))


def read_spec(task: TaskRow, home: Path, uris: list[str], allow_private: bool) -> TaskSpec:
    """Return a task's spec from this home, else from who serves it. Learns the profiles that it names."""
    here = documents.DocumentStore(home / FOLDER / "specs")

    def document(name: bytes) -> bytes:
        for folder in (home / FOLDER / "specs", *sorted(home.glob("nodes/*/specs"))):
            if (data := documents.DocumentStore(folder).get(name)) is not None:
                return data
        return documents.fetch(name, uris, here, allow_private=allow_private)

    spec = parse_json(document(task.spec_hash))
    for digest in profile.missing(spec.verification):
        profile.learn(document(digest))
    return spec


def check_beside(checkpoint: Path) -> None:
    """Refuse a checkpoint of one's own folder whose model doesn't lie beside it."""
    root = model_root(checked_config(checkpoint, MAX_BYTES))
    if root is None or (checkpoint.parent / root.hex()).is_dir():
        return
    raise Refused(f"the checkpoint's model {hex32(root)} isn't beside it: put it into {checkpoint.parent / root.hex()}")


def get(
    root: bytes,
    limit: int,
    kept: ChunkStore,
    home: Path,
    uris: list[str],
    allow_private: bool,
    progress: Progress,
    rate: Rate | None = None,
) -> None:
    """Keep an artifact: from this home's own folders, else from who serves it. Unavailable if nobody does."""
    if kept.has(root):
        return
    for folder in (home / "bases" / root.hex(), *home.glob(f"nodes/*/artifacts/{root.hex()}")):
        if folder.is_dir():
            kept.add(folder)
            return
    client.fetch(
        root, uris, kept, limit, FETCH_SECONDS, lambda here, of: progress("fetching", here / max(1, of)),
        allow_private=allow_private, rate=rate,
    )  # fmt: skip
