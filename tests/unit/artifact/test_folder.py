"""An artifact on disk: whole or not there, and hashed again before use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assay.artifact.folder import open_artifact, write_artifact
from assay.artifact.manifest import CHUNK_BYTES, MANIFEST_BYTES, Manifest
from assay.errors import Refused, Unavailable
from assay.types import Reason
from unit.artifact import parts

LIMIT = 16 * CHUNK_BYTES
CONTENT = bytes(range(256)) * 4096 + b"tail"
FILES: dict[str, bytes | Path] = {"rollouts.parquet": CONTENT, "trace.json": b"{}", "update.safetensors": b"u"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "artifact")
    return tmp_path / "artifact"


def write(folder: Path, **files: bytes | Path) -> Manifest:
    return write_artifact(folder, "submission", parts.binding(), files or FILES)


def test_open__what_write_wrote__has_the_same_root_and_files(folder: Path) -> None:
    artifact = open_artifact(folder, LIMIT)
    assert artifact.root == write(folder).root()
    assert artifact.path("rollouts.parquet").read_bytes() == CONTENT
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, "manifest.json"])
    with pytest.raises(Refused, match="lacks weights"):
        artifact.path("weights.safetensors")


def test_write__over_an_artifact__replaces_it_whole_and_leaves_nothing_beside(folder: Path) -> None:
    source = folder.parent / "source"
    source.write_bytes(b"from a file")
    write_artifact(folder, "submission", parts.binding(), {"trace.json": source})
    assert open_artifact(folder, LIMIT).path("trace.json").read_bytes() == b"from a file"
    assert sorted(path.name for path in folder.parent.iterdir()) == ["artifact", "source"]


@pytest.mark.parametrize("name", ["../out.json", "/tmp/out.json", "a/b", "", ".", "..", "other.bin", "x\0"])  # noqa: S108
def test_write__name_outside_the_list__is_refused_and_nothing_is_written(folder: Path, name: str) -> None:
    with pytest.raises(Refused):
        write_artifact(folder.parent / "new", "submission", parts.binding(), {name: b"x"})
    assert [path.name for path in folder.parent.iterdir()] == ["artifact"]
    assert open_artifact(folder, LIMIT)


def test_open__one_bit_flipped__names_the_chunk(folder: Path) -> None:
    path = folder / "rollouts.parquet"
    data = bytearray(CONTENT)
    data[CHUNK_BYTES + 1] ^= 1
    path.write_bytes(data)
    with pytest.raises(Refused, match=r"chunk 1 of rollouts\.parquet"):
        open_artifact(folder, LIMIT)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda path: path.write_bytes(CONTENT[:-1]), Reason.SIZE),
        (lambda path: path.write_bytes(CONTENT + b"x"), Reason.SIZE),
        (lambda path: path.write_bytes(b""), Reason.SIZE),
        (lambda path: path.unlink(), Reason.MISSING),
        (lambda path: (path.rename(path.parent / "x"), path.symlink_to("x")), Reason.SCHEMA),
        (lambda path: (path.unlink(), path.mkdir()), Reason.SCHEMA),
        (lambda path: (path.unlink(), os.mkfifo(path)), Reason.SCHEMA),
    ],
    ids=["shorter", "longer", "empty", "missing", "link", "folder", "pipe"],
)
def test_open__file_is_not_what_the_manifest_says__is_refused(folder: Path, change: object, reason: Reason) -> None:
    change(folder / "rollouts.parquet")  # type: ignore[operator]
    with pytest.raises(Refused) as caught:
        open_artifact(folder, LIMIT)
    assert caught.value.reason is reason


def test_open__above_the_limit__is_refused_by_size(folder: Path) -> None:
    with pytest.raises(Refused, match="allowed") as caught:
        open_artifact(folder, len(CONTENT))
    assert caught.value.reason is Reason.SIZE


def test_open__no_artifact__is_unavailable(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(Unavailable, match="can't read"):
            open_artifact(path, LIMIT)


def test_open__manifest_is_oversized_or_a_link__is_refused(folder: Path) -> None:
    whole = (folder / "manifest.json").read_bytes()
    with (folder / "manifest.json").open("wb") as sink:
        sink.truncate(MANIFEST_BYTES + 1)
    with pytest.raises(Refused, match="more than"):
        open_artifact(folder, LIMIT)
    (folder / "manifest.json").unlink()
    (folder / "real").write_bytes(whole)
    (folder / "manifest.json").symlink_to("real")
    with pytest.raises(Refused, match="link"):
        open_artifact(folder, LIMIT)


def test_write__disk_cannot_be_written__is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable, match="can't write"):
        write(tmp_path / "file" / "artifact")
