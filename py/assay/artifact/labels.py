"""`labels.json`: a submission of labels, one letter an assigned group in the groups' order, as canonical JSON.

Knows nothing of what the letters judge. Doesn't check who wrote them: the manifest binds the file to its trainer.
"""

from __future__ import annotations

from typing import Final

from assay.artifact import strict
from assay.artifact.strict import refuse

LABELS_NAME: Final = "labels.json"
FORMAT: Final = 1
MOST: Final = 4096
"""As many as a submission can have groups."""
_BYTES: Final = MOST + 64


def write_labels(labels: str) -> bytes:
    """Return the file's bytes. Refused if a label isn't one."""
    _check(labels)
    return strict.dump({"format": FORMAT, "labels": labels}, "labels")


def parse_labels(data: bytes, groups: int) -> str:
    """Read strangers' bytes: exactly `groups` labels. Refused, naming what is wrong."""
    found = strict.fields(strict.load(data, _BYTES, LABELS_NAME), ("format", "labels"), LABELS_NAME)
    labels = found["labels"]
    if found["format"] != FORMAT or not isinstance(labels, str):
        refuse(f"{LABELS_NAME} isn't of format {FORMAT}")
    _check(labels)
    if len(labels) != groups:
        refuse(f"{LABELS_NAME} has {len(labels)} labels for {groups} groups")
    if write_labels(labels) != data:
        refuse(f"{LABELS_NAME} isn't canonical JSON")
    return str(labels)


def _check(labels: str) -> None:
    if not 1 <= len(labels) <= MOST or set(labels) - set("ab"):
        refuse(f"labels are 1 to {MOST} letters a or b")
