"""A validator's evidence of one round as an artifact: its fingerprints, and a table of the submissions they are of.

`evidence.json` is canonical JSON: the place, the bytes of one fingerprint, and for each submission that was voted on
its index, its root, its evidence root and how many fingerprints are here; `fingerprints.bin` has these one after
another. The reader is bounded and takes nothing but what `write` makes; it doesn't check that fingerprints and roots
belong together, nor who made them: `assay evidence` does. Knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assay.artifact import strict
from assay.artifact.folder import open_artifact, read_bounded, write_artifact
from assay.protocol.hashing import hex32
from assay.types import Reason

KIND: Final = "evidence"
TABLE, FINGERPRINTS = "evidence.json", "fingerprints.bin"
FORMAT: Final = 1
MAX_ENTRIES: Final = 256
"""As many submissions as a round can have."""
TABLE_BYTES: Final = 128 << 10
MAX_FINGERPRINT: Final = 2 + 2 * 4096


@dataclass(frozen=True, slots=True)
class Entry:
    """What is shown of one submission: its index and 32-byte root, the evidence root, and the fingerprints under it."""

    index: int
    submission: bytes
    root: bytes
    fingerprints: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """One validator's evidence of a round, entries ascending by index. `size` is the bytes of one fingerprint."""

    chain_id: int
    ledger: str
    task: int
    round: int
    validator: str
    size: int
    entries: tuple[Entry, ...]


def write(folder: Path, evidence: Evidence) -> bytes:
    """Write the artifact and return its root. Refused if a fingerprint has another size; Unavailable if disk fails."""
    fingerprints = b"".join(one for entry in evidence.entries for one in entry.fingerprints)
    if any(len(one) != evidence.size for entry in evidence.entries for one in entry.fingerprints):
        strict.refuse(f"a fingerprint of this evidence doesn't have {evidence.size} bytes")
    files: dict[str, bytes | Path] = {TABLE: strict.dump(_plain(evidence), "the evidence")}
    if fingerprints:
        files[FINGERPRINTS] = fingerprints
    return write_artifact(folder, KIND, None, files).root()


def read(folder: Path, max_bytes: int) -> Evidence:
    """Read what `write` wrote, from strangers' bytes, at most `max_bytes` of them. Raises Refused."""
    artifact = open_artifact(folder, max_bytes)
    if artifact.manifest.kind != KIND:
        strict.refuse("the artifact isn't a validator's evidence")
    table = read_bounded(folder / TABLE, TABLE_BYTES)
    names = [entry.name for entry in artifact.manifest.files]
    held = read_bounded(folder / FINGERPRINTS, max_bytes) if FINGERPRINTS in names else b""
    evidence = _parse(strict.load(table, TABLE_BYTES, "the evidence"), held)
    if strict.dump(_plain(evidence), "the evidence") != table:
        strict.refuse("the evidence isn't canonical JSON")
    return evidence


def _plain(evidence: Evidence) -> dict[str, Any]:
    return {
        "chain_id": evidence.chain_id,
        "entries": [
            {
                "count": len(entry.fingerprints),
                "index": entry.index,
                "root": hex32(entry.root),
                "submission": hex32(entry.submission),
            }
            for entry in evidence.entries
        ],
        "format": FORMAT,
        "ledger": evidence.ledger.lower(),
        "round": evidence.round,
        "size": evidence.size,
        "task": evidence.task,
        "validator": evidence.validator.lower(),
    }


def _parse(value: Any, held: bytes) -> Evidence:
    what = "the evidence"
    names = ("chain_id", "entries", "format", "ledger", "round", "size", "task", "validator")
    top = strict.fields(value, names, what)
    if top["format"] != FORMAT or not isinstance(top["entries"], list) or len(top["entries"]) > MAX_ENTRIES:
        strict.refuse(f"the evidence isn't of format {FORMAT} with at most {MAX_ENTRIES} entries")
    size = strict.integer(top["size"], "a fingerprint's size", 2, MAX_FINGERPRINT)
    return Evidence(
        chain_id=strict.integer(top["chain_id"], f"{what}'s chain_id"),
        ledger=strict.address(top["ledger"], f"{what}'s ledger"),
        task=strict.integer(top["task"], f"{what}'s task"),
        round=strict.integer(top["round"], f"{what}'s round"),
        validator=strict.address(top["validator"], f"{what}'s validator"),
        size=size,
        entries=_entries(top["entries"], held, size),
    )


def _entries(rows: Sequence[Any], held: bytes, size: int) -> tuple[Entry, ...]:
    found, at, before = list[Entry](), 0, -1
    for row in rows:
        one = strict.fields(row, ("count", "index", "root", "submission"), "an entry of the evidence")
        index = strict.integer(one["index"], "an entry's index", before + 1, MAX_ENTRIES - 1)
        count = strict.integer(one["count"], "an entry's count", 0, (len(held) - at) // size)
        submission, root = (strict.bytes32(one[name], f"an entry's {name}") for name in ("submission", "root"))
        pieces = tuple(held[at + k * size : at + (k + 1) * size] for k in range(count))
        found.append(Entry(index, submission, root, pieces))
        at, before = at + count * size, index
    if at != len(held):
        strict.refuse("the evidence has fingerprints that are of no submission", Reason.SIZE)
    return tuple(found)
