"""What a labelling task came to: the label that most of its paid submissions gave each item, as a folder for `dpo`.

Whoever was paid counts once an item. Strangers' files are read in a child with limits. Judges nobody: rounds did.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, Final

from assay.artifact.folder import open_named
from assay.errors import Refused, Unavailable
from assay.model.env.folder import FOLDER_BYTES, ITEMS, KIND, root_of
from assay.model.env.preferences import read_pairs
from assay.protocol.agreement import majority
from assay.protocol.kinds import KINDS
from assay.protocol.profile import documents as profiles
from assay.protocol.spec import TaskSpec, to_json
from assay.roles.taking import FOLDER, get, read_spec
from assay.roles.told import Progress, work
from assay.store.engine import Store
from assay.store.rows import SubmissionRow, TaskRow
from assay.swarm.chunks import ChunkStore
from assay.types import Outcome

MEMORY: Final = 2 << 30


def collect(
    store: Store, task: TaskRow, out: Path, home: Path, allow_private: bool, progress: Progress
) -> dict[str, Any]:
    """Write the items that most labels decide into the new folder `out`; return how many, and of how many submissions.

    Refused if `out` is there, the task isn't a labelling one, or nothing of it was paid; Unavailable if nobody serves
    what was paid.
    """
    if out.exists():
        raise Refused(f"{out} is there already")
    enlisted = [one.uri for one in store.enlistments(task.id)]
    spec = read_spec(task, home, [uri for uri in (task.uri, *enlisted) if uri], allow_private)
    if not KINDS[spec.kind].labelled:
        raise Refused(f"task {task.id} is of kind {spec.kind}: nothing is labelled in it")
    paid = [row for row in store.submissions(task.id) if row.outcome == Outcome.PAID]
    if not paid:
        raise Refused(f"no labels of task {task.id} are paid so far")
    kept, items = ChunkStore(home / FOLDER), root_of(spec.environment.options)
    uris = [uri for uri in (task.uri, *enlisted, *(row.uri for row in paid)) if uri]
    for root, limit in ((items, FOLDER_BYTES), *((row.root, spec.rounds.max_artifact_bytes) for row in paid)):
        get(root, limit, kept, home, uris, allow_private, progress)
    votes = _votes(spec, kept, paid, progress)
    pairs, lines = read_pairs(open_named(kept.location, items, KIND, FOLDER_BYTES).folder), list[str]()
    for number, said in sorted(votes.items()):
        label, pair = majority(said), pairs[number]
        if label is not None:
            chosen, rejected = (pair.a, pair.b) if label == "a" else (pair.b, pair.a)
            counted = {"for": said.count(label), "of": len(said)}
            told = {"question": pair.question, "chosen": chosen, "rejected": rejected, "answer": chosen}
            lines.append(json.dumps({**told, "labels": counted}))
    out.mkdir(parents=True)
    (out / ITEMS).write_text("".join(line + "\n" for line in lines))
    return {"items": len(lines), "labelled": len(votes), "submissions": len(paid), "folder": str(out)}


def _votes(spec: TaskSpec, kept: ChunkStore, paid: list[SubmissionRow], progress: Progress) -> dict[int, str]:
    """Return the letters that an item's number got."""
    with tempfile.TemporaryDirectory() as name:
        args = {
            "spec": to_json(spec).decode(),
            "profiles": profiles(spec.verification),
            "folders": [str(kept.folder(row.root)) for row in paid],
        }
        found = work("labels", args, Path(name), (kept.location,), MEMORY, progress)["labels"]
    votes: dict[int, str] = {}
    for number, letter in found:
        votes[int(number)] = votes.get(int(number), "") + str(letter)
    if not votes:
        raise Unavailable("the submissions hold no labels")
    return votes
