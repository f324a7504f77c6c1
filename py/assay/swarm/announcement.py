"""An announcement, what `POST /r` takes and `GET /r` lists: a release, and up to two records of nodes that serve it.

    {"records": [record, …], "release": release}

The records are those of the seeder and of whoever forwards it, so that a node that has never heard of either can fetch
at once. Knows nothing of whether they are true: `releases` and `records` check.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay.artifact import strict
from assay.swarm import record, release
from assay.swarm.record import Record
from assay.swarm.release import Release

ANNOUNCEMENT_BYTES = 16 << 10
RECORDS = 2
_WHAT = "the announcement"


@dataclass(frozen=True, slots=True)
class Announcement:
    """A release and the records of nodes that hold or fetch its artifact."""

    release: Release
    records: tuple[Record, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return it as the JSON object that `read` takes."""
        return {"records": [each.plain() for each in self.records], "release": self.release.plain()}

    def to_json(self) -> bytes:
        """Return it as canonical JSON, at most 16 KiB."""
        return strict.dump(self.plain(), _WHAT)


def read(value: Any) -> Announcement:
    """Read a stranger's JSON value; signatures are still to be checked. Raises Refused."""
    found = strict.fields(value, ("records", "release"), _WHAT)
    records = found["records"]
    if not isinstance(records, list) or len(records) > RECORDS:
        strict.refuse(f"{_WHAT} doesn't list at most {RECORDS} records")
    return Announcement(release.read(found["release"]), tuple(record.read(each) for each in records))


def parse(data: bytes) -> Announcement:
    """Read a stranger's bytes, at most 16 KiB of JSON. Raises Refused."""
    return read(strict.load(data, ANNOUNCEMENT_BYTES, _WHAT))
