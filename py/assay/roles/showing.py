"""How a validator keeps its evidence and shows it: fingerprints on disk from the check on, an artifact once no vote can
be copied from them any more, nothing after the challenge window.

Until the votes of a round are over, fingerprints lie where the node serves nothing from. A juror's are served when its
ballot is opened: the other ballots are committed by then. Judges nobody's evidence: `evidence` does.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from assay.artifact.evidence import Entry, Evidence, write
from assay.protocol.evidence import NONE
from assay.protocol.hashing import hex32, unhex32
from assay.protocol.spec import TaskSpec
from assay.protocol.toploc import proof_bytes
from assay.roles.kept import NOTE
from assay.roles.known import key
from assay.roles.node import Node
from assay.store.rows import TaskRow


def draft(node: Node, task: int, round_: int, index: int) -> Path:
    """Return where a check writes its fingerprints: jobs can write only there."""
    return node.config.home / "work" / f"evidence-{task}-{round_}-{index}.bin"


def keep(node: Node, task: int, round_: int, index: int) -> None:
    """Put what a check wrote where no other job can change it."""
    with suppress(FileNotFoundError):
        place = _kept(node, task, round_, index)
        place.parent.mkdir(parents=True, exist_ok=True)
        draft(node, task, round_, index).replace(place)
        _note(node, task, round_, [])


def show(node: Node, task: TaskRow, spec: TaskSpec, round_: int) -> None:
    """Serve the evidence of what this node voted on in a round whose votes are over."""
    said = [note.json for kind in ("commitment", "extra") if (note := node.store.note(task.id, round_, kind))]
    rooted = [(unhex32("0x" + one["evidence"]), one["roots"]) for one in said if one.get("roots")]

    def work() -> list[list[str]]:
        return [_serve(node, task.id, spec, round_, name, roots) for name, roots in rooted if name != NONE]

    node.jobs.start(key(task.id, round_, "evidence"), work, lambda shown: _note(node, task.id, round_, shown, True))


def show_ballot(node: Node, task: TaskRow, spec: TaskSpec, round_: int, index: int, root: bytes) -> None:
    """Serve the evidence of a ballot, under the evidence root of the one submission that it is about."""
    if root == NONE or not _kept(node, task.id, round_, index).is_file():
        return
    _note(node, task.id, round_, [_serve(node, task.id, spec, round_, root, [[index, hex32(root)]])])


def drop(node: Node, task: int, round_: int) -> None:
    """Delete a round's evidence from disk, and serve it no longer."""
    note = node.store.note(task, round_, NOTE)
    for name, root in note.json["shown"] if note else ():
        node.names.remove(unhex32(name))
        node.chunks.remove(unhex32(root))
    shutil.rmtree(_kept(node, task, round_, 0).parent, ignore_errors=True)
    node.store.put_note(task, round_, NOTE, {"shown": [], "served": True, "gone": True})


def sweep(node: Node) -> None:
    """Delete what a node that was away when a task ended still keeps of it: ended tasks are looked at no more."""
    for task in node.store.tasks():
        if task.state == "refunded":
            for note in node.store.notes(task.id, NOTE):
                if not note.json["gone"]:
                    drop(node, task.id, note.round)


def _serve(
    node: Node, task: int, spec: TaskSpec, round_: int, name: bytes, roots: Sequence[Sequence[Any]]
) -> list[str]:
    """Make an artifact of what was kept and serve it under a name; return both in hex."""
    size = proof_bytes(spec.verification.top_k)
    entries = []
    for index, root in roots:
        row = node.store.submission(task, round_, index)
        if row is not None:
            fingerprints = () if unhex32(root) == NONE else _read(_kept(node, task, round_, index), size)
            entries.append(Entry(index, row.root, unhex32(root), fingerprints))
    place = (node.config.chain_id, node.deployment.ledger.lower(), task, round_, node.account.lower())
    out = node.config.home / "evidence" / f"{task}-{round_}" / name.hex()
    root = write(out, Evidence(*place, size, tuple(entries)))
    node.chunks.add(out)
    shutil.rmtree(out, ignore_errors=True)
    node.names.put(name, root)
    return [hex32(name), hex32(root)]


def _note(node: Node, task: int, round_: int, shown: list[list[str]], served: bool = False) -> None:
    note = node.store.note(task, round_, NOTE)
    before = note.json["shown"] if note else []
    pairs = [list(pair) for pair in dict([*before, *shown]).items()]
    was = note is not None and note.json["served"]
    node.store.put_note(task, round_, NOTE, {"shown": pairs, "served": was or served, "gone": False})


def _read(path: Path, size: int) -> tuple[bytes, ...]:
    """Read fingerprints; none of a submission that was refused before there was one."""
    try:
        held = path.read_bytes()
    except FileNotFoundError:
        return ()
    return tuple(held[at : at + size] for at in range(0, len(held), size))


def _kept(node: Node, task: int, round_: int, index: int) -> Path:
    return node.config.home / "evidence" / f"{task}-{round_}" / f"{index}.bin"
