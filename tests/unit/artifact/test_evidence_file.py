"""The evidence artifact: what is written is read, and nothing else is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from assay.artifact.evidence import FINGERPRINTS, TABLE, Entry, Evidence, read, write
from assay.artifact.folder import write_artifact
from assay.errors import Refused

LIMIT = 1 << 20
HELD = Evidence(
    31337, "0x" + "11" * 20, 3, 2, "0x" + "ab" * 20, 4,
    (
        Entry(0, b"\1" * 32, b"\2" * 32, (b"aaaa", b"bbbb")),
        Entry(3, b"\3" * 32, bytes(32)),
        Entry(7, b"\4" * 32, b"\5" * 32, (b"cccc",)),
    ),
)  # fmt: skip


def spoilt(folder: Path, change: Any, fingerprints: bytes = b"aaaabbbbcccc") -> None:
    """Write the same artifact with a changed table, its manifest made anew."""
    write(folder, HELD)
    table = json.loads((folder / TABLE).read_text())
    change(table)
    write_artifact(folder, "evidence", None, {TABLE: rfc8785.dumps(table), FINGERPRINTS: fingerprints})


def test_evidence__written__is_read_again(tmp_path: Path) -> None:
    root = write(tmp_path / "a", HELD)
    assert read(tmp_path / "a", LIMIT) == HELD
    assert write(tmp_path / "b", HELD) == root
    assert write(tmp_path / "c", replace(HELD, validator="0x" + "ac" * 20)) != root


def test_evidence__no_fingerprint_at_all__is_a_table_alone(tmp_path: Path) -> None:
    empty = replace(HELD, entries=(Entry(3, b"\3" * 32, bytes(32)),))
    write(tmp_path / "a", empty)
    assert not (tmp_path / "a" / FINGERPRINTS).exists()
    assert read(tmp_path / "a", LIMIT) == empty


def test_write__fingerprint_of_another_size__refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="4 bytes"):
        write(tmp_path / "a", replace(HELD, entries=(Entry(0, bytes(32), bytes(32), (b"aaa",)),)))


def entry(**fields: Any) -> Any:
    return lambda table: table["entries"][0].update(fields)


@pytest.mark.parametrize(
    "change",
    [
        entry(count=1 << 40), entry(count=-1), entry(count=True), entry(count=1), entry(index=256), entry(index=3),
        entry(root="0x12"), entry(more=1), lambda table: table.update(size=0), lambda table: table.update(size=9000),
        lambda table: table.update(size=5), lambda table: table.update(format=2), lambda table: table.pop("ledger"),
        lambda table: table.update(entries=[{}] * 257), lambda table: table.update(validator="0x" + "AB" * 20),
        lambda table: table.update(entries={}), lambda table: table.update(task=-1),
    ],
)  # fmt: skip
def test_read__a_table_that_nobody_writes__refused(tmp_path: Path, change: Any) -> None:
    spoilt(tmp_path / "a", change)
    with pytest.raises(Refused):
        read(tmp_path / "a", LIMIT)


def test_read__fingerprints_of_no_submission__refused(tmp_path: Path) -> None:
    spoilt(tmp_path / "a", lambda table: None, b"aaaabbbbccccdddd")
    with pytest.raises(Refused, match="of no submission"):
        read(tmp_path / "a", LIMIT)


def test_read__not_canonical_too_large_or_another_kind__refused(tmp_path: Path) -> None:
    write(tmp_path / "a", HELD)
    with pytest.raises(Refused, match="more than"):
        read(tmp_path / "a", 20)
    table = json.dumps(json.loads((tmp_path / "a" / TABLE).read_text())).encode()
    write_artifact(tmp_path / "b", "evidence", None, {TABLE: table, FINGERPRINTS: b"aaaabbbbcccc"})
    with pytest.raises(Refused, match="canonical"):
        read(tmp_path / "b", LIMIT)
    write_artifact(tmp_path / "c", "gradient", None, {"gradient.bin": b"x"})
    with pytest.raises(Refused, match="isn't a validator's evidence"):
        read(tmp_path / "c", LIMIT)
